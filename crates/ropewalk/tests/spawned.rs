//! Tasks that another thread waits for: two crates that do not know each other.

use ropewalk::deferred::Cancelled;
use ropewalk::prelude::*;
use ropewalk::reactor::ReactorStopped;
use ropewalk::threads::ReactorThread;
use ropewalk_testing::{DEADLINE, within};
use std::future::pending;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

/// Tells of its drop.
struct Told(Sender<&'static str>);

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

#[test]
fn another_thread_waits_for_a_task() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let handle = reactor.handle();
        let five = |reactor: &Reactor| reactor.spawn(async { Ok(5) });
        assert_eq!(handle.blocking_call_from_thread(five).unwrap(), 5);
        assert_eq!(handle.eventually(five).wait().unwrap(), 5);
        let six = handle.blocking_call_from_thread(move |reactor| five(reactor).map(|n| n + 1));
        assert_eq!(six.unwrap(), 6);
        let limited = handle.blocking_call_from_thread(move |reactor| {
            five(reactor).timeout(reactor, Duration::MAX)
        });
        assert_eq!(limited.unwrap(), 5);
    });
}

#[test]
fn a_task_is_cancelled_by_who_waits_for_it() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let (sender, receiver) = channel();
        let answer = reactor.handle().eventually(move |reactor| {
            reactor.spawn(async move {
                let told = Told(sender);
                let _ = told.0.send("runs");
                pending::<()>().await;
                Ok(())
            })
        });
        assert_eq!(receiver.recv().unwrap(), "runs");
        answer.cancel();
        assert_eq!(receiver.recv().unwrap(), "dropped");
        assert!(answer.wait().unwrap_err().is::<Cancelled>());
    });
}

#[test]
fn who_waits_for_a_task_is_told_that_the_reactor_stops() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let (sender, receiver) = channel();
        let answer = reactor.handle().eventually(move |reactor| {
            reactor.spawn(async move {
                sender.send("runs").unwrap();
                pending::<()>().await;
                Ok(())
            })
        });
        assert_eq!(receiver.recv().unwrap(), "runs");
        reactor.join().unwrap();
        assert!(answer.wait().unwrap_err().is::<ReactorStopped>());
    });
}
