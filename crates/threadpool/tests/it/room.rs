//! A queue with a limit, and those who wait for room in it.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::SubmitErrorKind::{Full, NoThread, Stopped, TimedOut, WouldDeadlock};
use ropewalk_threadpool::{JobHandle, JobState, SubmitErrorKind, ThreadPool, blocking};

use crate::gate::{Blocker, until};

/// Long enough for a submitter that should wait to come in.
const PAUSE: Duration = Duration::from_millis(50);

/// A started pool whose queue has a limit.
fn limited(max: usize, limit: usize) -> ThreadPool {
    let pool = new(max, limit);
    pool.start().unwrap();
    pool
}

fn new(max: usize, limit: usize) -> ThreadPool {
    let builder = ThreadPool::builder().min_threads(0).max_threads(max);
    builder.queue_limit(limit).build().unwrap()
}

/// A thread that waits for room for `job`.
fn submitter(
    pool: &ThreadPool,
    job: impl FnOnce() + Send + 'static,
) -> Receiver<Result<JobHandle, SubmitErrorKind>> {
    let (answers, answer) = channel();
    let pool = pool.clone();
    let submit = move || {
        let submitted = pool.call_in_thread_when_room(job).map_err(|error| error.kind());
        let _ = answers.send(submitted);
    };
    thread::Builder::new().spawn(submit).unwrap();
    answer
}

/// The same, once it has been seen to wait.
fn waiting_submitter(pool: &ThreadPool) -> Receiver<Result<JobHandle, SubmitErrorKind>> {
    let answer = submitter(pool, || ());
    assert!(answer.recv_timeout(PAUSE).is_err(), "there is no room");
    answer
}

#[test]
fn w7_a_submitter_waits_until_a_job_leaves_the_queue() {
    within(DEADLINE, || {
        let pool = limited(1, 1);
        let blocker = Blocker::on(&pool);
        let queued = pool.call_in_thread_when_room(|| ()).unwrap();
        let answer = waiting_submitter(&pool);
        assert_eq!((pool.stats().queued, pool.stats().rejected), (1, 0));
        blocker.release();
        assert_eq!(answer.recv().unwrap().unwrap().wait(), Ok(JobState::Finished));
        assert_eq!(queued.state(), JobState::Finished);
    });
}

#[test]
fn w7_room_is_made_by_a_cancel_a_resize_a_start_and_a_blocked_worker() {
    within(DEADLINE, || {
        let pool = limited(1, 2);
        let _blocker = Blocker::on(&pool);
        let queued = [(); 2].map(|()| pool.call_in_thread(|| ()).unwrap());
        let answer = waiting_submitter(&pool);
        assert!(queued[0].cancel());
        assert!(answer.recv().unwrap().is_ok());

        let answer = waiting_submitter(&pool);
        pool.set_max_threads(2).unwrap();
        assert!(answer.recv().unwrap().is_ok());

        let pool = new(1, 1);
        pool.call_in_thread(|| ()).unwrap();
        let answer = waiting_submitter(&pool);
        pool.start().unwrap();
        assert!(answer.recv().unwrap().is_ok());

        let pool = limited(1, 1);
        let (sender, receiver) = channel();
        let (begins, begin) = channel();
        let job = move || {
            begin.recv().unwrap();
            blocking(|| receiver.recv().unwrap());
        };
        pool.call_in_thread(job).unwrap();
        until(&pool, |stats| stats.busy == 1);
        pool.try_call_in_thread(|| ()).unwrap();
        let answer = waiting_submitter(&pool);
        begins.send(()).unwrap();
        assert!(answer.recv().unwrap().is_ok());
        sender.send(()).unwrap();
    });
}

/// No job waits that could leave the queue: room is a thread, and nothing else.
#[test]
fn w7_with_a_limit_of_zero_room_is_a_free_thread() {
    within(DEADLINE, || {
        let pool = limited(1, 0);
        let blocker = Blocker::on(&pool);
        let answer = waiting_submitter(&pool);
        blocker.release();
        assert!(answer.recv().unwrap().is_ok());

        until(&pool, |stats| stats.completed == 2);
        let blocker = Blocker::on(&pool);
        let answer = waiting_submitter(&pool);
        pool.set_max_threads(2).unwrap();
        assert_eq!(answer.recv().unwrap().unwrap().wait(), Ok(JobState::Finished));
        blocker.release();

        let pool = new(1, 0);
        let answer = waiting_submitter(&pool);
        pool.start().unwrap();
        assert!(answer.recv().unwrap().is_ok());

        let pool = limited(1, 0);
        let (event, waits) = channel();
        let (begins, begin) = channel();
        let job = move || {
            begin.recv().unwrap();
            blocking(|| waits.recv().unwrap());
        };
        pool.call_in_thread(job).unwrap();
        let answer = submitter(&pool, move || event.send(()).unwrap());
        assert!(answer.recv_timeout(PAUSE).is_err());
        begins.send(()).unwrap();
        assert_eq!(answer.recv().unwrap().unwrap().wait(), Ok(JobState::Finished));
    });
}

