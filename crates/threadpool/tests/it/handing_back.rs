//! `stop_now`, and the jobs that it hands back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Barrier, OnceLock};
use std::thread::{self, ThreadId};
use std::time::Duration;

use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{
    CancelToken, JobHandle, JobState, PoolStats, SubmitErrorKind, ThreadPool, UnrunJob,
};

use crate::gate::{Blocker, started, until};
use crate::log;

/// How many jobs are in the numbers: each in one.
fn accounted(stats: &PoolStats) -> u64 {
    let here = (stats.queued + stats.busy) as u64;
    here + stats.completed + stats.panicked + stats.cancelled + stats.returned
}

/// A job that runs until it is told that it is wanted no more.
fn until_told() {
    let token = CancelToken::current();
    while !token.is_cancelled() {
        thread::yield_now();
    }
}

#[test]
fn i2_w10_stop_now_hands_back_what_waits_and_tells_what_runs() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let running = pool.call_in_thread(until_told).unwrap();
        until(&pool, |stats| stats.busy == 1);
        let (sender, receiver) = channel();
        let line = line!() + 3;
        let submit = |number| {
            let sender = sender.clone();
            pool.call_in_thread(move || sender.send(number).unwrap()).unwrap()
        };
        let handles: Vec<JobHandle> = (0..300).map(submit).collect();
        let oldest_wait = pool.stats().oldest_wait.unwrap();
        assert!(handles[7].cancel() && handles[290].cancel());

        let unrun = pool.stop_now();
        assert_eq!(unrun.len(), 298);
        for job in &unrun {
            assert!(job.name().contains("i2_w10_stop_now_hands_back"), "{}", job.name());
            assert_eq!((job.location().file(), job.location().line()), (file!(), line));
            assert!(format!("{job:?}").contains(file!()), "{job:?}");
        }
        assert!(unrun[0].waited() >= oldest_wait);
        assert!(unrun.windows(2).all(|pair| pair[0].waited() >= pair[1].waited()));
        for (number, handle) in handles.iter().enumerate() {
            let cancelled = number == 7 || number == 290;
            let expected = if cancelled { JobState::Cancelled } else { JobState::Returned };
            assert_eq!(handle.state(), expected);
            assert!(!handle.cancel(), "there is nothing to be cancelled any more");
        }
        assert_eq!(running.wait(), Ok(JobState::Finished));
        let stats = pool.stats();
        assert_eq!((stats.returned, stats.cancelled, stats.queued), (298, 2, 0));
        assert_eq!((accounted(&stats), stats.oldest_wait), (301, None));

        // In order, and none has run before.
        assert!(receiver.try_recv().is_err());
        unrun.into_iter().for_each(UnrunJob::run);
        let numbers: Vec<i32> = receiver.try_iter().collect();
        let expected: Vec<i32> = (0..300).filter(|number| ![7, 290].contains(number)).collect();
        assert_eq!(numbers, expected);
        pool.stop();
        assert_eq!((pool.stats().completed, handles[0].state()), (1, JobState::Returned));
    });
}

#[test]
fn w19_stopping_now_twice_hands_nothing_back_the_second_time() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let blocker = Blocker::on(&pool);
        pool.call_in_thread(|| ()).unwrap();
        assert_eq!(pool.stop_now().len(), 1);
        assert!(pool.stop_now().is_empty());
        let refused = pool.call_in_thread(|| ()).unwrap_err();
        assert_eq!(refused.kind(), SubmitErrorKind::Stopped);
        assert!(!pool.started() && pool.start().is_err());
        blocker.release();
        pool.stop();
        assert!(pool.stop_now().is_empty());
        let stats = pool.stats();
        assert_eq!((stats.returned, stats.completed, stats.rejected), (1, 1, 1));
    });
}

