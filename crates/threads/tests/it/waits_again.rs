//! Callbacks that wait for another reactor again and again, until their own is to stop (I9).

use ropewalk_deferred::{Cancelled, Deferred};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threads::{Eventual, HandleThreads as _, ReactorThread};
use std::sync::mpsc::channel;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);

/// A callback that asks for what never comes, and waits again whenever its limit has passed: whether
/// it was called off in the end.
fn wait_again_and_again(
    first: &ReactorThread,
    second: &ReactorThread,
    limit: Duration,
) -> Eventual<bool> {
    let b = second.handle().clone();
    let (waits, is_waiting) = channel();
    let answer = first.handle().eventually(move |_| {
        let mut asked = b.eventually(|reactor| {
            let (promise, deferred) = Deferred::<()>::new();
            reactor.call_later(LONG, |_| drop(promise));
            deferred
        });
        waits.send(()).unwrap();
        loop {
            match asked.wait_timeout(limit) {
                Ok(answer) => return Ok(answer.is_err_and(|failure| failure.is::<Cancelled>())),
                Err(not_yet) => asked = not_yet,
            }
        }
    });
    is_waiting.recv().unwrap();
    answer
}

/// A limit that has not passed gives no `Eventual` back, with which a loop would spin for ever.
#[test]
fn i9_stop_now_ends_a_callback_that_waits_again_and_again() {
    within(DEADLINE, || {
        let (first, second) = (ReactorThread::spawn().unwrap(), ReactorThread::spawn().unwrap());
        let answer = wait_again_and_again(&first, &second, LONG);
        first.handle().stop_now();
        assert!(answer.wait().unwrap(), "called off");
        drop(first.join());
        second.join().unwrap();
    });
}

/// The shutdown deadline counts from the stop, and not anew with each wait.
#[test]
fn i9_a_stop_ends_a_callback_that_waits_again_and_again() {
    within(DEADLINE, || {
        let deadline = Duration::from_millis(50);
        let make = move || Reactor::builder().shutdown_deadline(deadline).build();
        let first = ReactorThread::spawn_with(make).unwrap();
        let second = ReactorThread::spawn().unwrap();
        let answer = wait_again_and_again(&first, &second, Duration::from_millis(5));
        first.join().unwrap();
        assert!(answer.wait().unwrap(), "called off");
        second.join().unwrap();
    });
}
