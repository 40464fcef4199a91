//! Questions to a value that lives with a reactor.

use crate::support::{Drops, foreign, gated, just_above, must_not_run, unanswered};
use pollster::block_on;
use ropewalk_deferred::{Deferred, Panicked, Result, TimedOut};
use ropewalk_reactor::{Reactor, ReactorStopped, Remote};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threads::{HandleThreads as _, ReactorThread, RemoteThreads as _, WouldDeadlock};
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// Neither `Send` nor `Sync`.
type Counter = Rc<Cell<u32>>;

fn counting() -> (ReactorThread, Remote<Counter>) {
    ReactorThread::spawn_sharing(|_| Ok(Rc::new(Cell::new(1)))).unwrap()
}

/// A bridge that brings an answer back.
type Bridge = fn(&Remote<Counter>) -> Result<u32>;

fn later(counter: &Rc<Counter>, reactor: &Reactor) -> Deferred<u32> {
    let (promise, deferred) = Deferred::new();
    // What is started here keeps the value.
    let counter = Rc::clone(counter);
    reactor.call_soon(move |_| promise.callback(counter.replace(7)));
    deferred
}

const BRIDGES: [Bridge; 5] = [
    |counter| counter.blocking_call_from_thread(later),
    |counter| counter.blocking_call_from_thread_timeout(Duration::MAX, later),
    |counter| counter.blocking_call_from_thread_timeout(Duration::from_secs(600), later),
    |counter| counter.eventually(later).wait(),
    |counter| block_on(counter.eventually(later)),
];

#[test]
fn each_bridge_brings_the_answer_of_the_value() {
    within(DEADLINE, || {
        for bridge in BRIDGES {
            let (reactor, counter) = counting();
            assert_eq!(bridge(&counter).unwrap(), 1);
            let now = counter.blocking_call_from_thread(|counter, _| Ok(counter.get()));
            assert_eq!(now.unwrap(), 7);
            reactor.join().unwrap();
        }
    });
}

#[test]
fn a_question_keeps_the_value_until_it_is_asked() {
    within(DEADLINE, || {
        let (reactor, dropped) = (Reactor::new().unwrap(), Drops::default());
        let remote = reactor.share(dropped.witness());
        let answer = remote.eventually(|_, reactor| {
            reactor.call_soon(|reactor| reactor.stop());
            Ok(3)
        });
        drop(remote);
        reactor.run().unwrap();
        assert_eq!(answer.wait().unwrap(), 3);
        assert_eq!(dropped.count(), 1, "and no longer");
    });
}

/// That the value is gone and that the reactor is are one and the same.
#[test]
fn i4_after_the_stop_and_when_the_value_is_gone_each_bridge_fails_at_once() {
    within(DEADLINE, || {
        for bridge in BRIDGES {
            let reactor = Reactor::new().unwrap();
            let counter = reactor.share(Rc::new(Cell::new(1)));
            reactor.stop();
            reactor.run().unwrap();
            let ask = |counter: &Remote<Counter>| {
                let counter = counter.clone();
                foreign(move || bridge(&counter)).join().unwrap().unwrap_err()
            };
            assert!(ask(&counter).is::<ReactorStopped>());
            drop(reactor);
            assert!(ask(&counter).is::<ReactorStopped>());
            assert!(bridge(&counter).unwrap_err().is::<ReactorStopped>(), "also where it lived");
        }
    });
}

#[test]
fn i4_who_waits_is_told_when_the_value_goes_with_its_reactor() {
    within(DEADLINE, || {
        for bridge in BRIDGES {
            let reactor = Reactor::new().unwrap();
            let counter = reactor.share(Rc::new(Cell::new(1)));
            let waiting = foreign(move || bridge(&counter));
            // Asked already, or not yet.
            drop(reactor);
            assert!(waiting.join().unwrap().unwrap_err().is::<ReactorStopped>());
        }
    });
}

#[test]
fn i4_on_the_thread_of_the_value_a_wait_is_refused() {
    within(DEADLINE, || {
        let (reactor, dropped) = (Reactor::new().unwrap(), Drops::default());
        let remote = reactor.share(());
        let (one, two, three) = (dropped.witness(), dropped.witness(), dropped.witness());
        let refused = [
            remote.blocking_call_from_thread(move |_, _| must_not_run(&one)),
            remote.blocking_call_from_thread_timeout(Duration::ZERO, move |_, _| {
                must_not_run(&two);
            }),
            remote.eventually(move |_, _| must_not_run(&three)).wait(),
        ];
        assert!(refused.into_iter().all(|one| one.unwrap_err().is::<WouldDeadlock>()));
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!((dropped.count(), reactor.stats().panics), (3, 0));
    });
}