#[test]
fn i2_of_two_threads_that_stop_it_now_one_has_each_job() {
    within(DEADLINE, || {
        for _ in 0..50 {
            let pool = started(1, 1);
            let blocker = Blocker::on(&pool);
            let counts: Arc<[AtomicUsize]> = (0..200).map(|_| AtomicUsize::new(0)).collect();
            for number in 0..counts.len() {
                let counts = Arc::clone(&counts);
                let job = move || {
                    counts[number].fetch_add(1, Ordering::Relaxed);
                };
                pool.call_in_thread(job).unwrap();
            }
            let ready = Arc::new(Barrier::new(2));
            let (other, other_ready) = (pool.clone(), Arc::clone(&ready));
            let stop = move || {
                other_ready.wait();
                other.stop_now()
            };
            let other = thread::Builder::new().spawn(stop).unwrap();
            ready.wait();
            let (own, theirs) = (pool.stop_now(), other.join().unwrap());
            assert_eq!(own.len() + theirs.len(), 200);
            own.into_iter().chain(theirs).for_each(UnrunJob::run);
            assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1));
            blocker.release();
            pool.stop();
        }
    });
}

/// I2: run by a worker, cancelled or handed back, each job exactly one of them.
#[test]
fn i2_stop_now_against_workers_that_claim_and_cancellations() {
    within(DEADLINE, || {
        for round in 0..50 {
            let pool = started(0, 3);
            let counts: Arc<[AtomicUsize]> = (0..300).map(|_| AtomicUsize::new(0)).collect();
            let submit = |number: usize| {
                let counts = Arc::clone(&counts);
                let job = move || {
                    counts[number].fetch_add(1, Ordering::Relaxed);
                };
                pool.call_in_thread(job).unwrap()
            };
            let handles: Vec<JobHandle> = (0..counts.len()).map(submit).collect();
            let unwanted = handles.clone();
            let cancel = move || {
                let unwanted = unwanted.iter().rev().step_by(3);
                unwanted.filter(|handle| handle.cancel()).count()
            };
            let canceller = thread::Builder::new().spawn(cancel).unwrap();
            let unrun = pool.stop_now();
            let cancelled = canceller.join().unwrap();
            let returned = unrun.len();
            pool.stop();
            for (handle, count) in handles.iter().zip(counts.iter()) {
                let ran = usize::from(handle.wait() == Ok(JobState::Finished));
                assert_eq!(count.load(Ordering::Relaxed), ran, "{handle:?} in round {round}");
            }
            let stats = pool.stats();
            let numbers = (stats.returned, stats.cancelled, stats.completed);
            let completed = 300 - returned - cancelled;
            assert_eq!(numbers, (returned as u64, cancelled as u64, completed as u64));
            assert_eq!((accounted(&stats), stats.queue_wait.count()), (300, completed as u64));
            unrun.into_iter().for_each(UnrunJob::run);
            let ran: usize = counts.iter().map(|count| count.load(Ordering::Relaxed)).sum();
            assert_eq!(ran, 300 - cancelled);
        }
    });
}

/// W10: what is not handed back is told, also if a worker is only on its way to it.
#[test]
fn w10_no_job_is_neither_handed_back_nor_told() {
    within(DEADLINE, || {
        for round in 0..300 {
            let pool = started(0, 2);
            for _ in 0..round % 4 {
                pool.call_in_thread(|| ()).unwrap();
            }
            let handle = pool.call_in_thread(until_told).unwrap();
            let unrun = pool.stop_now();
            pool.stop_within(DEADLINE).unwrap();
            let expected = if unrun.is_empty() { JobState::Finished } else { JobState::Returned };
            assert_eq!(handle.state(), expected);
        }
    });
}