/// The worker goes from one of these jobs to the next without a look at the pool. Each waits for
/// another submitter to come in where it has left.
#[test]
fn w7_each_job_that_is_taken_makes_room_at_once() {
    within(DEADLINE, || {
        // Submitted before the start, the jobs are taken from the queue in one stretch.
        let pool = new(1, 5);
        let (release, released) = channel::<()>();
        pool.call_in_thread(move || released.recv().unwrap()).unwrap();
        let tokens = [(); 5].map(|()| {
            let (token, needed) = channel();
            pool.call_in_thread(move || needed.recv().unwrap()).unwrap();
            token
        });
        pool.start().unwrap();
        until(&pool, |stats| stats.busy == 1);
        let (enters, entered) = channel();
        for _ in &tokens {
            let (pool, enters) = (pool.clone(), enters.clone());
            let submit = move || {
                let submitted = pool.call_in_thread_when_room(|| ()).is_ok();
                let _ = enters.send(submitted);
            };
            thread::Builder::new().spawn(submit).unwrap();
        }
        assert!(entered.recv_timeout(PAUSE).is_err(), "there is no room");
        release.send(()).unwrap();
        for token in tokens {
            assert!(entered.recv().unwrap());
            token.send(()).unwrap();
        }
        until(&pool, |stats| stats.completed == 11);
    });
}

#[test]
fn w7_all_who_wait_come_in() {
    within(DEADLINE, || {
        let pool = limited(1, 1);
        let blocker = Blocker::on(&pool);
        pool.call_in_thread(|| ()).unwrap();
        let answers: Vec<_> = (0..8).map(|_| submitter(&pool, || ())).collect();
        assert!(answers.iter().all(|answer| answer.recv_timeout(PAUSE / 5).is_err()));
        blocker.release();
        for answer in answers {
            assert_eq!(answer.recv().unwrap().unwrap().wait(), Ok(JobState::Finished));
        }
    });
}

/// None of their jobs ends, to make room for the next, before all are in.
#[test]
fn w7_much_room_at_once_is_for_all_who_wait() {
    within(DEADLINE, || {
        for limit in [0, 1] {
            let pool = limited(1, limit);
            let blocker = Blocker::on(&pool);
            let queued = (0..limit).map(|_| pool.call_in_thread(|| ()).unwrap());
            assert_eq!(queued.count(), limit);
            let together = Arc::new(Barrier::new(5));
            let answers: Vec<_> = (0..5)
                .map(|_| {
                    let together = Arc::clone(&together);
                    submitter(&pool, move || _ = together.wait())
                })
                .collect();
            assert!(answers.iter().all(|answer| answer.recv_timeout(PAUSE / 5).is_err()));
            pool.set_max_threads(6).unwrap();
            for answer in answers {
                assert_eq!(answer.recv().unwrap().unwrap().wait(), Ok(JobState::Finished));
            }
            blocker.release();
        }
    });
}

#[test]
fn w7_under_load_no_snapshot_shows_more_than_the_limit() {
    within(DEADLINE, || {
        let (max, limit) = (2, 3);
        let pool = limited(max, limit);
        let submitters = [(); 4].map(|()| {
            let pool = pool.clone();
            let submit = move || {
                // Each of them is a switch of threads, which may cost a time slice of another process.
                for _ in 0..150 {
                    pool.call_in_thread_when_room(thread::yield_now).unwrap();
                }
            };
            thread::Builder::new().spawn(submit).unwrap()
        });
        while !submitters.iter().all(thread::JoinHandle::is_finished) {
            let stats = pool.stats();
            // A thread that is free is room as well.
            assert!(stats.queued + stats.busy <= max + limit, "{stats:?}");
            thread::yield_now();
        }
        pool.stop();
        assert_eq!((pool.stats().completed, pool.stats().rejected), (600, 0));
    });
}

#[test]
fn w7_without_a_limit_nobody_waits() {
    within(DEADLINE, || {
        let pool = ThreadPool::builder().build().unwrap();
        for _ in 0..1000 {
            pool.call_in_thread_when_room(|| ()).unwrap();
            pool.call_in_thread_within(Duration::ZERO, || ()).unwrap();
        }
        pool.stop();
        assert_eq!(pool.stats().completed, 2000);
    });
}

