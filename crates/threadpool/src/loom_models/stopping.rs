//! `stop`, `close` and `stop_now`.

use std::sync::Arc;

use loom::thread;

use super::{Count, Gate, accounted, pool, unstarted};
use crate::{JobState, SubmitErrorKind};

/// A submission that races with the stop either runs or is refused: W20.
#[test]
fn a_submission_against_the_stop() {
    loom::model(|| {
        let (pool, ran) = (pool(1), Count::default());
        let (other, counts) = (pool.clone(), ran.up());
        let submitter =
            thread::spawn(move || other.call_in_thread(counts).map_err(|error| error.kind()));
        pool.stop();
        match submitter.join().unwrap() {
            Ok(handle) => {
                assert_eq!(ran.get(), 1);
                assert_eq!(handle.state(), JobState::Finished);
            }
            Err(kind) => {
                assert_eq!(kind, SubmitErrorKind::Stopped);
                assert_eq!(ran.get(), 0);
            }
        }
    });
}

/// W20: the same with two of them.
#[test]
fn two_submissions_against_the_stop() {
    loom::model(|| {
        let (pool, ran) = (pool(1), Count::default());
        let submitters = [(); 2].map(|()| {
            let (other, counts) = (pool.clone(), ran.up());
            thread::spawn(move || other.call_in_thread(counts).is_ok())
        });
        pool.stop();
        let accepted = submitters.map(|submitter| usize::from(submitter.join().unwrap()));
        assert_eq!(ran.get(), accepted.iter().sum());
        let stats = pool.stats();
        assert_eq!((accounted(&stats), stats.threads), (ran.get() as u64, 0));
        assert_eq!(stats.completed + stats.rejected, 2);
    });
}

/// I9: both return, and only when all is over.
#[test]
fn two_stops_at_once() {
    loom::model(|| {
        let (pool, ran) = (pool(1), Count::default());
        pool.call_in_thread(ran.up()).unwrap();
        let (other, seen) = (pool.clone(), ran.clone());
        let other = thread::spawn(move || {
            other.stop();
            assert_eq!(seen.get(), 1);
        });
        pool.stop();
        assert_eq!(ran.get(), 1);
        other.join().unwrap();
    });
}

/// `close` tells once that everything has finished, whoever comes last.
#[test]
fn a_close_against_the_last_job() {
    loom::model(|| {
        let (pool, ran) = (pool(1), Count::default());
        pool.call_in_thread(ran.up()).unwrap();
        let (drained, told) = (Gate::new(), Count::default());
        let (tell, tells) = (Arc::clone(&drained), told.up());
        pool.close(move || {
            tells();
            tell.open();
        });
        drained.pass();
        assert_eq!(ran.get(), 1);
        pool.stop();
        assert_eq!(told.get(), 1);
    });
}

/// It does so as well if the last job is cancelled, and nothing else is there to be run.
#[test]
fn a_close_against_the_cancellation_of_the_last_job() {
    loom::model(|| {
        let (pool, ran) = (pool(1), Count::default());
        pool.call_in_thread(ran.up()).unwrap();
        let last = pool.call_in_thread(ran.up()).unwrap();
        let canceller = thread::spawn(move || last.cancel());
        let (drained, told) = (Gate::new(), Count::default());
        let (tell, tells) = (Arc::clone(&drained), told.up());
        pool.close(move || {
            tells();
            tell.open();
        });
        drained.pass();
        let cancelled = canceller.join().unwrap();
        assert_eq!(ran.get(), 2 - usize::from(cancelled));
        pool.stop();
        assert_eq!(told.get(), 1);
    });
}

