//! User code that calls back into the bridges from anywhere (I5).

use crate::support::{OnDrop, Place, gated, peek, taken};
use ropewalk_deferred::{Cancelled, Deferred};
use ropewalk_reactor::{Phase, Reactor, ReactorStopped, SystemEvent};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::ThreadPool;
use ropewalk_threads::{HandleThreads as _, ReactorThreads as _};
use std::cell::RefCell;
use std::future::Future as _;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::task::{Context, Wake, Waker};

type Later<T> = Rc<RefCell<Option<Place<T>>>>;

fn later<T>() -> (Later<T>, Later<T>) {
    let place = Rc::new(RefCell::new(None));
    (Rc::clone(&place), place)
}

/// Not `Send`, so it is dropped on the reactor thread, in the middle of a callback's drop.
#[test]
fn i5_a_drop_on_the_reactor_thread_may_defer_to_the_pool() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (mine, place) = later();
        let captured = OnDrop::new(move || {
            let deferred = Reactor::with_current(|reactor| {
                reactor.stop();
                reactor.defer_to_thread(|| Ok(3))
            });
            place.replace(Some(peek(deferred.unwrap())));
        });
        reactor.call_when_running(|reactor| reactor.call_soon(move |_| drop(captured)));
        reactor.run().unwrap();
        assert_eq!(taken(&mine.take().unwrap()).unwrap(), 3);
    });
}

/// A job's capture, dropped by the cancel of its deferred, uses everything there is.
#[test]
fn i5_the_drop_of_a_cancelled_job_may_use_every_bridge() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (handle, (sender, receiver)) = (reactor.handle(), channel());
        let captured = OnDrop::new(move || {
            handle.call_in_thread(|| ()).unwrap();
            handle.suggest_thread_pool_size(7).unwrap();
            handle.eventually(|_| Ok(3)).cancel();
            assert!(handle.blocking_call_from_thread(|_| ()).is_err());
            let deferred = Reactor::with_current(|reactor| reactor.defer_to_thread(|| ()));
            sender.send(deferred.is_some()).unwrap();
        });
        let deferred = reactor.defer_to_thread(move || drop(captured));
        let canceller = deferred.canceller();
        let place = peek(deferred);
        // The pool has not been started yet, so that the job is still queued.
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Startup, move |reactor| {
            canceller.cancel();
            reactor.stop();
        });
        reactor.run().unwrap();
        assert!(receiver.try_recv().unwrap(), "dropped on the reactor thread");
        assert!(taken(&place).unwrap_err().is::<Cancelled>());
        assert_eq!(reactor.stats().panics, 0);
    });
}

#[test]
fn i5_an_errback_at_the_end_of_the_run_may_cancel_the_others() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let pool = ThreadPool::builder().build().unwrap(); // never started
        let others: Vec<_> = (0..3).map(|_| reactor.defer_to_thread_pool(&pool, || ())).collect();
        let cancellers: Vec<_> = others.iter().map(Deferred::canceller).collect();
        let places: Vec<_> = others
            .into_iter()
            .map(|other| {
                let cancellers = cancellers.clone();
                peek(other.add_errback(move |failure| {
                    cancellers.iter().for_each(|canceller| canceller.cancel());
                    Err(failure)
                }))
            })
            .collect();
        reactor.call_when_running(|reactor| reactor.crash());
        reactor.run().unwrap();
        assert!(places.iter().all(|place| taken(place).is_err()));
        assert_eq!(reactor.stats().panics, 0);
    });
}

/// The waker of an answer runs on the reactor thread, in the middle of ours.
#[test]
fn i5_a_waker_may_use_every_bridge() {
    struct Busy(ropewalk_reactor::ReactorHandle);
    impl Wake for Busy {
        fn wake(self: Arc<Self>) {
            Reactor::with_current(|reactor| reactor.defer_to_thread(|| ()).detach());
            let _ = self.0.call_in_thread(|| ());
            self.0.eventually(|_| ()).cancel();
            let _ = self.0.suggest_thread_pool_size(8);
            self.0.stop();
        }
    }
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let waker = Waker::from(Arc::new(Busy(reactor.handle())));
        let mut answers: Vec<_> = (0..3)
            .map(|n| {
                reactor.handle().eventually(move |reactor| {
                    let (promise, deferred) = Deferred::<()>::new();
                    reactor.local::<RefCell<Vec<_>>>().borrow_mut().push(promise);
                    if n == 0 { Deferred::succeed(()) } else { deferred }
                })
            })
            .collect();
        for answer in &mut answers {
            let answer = std::pin::Pin::new(answer);
            assert!(answer.poll(&mut Context::from_waker(&waker)).is_pending());
        }
        reactor.run().unwrap();
        let stopped = |answer: ropewalk_deferred::Result<()>| {
            answer.is_err_and(|failure| failure.is::<ReactorStopped>())
        };
        let answers = answers.into_iter().map(|answer| answer.try_take().unwrap());
        assert_eq!(answers.map(stopped).collect::<Vec<_>>(), [false, true, true]);
        assert_eq!(reactor.stats().panics, 0);
    });
}

#[test]
fn i5_a_callback_may_defer_call_ask_and_resize() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (mine, place) = later();
        reactor
            .defer_to_thread(|| ())
            .add_callback(move |()| {
                let again = Reactor::with_current(|reactor| {
                    reactor.suggest_thread_pool_size(2).unwrap();
                    reactor.call_in_thread(|| ()).unwrap();
                    reactor.handle().eventually(|_| ()).cancel();
                    reactor.stop();
                    reactor.defer_to_thread(|| Ok(3))
                });
                place.replace(Some(peek(again.unwrap())));
            })
            .detach();
        reactor.run().unwrap();
        assert_eq!(taken(&mine.take().unwrap()).unwrap(), 3);
    });
}

/// The report of a shutdown that timed out looks into the books while their owners are about.
#[test]
fn i5_triggers_of_every_phase_may_use_every_bridge() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let events = [SystemEvent::Startup, SystemEvent::Shutdown, SystemEvent::End];
        for round in 0..2 {
            for event in events {
                for phase in [Phase::Before, Phase::During, Phase::After] {
                    reactor.add_system_event_trigger(phase, event, move |reactor| {
                        let handle = reactor.handle();
                        let (gate, job) = gated();
                        drop(gate);
                        let _ = reactor.call_in_thread(job);
                        let _ = handle.call_in_thread(|| ());
                        handle.eventually(|_| ()).cancel();
                        reactor.suggest_thread_pool_size(3 + round).unwrap();
                        reactor.defer_to_thread(|| ()).add_errback(|_| ()).detach();
                        let deferred = reactor.defer_to_thread(|| ());
                        deferred.cancel();
                        deferred.add_errback(|_| ()).detach();
                    });
                }
            }
            reactor.call_when_running(|reactor| reactor.stop());
            reactor.run().unwrap();
            assert_eq!(reactor.stats().panics, 0);
        }
        assert!(reactor.call_in_thread(|| ()).is_err());
    });
}
