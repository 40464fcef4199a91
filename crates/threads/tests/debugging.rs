//! Panics in debug mode, in a process of its own: the mode holds for all threads.
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use ropewalk_deferred::{Failure, Panicked, Result, set_debugging};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threads::{HandleThreads as _, ReactorThread, ReactorThreads as _};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Runs `body` with the mode on, and then off, under a deadline.
fn with_and_without(body: impl Fn(bool) + Send + Sync) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    within(DEADLINE, || {
        for on in [true, false] {
            set_debugging(on);
            body(on);
        }
    });
}

#[inline(never)]
fn breaks_in_a_worker(what: &str) -> Result<u32> {
    panic!("{what} broke")
}

#[inline(never)]
fn breaks_in_the_reactor(what: &str) -> Result<u32> {
    panic!("{what} broke")
}

/// What it says, and, in debug mode only, where it happened and through which function.
#[track_caller]
fn check(on: bool, failure: &Failure, message: &str, line: u32, function: &str, place: u32) {
    let panicked = failure.downcast_ref::<Panicked>().unwrap();
    assert_eq!(panicked.message(), message);
    assert_eq!((panicked.location().file(), panicked.location().line()), (file!(), line));
    let Some(stack) = panicked.backtrace() else {
        assert!(!on && panicked.panicked_at().is_none());
        return;
    };
    assert!(on, "{panicked}");
    let at = panicked.panicked_at().unwrap();
    assert!(at.starts_with(&format!("{}:{place}:", file!())), "{at}");
    assert!(panicked.to_string().contains(at), "{panicked}");
    let stack = stack.to_string();
    assert!(stack.contains(function), "{stack}");
    // That of the thread on which it happened, where no test runs.
    assert!(!stack.contains("with_and_without"), "{stack}");
}

/// The line of the panic in the two functions above.
const IN_A_WORKER: u32 = 27;
const IN_THE_REACTOR: u32 = 32;

/// One worker, so that it has the two panics one after the other.
#[test]
fn w28_a_panic_of_a_job_is_told_with_the_call_stack_of_its_worker() {
    with_and_without(|on| {
        let reactor = Reactor::new().unwrap();
        reactor.suggest_thread_pool_size(1).unwrap();
        let ropes = ["the first rope", "the second rope"];
        let line = line!() + 1;
        let jobs = ropes.map(|rope| reactor.defer_to_thread(move || breaks_in_a_worker(rope)));
        let failures = Rc::new(RefCell::new(Vec::new()));
        for job in jobs {
            let (handle, list) = (reactor.handle(), Rc::clone(&failures));
            job.on_failure(move |failure| {
                list.borrow_mut().push(failure);
                handle.stop();
            });
        }
        // Which waits for both of them.
        reactor.run().unwrap();
        assert_eq!(failures.borrow().len(), 2);
        for (failure, rope) in failures.borrow().iter().zip(ropes) {
            let message = format!("{rope} broke");
            check(on, failure, &message, line, "breaks_in_a_worker", IN_A_WORKER);
        }
    });
}

#[test]
fn w28_a_panic_of_a_blocking_call_is_told_with_the_call_stack_of_the_reactor_thread() {
    with_and_without(|on| {
        let reactor = ReactorThread::spawn().unwrap();
        let line = line!() + 1;
        let call = reactor.handle().blocking_call_from_thread(|_| breaks_in_the_reactor("a rope"));
        let failure = call.unwrap_err();
        check(on, &failure, "a rope broke", line, "breaks_in_the_reactor", IN_THE_REACTOR);
        reactor.join().unwrap();
    });
}