#[test]
fn w7_i2_late_or_stopped_the_job_comes_back() {
    within(DEADLINE, || {
        let pool = limited(1, 0);
        let blocker = Blocker::on(&pool);
        let kept = Arc::new(());
        for limit in [Duration::ZERO, Duration::from_millis(5)] {
            let job = Arc::clone(&kept);
            let refused = pool.call_in_thread_within(limit, move || drop(job)).unwrap_err();
            assert_eq!((refused.kind(), Arc::strong_count(&kept)), (TimedOut, 2));
            refused.into_inner()();
        }
        assert_eq!((Arc::strong_count(&kept), pool.stats().rejected), (1, 2));

        // Both who waits without a limit and who has one.
        let (answers, answer) = channel();
        let (waiting, other) = (waiting_submitter(&pool), pool.clone());
        let submit = move || {
            let refused = other.call_in_thread_within(DEADLINE, move || drop(kept)).unwrap_err();
            let _ = answers.send((refused.kind(), refused.into_inner()));
        };
        thread::Builder::new().spawn(submit).unwrap();
        assert!(answer.recv_timeout(PAUSE).is_err());
        pool.close(|| ());
        assert_eq!(waiting.recv().unwrap().unwrap_err(), Stopped);
        let (kind, job) = answer.recv().unwrap();
        assert_eq!(kind, Stopped);
        job();
        assert_eq!(pool.call_in_thread_when_room(|| ()).unwrap_err().kind(), Stopped);
        assert_eq!(pool.stats().rejected, 5);
        blocker.release();

        let pool = limited(1, 0);
        let blocker = Blocker::on(&pool);
        let waiting = waiting_submitter(&pool);
        assert!(pool.stop_now().is_empty());
        assert_eq!(waiting.recv().unwrap().unwrap_err(), Stopped);
        blocker.release();
    });
}

#[test]
fn w21_who_would_wait_learns_that_there_is_no_thread() {
    within(DEADLINE, || {
        let builder = ThreadPool::builder().queue_limit(0);
        let refused = || Err(std::io::ErrorKind::WouldBlock.into());
        let pool = builder.thread_gate(refused).build().unwrap();
        pool.start().unwrap();
        assert_eq!(pool.call_in_thread_when_room(|| ()).unwrap_err().kind(), NoThread);
        assert_eq!(pool.call_in_thread_within(DEADLINE, || ()).unwrap_err().kind(), NoThread);
    });
}

#[test]
fn w7_a_job_of_the_pool_never_waits_for_room_in_it() {
    within(DEADLINE, || {
        let (pool, other) = (limited(1, 1), limited(1, 0));
        let (sender, receiver) = channel();
        let inner = pool.clone();
        let strange = other.clone();
        let job = move || {
            let kind = |limit| match limit {
                None => inner.call_in_thread_when_room(|| ()).map_err(|it| it.kind()),
                Some(limit) => inner.call_in_thread_within(limit, || ()).map_err(|it| it.kind()),
            };
            let accepted = kind(None).unwrap();
            let full = [None, Some(DEADLINE)].map(|limit| kind(limit).unwrap_err());
            assert!(accepted.cancel());
            let accepted = kind(Some(DEADLINE)).is_ok();
            // For room in another pool it may wait.
            let strange = strange.call_in_thread_when_room(|| ()).is_ok();
            sender.send((full, accepted, strange)).unwrap();
        };
        let blocker = Blocker::on(&other);
        pool.call_in_thread(job).unwrap();
        assert!(receiver.recv_timeout(PAUSE).is_err());
        blocker.release();
        assert_eq!(receiver.recv().unwrap(), ([WouldDeadlock; 2], true, true));
        pool.stop();
        assert_eq!((pool.stats().completed, pool.stats().rejected), (2, 2));
    });
}

#[test]
fn w7_in_a_manual_pool_room_is_made_by_running_a_job() {
    within(DEADLINE, || {
        let manual = ThreadPool::builder().queue_limit(1).manual().unwrap();
        let pool = manual.pool();
        pool.start().unwrap();
        pool.call_in_thread_when_room(|| ()).unwrap();
        // Its own thread would wait for itself.
        assert_eq!(pool.call_in_thread_when_room(|| ()).unwrap_err().kind(), WouldDeadlock);
        let refused = pool.call_in_thread_within(DEADLINE, || ()).unwrap_err();
        assert_eq!(refused.kind(), WouldDeadlock);
        assert_eq!(pool.try_call_in_thread(|| ()).unwrap_err().kind(), Full);
        let answer = waiting_submitter(pool);
        assert!(manual.run_next());
        assert!(answer.recv().unwrap().is_ok());
        let answer = waiting_submitter(pool);
        assert!(manual.queued()[0].cancel());
        assert!(answer.recv().unwrap().is_ok());
        assert_eq!(manual.run_all(), 1);
    });
}