#[test]
fn i5_a_job_may_stop_its_own_pool_now() {
    within(DEADLINE, || {
        let pool = started(0, 1);
        let (go, goes) = channel();
        let (sender, receiver) = channel();
        let inner = pool.clone();
        let job = move || {
            goes.recv().unwrap();
            let unrun = inner.stop_now();
            sender.send((unrun.len(), CancelToken::current().is_cancelled())).unwrap();
            unrun.into_iter().for_each(UnrunJob::run);
        };
        let stops = pool.call_in_thread(job).unwrap();
        let (other, runs) = channel();
        let behind = pool.call_in_thread(move || other.send(()).unwrap()).unwrap();
        go.send(()).unwrap();
        assert_eq!(receiver.recv().unwrap(), (1, true));
        runs.recv().unwrap();
        assert_eq!(stops.wait(), Ok(JobState::Finished));
        assert_eq!(behind.state(), JobState::Returned);
        pool.stop();
    });
}

#[test]
fn w6_the_hook_of_a_stall_may_stop_the_pool_now() {
    within(DEADLINE, || {
        let own = Arc::new(OnceLock::<ThreadPool>::new());
        let seen = Arc::clone(&own);
        let (sender, receiver) = channel();
        let builder = ThreadPool::builder().min_threads(0).max_threads(1);
        let builder = builder.stall_after(Duration::from_millis(5)).on_stall(move |report| {
            sender.send((report.queued, seen.get().unwrap().stop_now())).unwrap();
        });
        let pool = builder.build().unwrap();
        own.set(pool.clone()).unwrap();
        pool.start().unwrap();
        // The wedge: it waits for one behind it, or until somebody tells it.
        let (event, waits) = channel::<()>();
        let waits = move || {
            let token = CancelToken::current();
            while waits.try_recv().is_err() && !token.is_cancelled() {
                thread::yield_now();
            }
        };
        pool.call_in_thread(waits).unwrap();
        pool.call_in_thread(move || event.send(()).unwrap()).unwrap();
        let (queued, unrun) = receiver.recv().unwrap();
        assert_eq!((queued, unrun.len()), (1, 1));
        pool.stop();
        let stats = pool.stats();
        assert_eq!((stats.completed, stats.returned), (1, 1));
    });
}

#[test]
fn i2_a_pool_that_was_never_started_hands_back_everything() {
    within(DEADLINE, || {
        let builder = ThreadPool::builder().on_thread_start(|| unreachable!("nobody needs one"));
        let pool = builder.build().unwrap();
        let handles = [(); 3].map(|()| pool.call_in_thread(|| ()).unwrap());
        let (drains, drained) = channel();
        let unrun = pool.stop_now();
        assert_eq!(unrun.len(), 3);
        assert!(handles.iter().all(|handle| handle.state() == JobState::Returned));
        pool.close(move || drains.send(()).unwrap());
        drained.try_recv().unwrap();
        pool.stop();
        drop(pool);
        // They outlive the pool.
        unrun.into_iter().for_each(UnrunJob::run);
        assert!(handles.iter().all(|handle| handle.wait() == Ok(JobState::Returned)));
    });
}

#[test]
fn i3_what_is_handed_back_runs_here_with_its_callback_and_its_panics() {
    log::keep();
    within(DEADLINE, || {
        let pool = ThreadPool::builder().name("brought-back").build().unwrap();
        let (sender, receiver) = channel::<(ThreadId, Result<i32, String>)>();
        let on_result = |sender: &Sender<_>| {
            let sender = sender.clone();
            move |result: Result<i32, ropewalk_threadpool::Panicked>| {
                let result = result.map_err(|panicked| panicked.message().to_owned());
                sender.send((thread::current().id(), result)).unwrap();
            }
        };
        let fine = || {
            assert!(!CancelToken::current().is_cancelled(), "it is in no job of the pool");
            7
        };
        pool.call_in_thread_with_callback(on_result(&sender), fine).unwrap();
        let broken = || -> i32 { panic!("in the job") };
        pool.call_in_thread_with_callback(on_result(&sender), broken).unwrap();
        pool.call_in_thread(|| panic!("alone")).unwrap();
        pool.stop_now().into_iter().for_each(UnrunJob::run);
        let here = thread::current().id();
        let results: Vec<_> = receiver.try_iter().collect();
        assert_eq!(results, [(here, Ok(7)), (here, Err("in the job".to_owned()))]);
        assert_eq!(log::lines("ERROR", "brought-back").len(), 1, "one panic has nobody else");
        let stats = pool.stats();
        assert_eq!((stats.returned, stats.completed, stats.panicked), (3, 0, 0));
    });
}