/// I2: each job is handed back or run, never both and never neither, also behind the batch.
#[test]
fn a_stop_now_against_claims() {
    loom::model(|| {
        let pool = unstarted(2);
        let counts = [(); 3].map(|()| Count::default());
        let handles = counts.each_ref().map(|count| pool.call_in_thread(count.up()).unwrap());
        pool.start().unwrap();
        let unrun = pool.stop_now();
        let (returned, stats) = (unrun.len(), pool.stats());
        assert_eq!((stats.returned, stats.queued, accounted(&stats)), (returned as u64, 0, 3));
        pool.stop();
        let ran: usize = counts.iter().map(Count::get).sum();
        assert_eq!(ran + returned, 3);
        for (handle, count) in handles.iter().zip(&counts) {
            let expected = [JobState::Returned, JobState::Finished];
            assert_eq!(handle.state(), expected[count.get()]);
        }
        unrun.into_iter().for_each(|job| job.run());
        assert_eq!(counts.each_ref().map(Count::get), [1; 3]);
    });
}

/// W20: a job that comes in meanwhile is run, handed back or refused.
#[test]
fn a_submission_against_stop_now() {
    loom::model(|| {
        let (pool, ran) = (pool(1), Count::default());
        let (other, counts) = (pool.clone(), ran.up());
        let submitter = thread::spawn(move || other.call_in_thread(counts).ok());
        let returned = pool.stop_now().len();
        assert!(pool.call_in_thread(|| ()).is_err());
        if let Some(accepted) = submitter.join().unwrap() {
            let ended = [JobState::Finished, JobState::Returned][returned];
            assert_eq!(accepted.wait(), Ok(ended));
        }
        let stats = pool.stats();
        assert_eq!(ran.get() + returned + stats.rejected as usize, 2);
    });
}

/// W10: what is not handed back is told, also if its worker is only about to begin it. Otherwise a
/// job that goes on until it is told would go on for ever.
#[test]
fn a_stop_now_tells_each_job_that_it_leaves() {
    loom::model(|| {
        let (pool, gate) = (unstarted(1), Gate::new());
        pool.call_in_thread(|| ()).unwrap();
        let waits = Arc::clone(&gate);
        let last = pool.call_in_thread(move || waits.pass()).unwrap();
        pool.start().unwrap();
        let unrun = pool.stop_now();
        let is_told = last.job().header().is_cancel_requested();
        assert_eq!(is_told, unrun.is_empty());
        gate.open();
        pool.stop();
    });
}

/// I2: a job is cancelled, handed back or run, and only one of them.
#[test]
fn a_stop_now_against_a_cancellation() {
    loom::model(|| {
        let (pool, ran) = (pool(1), Count::default());
        let handle = pool.call_in_thread(ran.up()).unwrap();
        let canceller = thread::spawn(move || handle.cancel());
        let returned = pool.stop_now().len();
        let cancelled = usize::from(canceller.join().unwrap());
        pool.stop();
        assert_eq!(ran.get() + returned + cancelled, 1);
        let stats = pool.stats();
        let numbers = (stats.completed, stats.returned, stats.cancelled);
        assert_eq!(numbers, (ran.get() as u64, returned as u64, cancelled as u64));
    });
}

/// Of two who stop it now, one has each job.
#[test]
fn two_stop_nows_against_the_worker() {
    loom::model(|| {
        let (pool, ran) = (unstarted(1), Count::default());
        pool.call_in_thread(ran.up()).unwrap();
        pool.call_in_thread(ran.up()).unwrap();
        pool.start().unwrap();
        let other = pool.clone();
        let other = thread::spawn(move || other.stop_now().len());
        let returned = pool.stop_now().len() + other.join().unwrap();
        pool.stop();
        assert_eq!(ran.get() + returned, 2);
        assert_eq!(pool.stats().returned, returned as u64);
    });
}

/// What was to be called when all is over is called once, by the one who takes the last job or by
/// the worker that ends it.
#[test]
fn a_stop_now_against_a_close() {
    loom::model(|| {
        let (pool, ran) = (unstarted(1), Count::default());
        pool.call_in_thread(ran.up()).unwrap();
        pool.call_in_thread(ran.up()).unwrap();
        pool.start().unwrap();
        let (drained, told) = (Gate::new(), Count::default());
        let (tell, tells) = (Arc::clone(&drained), told.up());
        pool.close(move || {
            tells();
            tell.open();
        });
        let returned = pool.stop_now().len();
        drained.pass();
        assert_eq!(ran.get() + returned, 2);
        pool.stop();
        assert_eq!(told.get(), 1);
    });
}
