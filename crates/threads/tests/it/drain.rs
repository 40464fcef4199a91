//! The reactor's pool through the shutdown: who may still use it, and when it ends.

use crate::support::{foreign, gated, peek, taken, while_held};
use ropewalk_reactor::{Phase, Reactor, SystemEvent};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{SubmitError, SubmitErrorKind};
use ropewalk_threads::{HandleThreads as _, ReactorThreads as _};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc::channel;

/// A reactor whose pool has been made already, or not.
fn with_pool(is_made: bool) -> Reactor {
    let reactor = Reactor::new().unwrap();
    if is_made {
        let _ = reactor.thread_pool();
    }
    reactor
}

/// What Twisted is used for: a *before* trigger that saves something in a thread.
#[test]
fn a_before_trigger_may_defer_to_the_pool_whenever_the_pool_was_made() {
    within(DEADLINE, || {
        for made_first in [true, false] {
            let reactor = with_pool(made_first);
            let saved = Rc::new(RefCell::new(None));
            let place = Rc::clone(&saved);
            reactor.add_system_event_trigger(
                Phase::Before,
                SystemEvent::Shutdown,
                move |reactor| {
                    place.replace(Some(peek(reactor.defer_to_thread(|| Ok("saved")))));
                },
            );
            reactor.stop();
            reactor.run().unwrap();
            let place = saved.take().unwrap();
            assert_eq!(taken(&place).unwrap(), "saved", "made first: {made_first}");
            let refused = reactor.call_in_thread(|| ()).unwrap_err();
            assert_eq!(refused.kind(), SubmitErrorKind::Stopped);
        }
    });
}

/// Twisted keeps the pool for what a *before* trigger waits for, however many steps that has.
#[test]
fn a_before_trigger_may_have_as_many_steps_as_it_holds_the_shutdown_for() {
    within(DEADLINE, || {
        for made_first in [true, false] {
            let reactor = with_pool(made_first);
            let saved = Rc::new(RefCell::new(None));
            let place = Rc::clone(&saved);
            let steps = move |reactor: &Reactor| {
                let hold = reactor.hold(SystemEvent::Shutdown);
                let mut steps = reactor.defer_to_thread(|| Ok(0));
                for _ in 0..5 {
                    steps = steps.add_callback(|n| {
                        let job = |reactor: &Reactor| reactor.defer_to_thread(move || Ok(n + 1));
                        Reactor::with_current(job).unwrap()
                    });
                }
                let steps = steps.add_both(move |result| {
                    drop(hold);
                    result
                });
                place.replace(Some(peek(steps)));
            };
            reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, steps);
            reactor.stop();
            reactor.run().unwrap();
            assert_eq!(taken(&saved.take().unwrap()).unwrap(), 5, "made first: {made_first}");
        }
    });
}

/// Without a hold nobody waits for further steps: a callback that always has one more would keep the
/// reactor from stopping.
#[test]
fn i9_what_nobody_holds_the_shutdown_for_finds_the_pool_closed_at_the_second_step() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let place = Rc::new(RefCell::new(None));
        let steps = Rc::clone(&place);
        let (gate, job) = gated();
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |reactor| {
            let second =
                |()| Reactor::with_current(|reactor| reactor.defer_to_thread(|| ())).unwrap();
            steps.replace(Some(peek(reactor.defer_to_thread(job).add_callback(second))));
        });
        // The first ends when nobody holds the shutdown: its result comes in a later turn.
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Drain, |_| drop(gate));
        reactor.stop();
        reactor.run().unwrap();
        let failure = taken(&place.take().unwrap()).unwrap_err();
        let refused = failure.downcast_ref::<SubmitError<()>>().unwrap();
        assert_eq!(refused.kind(), SubmitErrorKind::Stopped);
    });
}

/// The pool is asked for the first time when a *before* trigger holds the shutdown, or when the pools
/// of others drain already.
#[test]
fn i2_a_pool_made_while_the_shutdown_is_held_is_drained_and_closed() {
    within(DEADLINE, || {
        for event in [SystemEvent::Shutdown, SystemEvent::Drain] {
            let reactor = Reactor::new().unwrap();
            let (sender, receiver) = channel();
            while_held(&reactor, event, move |reactor, hold| {
                let (gate, wait) = gated();
                let job = move || {
                    wait();
                    sender.send("ran").unwrap();
                };
                reactor.call_in_thread(job).unwrap();
                let opening = foreign(move || {
                    gate.started.recv().unwrap();
                    drop(gate);
                });
                reactor.call_soon(move |_| drop((hold, opening)));
            });
            reactor.stop();
            reactor.run().unwrap();
            assert_eq!(receiver.try_recv().unwrap(), "ran");
            let refused = reactor.call_in_thread(|| ()).unwrap_err();
            assert_eq!(refused.kind(), SubmitErrorKind::Stopped);
        }
    });
}