/// Says where it is dropped.
struct Dropped(Sender<ThreadId>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.send(thread::current().id()).unwrap();
    }
}

#[test]
fn i2_what_is_handed_back_and_dropped_drops_its_closures_once_and_here() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let blocker = Blocker::on(&pool);
        let (sender, receiver) = channel();
        let captured = || Dropped(sender.clone());
        let held = captured();
        pool.call_in_thread(move || unreachable!("{:?}", held.0)).unwrap();
        let (job, callback) = (captured(), captured());
        let on_result = move |_: Result<(), _>| unreachable!("{:?}", callback.0);
        let job = move || unreachable!("{:?}", job.0);
        pool.call_in_thread_with_callback(on_result, job).unwrap();
        let unrun = pool.stop_now();
        assert!(receiver.try_recv().is_err(), "they are ours now");
        drop(unrun);
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [thread::current().id(); 3]);
        blocker.release();
        pool.stop();
        drop(pool);
        drop(sender);
        assert_eq!(receiver.iter().count(), 0);
    });
}

#[test]
fn i9_w10_the_other_ways_to_stop_come_after_it() {
    within(DEADLINE, || {
        let pool = started(0, 1);
        let blocker = Blocker::on(&pool);
        pool.call_in_thread(|| ()).unwrap();
        let (drains, drained) = channel();
        let again = drains.clone();
        pool.close(move || drains.send("before").unwrap());
        let unrun = pool.stop_now();
        pool.close(move || again.send("after").unwrap());
        assert!(drained.try_recv().is_err(), "a job still runs");
        let still = pool.stop_within(Duration::ZERO).unwrap_err();
        assert_eq!((still.jobs.len(), still.queued), (1, 0));
        assert_eq!(still.jobs[0].location, blocker.handle.location());
        blocker.release();
        assert_eq!(drained.iter().collect::<Vec<_>>(), ["before", "after"]);
        pool.stop_within(DEADLINE).unwrap();
        pool.stop();
        assert_eq!((unrun.len(), pool.stats().threads), (1, 0));
    });
}

#[test]
fn i2_it_takes_the_last_job_and_so_drains_the_pool() {
    within(DEADLINE, || {
        let manual = ThreadPool::manual();
        manual.pool().call_in_thread(|| ()).unwrap();
        let (drains, drained) = channel();
        manual.pool().close(move || drains.send(()).unwrap());
        assert!(drained.try_recv().is_err());
        let unrun = manual.pool().stop_now();
        assert_eq!((unrun.len(), drained.iter().count()), (1, 1));
    });
}

#[test]
fn w7_who_waits_for_room_gets_the_job_back() {
    within(DEADLINE, || {
        let pool = ThreadPool::builder().queue_limit(1).build().unwrap();
        pool.call_in_thread(|| ()).unwrap();
        let other = pool.clone();
        let (sender, receiver) = channel();
        let submit = move || {
            let refused = other.call_in_thread_when_room(move || sender.send(()).unwrap());
            let refused = refused.unwrap_err();
            let kind = refused.kind();
            refused.into_inner()();
            kind
        };
        let submitter = thread::Builder::new().spawn(submit).unwrap();
        assert_eq!(pool.stop_now().len(), 1);
        assert_eq!(submitter.join().unwrap(), SubmitErrorKind::Stopped);
        receiver.recv().unwrap();
    });
}