#[test]
fn i2_a_limit_calls_off_what_waits_and_what_has_not_begun() {
    within(DEADLINE, || {
        let (reactor, counter) = counting();
        let (cancelled, was_cancelled) = channel();
        let late = counter.blocking_call_from_thread_timeout(Duration::ZERO, move |_, reactor| {
            unanswered::<u32>(reactor, move || cancelled.send(()).unwrap())
        });
        assert!(late.unwrap_err().is::<TimedOut>());
        // By its canceller, or, where it had not begun, by its drop.
        let _ = was_cancelled.recv();

        let ((gate, wait), dropped) = (gated(), Drops::default());
        reactor.handle().call_from_thread(move |_| wait()).unwrap();
        gate.started.recv().unwrap();
        let witness = dropped.witness();
        let late = counter.blocking_call_from_thread_timeout(Duration::ZERO, move |_, _| {
            must_not_run(&witness);
        });
        assert!(late.unwrap_err().is::<TimedOut>());
        drop(gate);
        reactor.handle().blocking_call_from_thread(|_| ()).unwrap();
        assert_eq!(dropped.count(), 1);
    });
}

/// As with a handle: one that was polled is called off by its drop.
#[test]
fn i2_a_question_that_was_awaited_is_called_off_by_its_drop() {
    within(DEADLINE, || {
        let (reactor, dropped) = (Reactor::new().unwrap(), Drops::default());
        let witness = dropped.witness();
        let answer = reactor.share(()).eventually(move |_, _| must_not_run(&witness));
        drop(answer.cancel_on_drop());
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!((dropped.count(), reactor.stats().panics), (1, 0));
    });
}

#[test]
fn its_failures_are_those_of_the_closure_with_the_line_of_the_question() {
    within(DEADLINE, || {
        let (_reactor, counter) = counting();
        let failure = counter.blocking_call_from_thread(|_, _| Ok("seven".parse::<u32>()?));
        assert!(failure.unwrap_err().is::<std::num::ParseIntError>());
        let panics = |_: &Rc<Counter>, _: &Reactor| -> Result<u32> { panic!("in a question") };
        let failures = [
            counter.blocking_call_from_thread(panics),
            counter.blocking_call_from_thread_timeout(Duration::MAX, panics),
            counter.eventually(panics).wait(),
        ];
        for failure in failures.map(Result::unwrap_err) {
            let panicked = failure.downcast_ref::<Panicked>().unwrap();
            assert_eq!(panicked.message(), "in a question");
            assert_eq!(panicked.location().file(), file!());
        }
        let failure = counter.blocking_call_from_thread(panics).unwrap_err();
        assert!(just_above(failure.downcast_ref::<Panicked>().unwrap().location()));
    });
}

#[test]
fn i1_a_shared_state_is_made_used_and_dropped_in_the_thread_of_its_reactor() {
    struct State(RefCell<Vec<thread::ThreadId>>, std::sync::mpsc::Sender<Vec<thread::ThreadId>>);
    impl Drop for State {
        fn drop(&mut self) {
            self.0.borrow_mut().push(thread::current().id());
            let _ = self.1.send(self.0.take());
        }
    }
    within(DEADLINE, || {
        for drops_first in [true, false] {
            let (sender, receiver) = channel();
            let (reactor, state) = ReactorThread::builder()
                .name("sharing")
                .spawn_sharing(move |reactor| {
                    assert!(!reactor.running());
                    assert_eq!(thread::current().name(), Some("sharing"));
                    Ok(State(RefCell::new(vec![thread::current().id()]), sender))
                })
                .unwrap();
            let note = |state: &Rc<State>, _: &Reactor| {
                state.0.borrow_mut().push(thread::current().id());
                Ok(thread::current().id())
            };
            let its_own = state.blocking_call_from_thread(note).unwrap();
            if drops_first {
                drop(state);
                assert_eq!(receiver.recv().unwrap(), [its_own; 3], "after the last `Remote`");
                reactor.join().unwrap();
            } else {
                reactor.join().unwrap();
                assert_eq!(receiver.recv().unwrap(), [its_own; 3], "with its reactor");
                assert!(state.eventually(|_, _| ()).wait().unwrap_err().is::<ReactorStopped>());
            }
        }
    });
}

#[test]
fn a_state_that_cannot_be_made_leaves_no_reactor_behind() {
    within(DEADLINE, || {
        let dropped = Arc::new(Drops::default());
        let witness = dropped.witness();
        let refused = ReactorThread::spawn_sharing(move |reactor| {
            reactor.call_later(Duration::MAX, move |_| drop(witness));
            Err::<(), _>(io::Error::new(io::ErrorKind::NotFound, "no state"))
        });
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::NotFound);
        let panicked = ReactorThread::spawn_sharing(|_| -> io::Result<()> { panic!("no state") });
        assert_eq!(panicked.unwrap_err().kind(), io::ErrorKind::Other);
        while dropped.count() == 0 {
            thread::yield_now();
        }
    });
}
