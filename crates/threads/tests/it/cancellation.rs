//! Deferred jobs that nobody wants any more (W9).

use crate::support::{Drops, OnDrop, gated, must_not_run, peek, run_for, taken};
use ropewalk_deferred::{CancelHandle, Cancelled, Deferred};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{CancelToken, ThreadPool};
use ropewalk_threads::{HandleThreads as _, ReactorThreads as _};
use std::cell::RefCell;
use std::sync::mpsc::channel;
use std::thread;

/// W9: in Twisted a queued job runs all the same.
#[test]
fn w9_a_queued_job_never_runs_and_is_dropped_at_once() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let dropped = Drops::default();
        let witness = dropped.witness();
        let deferred = reactor.defer_to_thread(move || must_not_run(&witness));
        let canceller = deferred.canceller();
        let place = peek(deferred);
        canceller.cancel();
        assert_eq!(dropped.count(), 1);
        let failure = taken(&place).unwrap_err();
        assert!(failure.is::<Cancelled>(), "{failure:?}");
        assert_eq!(reactor.thread_pool().stats().cancelled, 1);
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(reactor.thread_pool().stats().threads, 0);
    });
}

#[test]
fn w9_a_queued_job_of_a_busy_pool_never_runs() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor.suggest_thread_pool_size(1).unwrap();
        let dropped = Drops::default();
        let witness = dropped.witness();
        let (gate, busy) = gated();
        reactor.call_in_thread(busy).unwrap();
        let deferred = reactor.defer_to_thread(move || must_not_run(&witness));
        let canceller = deferred.canceller();
        let place = peek(deferred);
        reactor.call_when_running(move |reactor| {
            gate.started.recv().unwrap();
            canceller.cancel();
            drop(gate);
            reactor.stop();
        });
        reactor.run().unwrap();
        assert!(taken(&place).unwrap_err().is::<Cancelled>());
        assert_eq!(dropped.count(), 1);
    });
}

#[test]
fn w9_a_running_job_sees_it_and_its_result_is_dropped() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let dropped = Drops::default();
        let witness = dropped.witness();
        let (starts, started) = channel();
        let deferred = reactor.defer_to_thread(move || {
            let token = CancelToken::current();
            starts.send(token.is_cancelled()).unwrap();
            while !token.is_cancelled() {
                thread::yield_now();
            }
            Ok(witness)
        });
        let canceller = deferred.canceller();
        let place = peek(deferred.map(|_| ()));
        reactor.call_when_running(move |reactor| {
            assert!(!started.recv().unwrap());
            canceller.cancel();
            reactor.stop();
        });
        reactor.run().unwrap();
        assert_eq!(reactor.stats().panics, 0);
        assert!(taken(&place).unwrap_err().is::<Cancelled>());
        assert_eq!(dropped.count(), 1);
    });
}

#[test]
fn the_last_link_of_a_chain_cancels_the_job_that_a_callback_deferred() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let pool = ThreadPool::builder().build().unwrap(); // never started
        let dropped = Drops::default();
        let witness = dropped.witness();
        let inner = pool.clone();
        let deferred = reactor.defer_to_thread(|| ()).add_callback(move |()| {
            let job = move || must_not_run(&witness);
            Reactor::with_current(|reactor| {
                let stopping = reactor.local::<RefCell<Option<CancelHandle>>>();
                reactor.call_soon(move |reactor| {
                    stopping.take().unwrap().cancel();
                    reactor.stop();
                });
                reactor.defer_to_thread_pool(&inner, job)
            })
            .unwrap()
        });
        reactor.local::<RefCell<Option<CancelHandle>>>().replace(Some(deferred.canceller()));
        let place = peek(deferred);
        reactor.run().unwrap();
        assert!(taken(&place).unwrap_err().is::<Cancelled>());
        assert_eq!((dropped.count(), pool.stats().cancelled), (1, 1));
    });
}

#[test]
fn a_cancel_after_the_result_changes_nothing() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let deferred = reactor.defer_to_thread(|| Ok(3));
        let canceller = deferred.canceller();
        assert_eq!(run_for(&reactor, deferred).unwrap(), 3);
        canceller.cancel();
    });
}

/// The result is on its way when the cancel comes: it is dropped, on the reactor thread.
#[test]
fn a_cancel_that_meets_the_result_on_its_way_wins() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let dropped = Drops::default();
        let witness = dropped.witness();
        let pool = ThreadPool::builder().min_threads(0).max_threads(1).build().unwrap();
        pool.start().unwrap();
        let deferred = reactor.defer_to_thread_pool(&pool, move || Ok(witness));
        let canceller = deferred.canceller();
        let place = peek(deferred.map(|_| ()));
        pool.stop(); // the worker has handed in the result
        assert_eq!(dropped.count(), 0);
        canceller.cancel();
        assert!(taken(&place).unwrap_err().is::<Cancelled>());
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(dropped.count(), 1);
    });
}

#[test]
fn a_cancelled_job_does_not_hold_the_shutdown() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let pool = ThreadPool::builder().max_threads(1).build().unwrap();
        pool.start().unwrap();
        let (gate, job) = gated();
        pool.call_in_thread(job).unwrap();
        gate.started.recv().unwrap();
        let deferred = reactor.defer_to_thread_pool(&pool, || ());
        let canceller = deferred.canceller();
        let place = peek(deferred);
        reactor.stop();
        reactor.add_system_event_trigger(
            ropewalk_reactor::Phase::Before,
            ropewalk_reactor::SystemEvent::Shutdown,
            // In the turns of the shutdown, which is held for the result.
            move |reactor| reactor.call_soon(move |_| canceller.cancel()),
        );
        reactor.run().unwrap();
        assert!(taken(&place).unwrap_err().is::<Cancelled>());
        drop(gate);
    });
}

#[test]
fn i3_a_capture_that_panics_when_it_is_dropped_leaves_the_deferred_cancelled() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let captured = OnDrop::new(|| panic!("in the drop of a job"));
        let deferred = reactor.defer_to_thread(move || drop(captured));
        let canceller = deferred.canceller();
        let place = peek(deferred);
        canceller.cancel();
        let failure = taken(&place).unwrap_err();
        assert!(failure.is::<Cancelled>(), "{failure:?}");
    });
}

#[test]
fn a_job_without_a_deferred_is_cancelled_by_its_handle() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let dropped = Drops::default();
        let (one, two) = (dropped.witness(), dropped.witness());
        assert!(reactor.call_in_thread(move || must_not_run(&one)).unwrap().cancel());
        assert!(reactor.handle().call_in_thread(move || must_not_run(&two)).unwrap().cancel());
        assert_eq!(dropped.count(), 2);
    });
}

#[test]
fn a_deferred_that_is_cancelled_when_its_reactor_is_gone_has_failed_before() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let deferred: Deferred<()> = reactor.defer_to_thread(|| ());
        let canceller = deferred.canceller();
        let place = peek(deferred);
        drop(reactor);
        assert!(place.borrow().is_some());
        canceller.cancel();
        assert!(taken(&place).unwrap_err().is::<ropewalk_reactor::ReactorStopped>());
    });
}
