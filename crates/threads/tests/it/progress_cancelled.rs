//! Progress that nobody wants any more, because the `Deferred` is cancelled.

use crate::manual_pool::by_hand;
use crate::progress_ends::{report_until_unheard, unheard};
use crate::support::{Drops, Gate, OnDrop, gated, peek, run_for, taken};
use ropewalk_deferred::{CancelHandle, Cancelled};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::ThreadPool;
use ropewalk_threads::ReactorThreads as _;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::time::Duration;

#[test]
fn w9_the_callback_may_cancel_its_own_deferred() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let chain = Rc::new(RefCell::new(None));
        let (calls, dropped) = (Rc::new(Cell::new(0)), Drops::default());
        let (cancels, count, witness) = (Rc::clone(&chain), Rc::clone(&calls), dropped.witness());
        let (sender, receiver) = channel();
        let deferred = reactor.defer_to_thread_with(
            move |_, _: u32| {
                let _witness = &witness;
                count.set(count.get() + 1);
                let canceller: Option<CancelHandle> = cancels.take();
                canceller.unwrap().cancel();
            },
            move |job| {
                report_until_unheard(job);
                // It is cancelled before its reports are refused.
                sender.send((job.is_cancelled(), job.check_cancelled())).unwrap();
                Ok(())
            },
        );
        chain.replace(Some(deferred.canceller()));
        assert!(run_for(&reactor, deferred).unwrap_err().is::<Cancelled>());
        assert_eq!(receiver.recv().unwrap(), (true, Err(Cancelled)));
        assert_eq!((calls.get(), dropped.count(), reactor.stats().panics), (1, 1, 0));
    });
}

/// The job still has its end of the line then.
#[test]
fn a_callback_that_cancels_its_own_deferred_is_dropped_when_it_has_returned() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let chain = Rc::new(RefCell::new(None));
        let (dropped, seen) = (Rc::new(Drops::default()), Rc::new(Cell::new(0)));
        let (cancels, counts, count) = (Rc::clone(&chain), Rc::clone(&dropped), Rc::clone(&seen));
        let (Gate { open, .. }, wait) = gated();
        let (witness, mut open) = (dropped.witness(), Some(open));
        let deferred = reactor.defer_to_thread_with(
            move |reactor, _: u32| {
                let _witness = &witness;
                let canceller: Option<CancelHandle> = cancels.take();
                canceller.unwrap().cancel();
                let (open, counts, count) = (open.take(), Rc::clone(&counts), Rc::clone(&count));
                reactor.call_soon(move |reactor| {
                    count.set(counts.count());
                    drop(open);
                    reactor.stop();
                });
            },
            move |job| {
                job.report(0);
                wait();
                Ok(())
            },
        );
        chain.replace(Some(deferred.canceller()));
        let place = peek(deferred);
        reactor.run().unwrap();
        assert!(taken(&place).unwrap_err().is::<Cancelled>());
        assert_eq!(seen.get(), 1);
    });
}

/// The value is on its way when the cancel comes; so may be the result.
#[test]
fn w9_nothing_is_heard_after_a_cancel() {
    within(DEADLINE, || {
        let (clock, reactor, manual) = by_hand();
        let dropped = Drops::default();
        let deferred = reactor.defer_to_thread_with(unheard(&dropped), |job| {
            assert!(job.report(1));
            Ok("done")
        });
        let canceller = deferred.canceller();
        let place = peek(deferred);
        assert!(manual.run_next());
        canceller.cancel();
        assert_eq!(dropped.count(), 1, "dropped with the cancel");
        assert!(taken(&place).unwrap_err().is::<Cancelled>());
        clock.advance(Duration::ZERO);
        assert_eq!(reactor.stats().panics, 0);
    });
}

/// The call for its first value comes after the cancel, and finds that nobody listens.
#[test]
fn w9_a_job_that_goes_on_after_a_cancel_is_told_that_nobody_listens() {
    within(DEADLINE, || {
        let (reactor, dropped) = (Reactor::new().unwrap(), Drops::default());
        let pool = ThreadPool::builder().build().unwrap();
        pool.start().unwrap();
        let (gate, wait) = gated();
        let (sender, receiver) = channel();
        let deferred = reactor.defer_to_thread_pool_with(&pool, unheard(&dropped), move |job| {
            let before = job.report(1);
            wait();
            sender.send((before, job.report(2)))?;
            Ok(())
        });
        gate.started.recv().unwrap();
        deferred.canceller().cancel();
        assert!(deferred.try_take().unwrap().unwrap_err().is::<Cancelled>());
        reactor.turn(Some(Duration::ZERO)).unwrap();
        drop(gate);
        assert_eq!(receiver.recv().unwrap(), (true, false));
        pool.stop();
    });
}

/// The value goes with the cancel, and its drop waits for a further report of the job.
#[test]
fn i5_what_nobody_has_heard_is_dropped_outside_of_the_lock() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let pool = ThreadPool::builder().build().unwrap();
        pool.start().unwrap();
        let ((dropped, is_dropped), (reported, has_reported)) = (channel(), channel::<bool>());
        let (first, is_first) = channel();
        let value = OnDrop::new(move || {
            dropped.send(()).unwrap();
            assert!(!has_reported.recv().unwrap(), "nobody listens any more");
        });
        let deferred = reactor.defer_to_thread_pool_with(
            &pool,
            |_, value: Option<OnDrop<_>>| drop(value),
            move |job| {
                first.send(job.report(Some(value))).unwrap();
                is_dropped.recv()?;
                reported.send(job.report(None))?;
                Ok(())
            },
        );
        let canceller = deferred.canceller();
        let place = peek(deferred);
        assert!(is_first.recv().unwrap());
        canceller.cancel();
        assert!(taken(&place).unwrap_err().is::<Cancelled>());
        pool.stop();
        assert_eq!(pool.stats().panicked, 0);
    });
}

#[test]
fn w9_cancelled_in_the_queue_neither_job_nor_callback_runs() {
    within(DEADLINE, || {
        let (clock, reactor, manual) = by_hand();
        let (dropped, of_the_job) = (Drops::default(), Drops::default());
        let witness = of_the_job.witness();
        let deferred = reactor.defer_to_thread_with(unheard(&dropped), move |job| {
            job.report(1);
            drop(witness);
        });
        deferred.cancel();
        assert_eq!((dropped.count(), of_the_job.count(), manual.run_all()), (1, 1, 0));
        assert!(taken(&peek(deferred)).unwrap_err().is::<Cancelled>());
        clock.advance(Duration::ZERO);
        assert_eq!(reactor.stats().panics, 0);
    });
}

/// `?` ends a job whose deferred is cancelled by its drop.
#[test]
fn a_deferred_whose_drop_cancels_ends_the_job_at_its_next_look() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let deferred = Rc::new(RefCell::new(None));
        let owned = Rc::clone(&deferred);
        let (sender, receiver) = channel();
        let job = reactor.defer_to_thread_with(
            move |reactor, _: u32| {
                drop(owned.take());
                reactor.stop();
            },
            move |job| {
                let ended = OnDrop::new(move || sender.send(()).unwrap());
                for step in 0.. {
                    job.check_cancelled()?;
                    job.report(step);
                }
                drop(ended);
                Ok(())
            },
        );
        deferred.replace(Some(job.cancel_on_drop()));
        reactor.run().unwrap();
        receiver.recv().unwrap();
    });
}