/// There are no turns any more for a pool that is made this late; its jobs run all the same.
#[test]
fn i2_a_pool_made_by_a_late_trigger_is_closed() {
    within(DEADLINE, || {
        for phase in [Phase::During, Phase::After] {
            let reactor = Reactor::new().unwrap();
            let (sender, receiver) = channel();
            reactor.add_system_event_trigger(phase, SystemEvent::Shutdown, move |reactor| {
                reactor.call_in_thread(move || sender.send("ran").unwrap()).unwrap();
            });
            reactor.stop();
            reactor.run().unwrap();
            assert_eq!(receiver.recv().unwrap(), "ran");
            let refused = reactor.call_in_thread(|| ()).unwrap_err();
            assert_eq!(refused.kind(), SubmitErrorKind::Stopped);
            // And the next run has a pool of its own.
            let next = peek(late(&reactor));
            assert_eq!(taken(&next).unwrap(), 3);
        }
    });
}

/// A deferred job of a further run.
fn late(reactor: &Reactor) -> ropewalk_deferred::Deferred<u32> {
    let (promise, deferred) = ropewalk_deferred::Deferred::new();
    reactor.call_soon(|reactor| {
        reactor.defer_to_thread(|| Ok(3)).chain_deferred(promise);
        reactor.stop();
    });
    reactor.run().unwrap();
    deferred
}

/// The call that ties the pool to the reactor waits behind more calls than one turn serves.
#[test]
fn i2_a_pool_made_by_a_foreign_thread_that_comes_late_is_drained_and_closed() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().budget(1.try_into().unwrap()).build().unwrap();
        let (handle, (sender, receiver)) = (reactor.handle(), channel());
        foreign(move || {
            (0..5).for_each(|_| handle.call_from_thread(|_| ()).unwrap());
            handle.call_in_thread(move || sender.send("ran").unwrap()).unwrap();
        })
        .join()
        .unwrap();
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(receiver.try_recv().unwrap(), "ran");
        assert_eq!(reactor.call_in_thread(|| ()).unwrap_err().kind(), SubmitErrorKind::Stopped);
    });
}

#[test]
fn b65_a_pool_made_in_the_run_is_stopped_with_it() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let kept = Rc::new(RefCell::new(None));
        let place = Rc::clone(&kept);
        reactor.call_when_running(|reactor| {
            reactor.call_soon(move |reactor| {
                place.replace(Some(reactor.thread_pool()));
                reactor.stop();
            });
        });
        reactor.run().unwrap();
        let pool = kept.take().unwrap();
        assert_eq!(pool.call_in_thread(|| ()).unwrap_err().kind(), SubmitErrorKind::Stopped);
    });
}

/// Twisted: `shutdown` fired without a run. Here a reactor that never ran is dropped.
#[test]
fn b66_a_pool_of_a_reactor_that_never_ran_ends_with_it() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let pool = reactor.thread_pool();
        pool.start().unwrap();
        let (sender, receiver) = channel();
        reactor.call_in_thread(move || sender.send(()).unwrap()).unwrap();
        receiver.recv().unwrap();
        let handle = reactor.handle();
        drop(reactor);
        assert_eq!(handle.call_in_thread(|| ()).unwrap_err().kind(), SubmitErrorKind::Stopped);
        pool.stop();
        assert_eq!(pool.stats().threads, 0);
    });
}

/// The last calls of a run may bring the first need of a pool.
#[test]
fn i2_a_pool_made_by_the_last_call_of_a_run_takes_nothing() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (sender, receiver) = channel();
        reactor.add_system_event_trigger(Phase::After, SystemEvent::Shutdown, move |reactor| {
            let call = move |reactor: &Reactor| {
                sender.send(reactor.call_in_thread(|| ()).unwrap_err().kind()).unwrap();
            };
            reactor.handle().call_from_thread(call).unwrap();
        });
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(receiver.try_recv().unwrap(), SubmitErrorKind::Stopped);
    });
}
