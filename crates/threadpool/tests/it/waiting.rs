//! Waiting for the end of a job.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{JobHandle, JobState, ThreadPool, WouldDeadlock, blocking};

use crate::gate::{Blocker, started, until};

const SOON: Duration = Duration::from_millis(1);

/// A thread that waits for the job, and is about to sleep when this returns.
fn asleep(handle: &JobHandle) -> Receiver<JobState> {
    let pool = started(0, 1);
    let (sender, receiver) = channel();
    let handle = handle.clone();
    pool.call_in_thread(move || sender.send(handle.wait().unwrap()).unwrap()).unwrap();
    until(&pool, |stats| stats.blocked + stats.completed as usize > 0);
    receiver
}

#[test]
fn every_end_is_told_to_those_who_wait_and_to_those_who_come_late() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let first = Blocker::on(&pool);
        let fine = pool.call_in_thread(|| ()).unwrap();
        let broken = pool.call_in_thread(|| panic!("as it should")).unwrap();
        let callback = |_: Result<(), _>| panic!("as it should");
        let broken_callback = pool.call_in_thread_with_callback(callback, || ()).unwrap();
        let unwanted = pool.call_in_thread(|| unreachable!("cancelled")).unwrap();
        let (starts, second_started) = channel();
        let (release, released) = channel::<()>();
        let second = move || {
            starts.send(()).unwrap();
            let _ = released.recv();
        };
        let second = pool.call_in_thread(second).unwrap();
        let left_over = pool.call_in_thread(|| unreachable!("handed back")).unwrap();
        let expected = [
            (fine, JobState::Finished),
            (broken, JobState::Panicked),
            (broken_callback, JobState::Panicked),
            (unwanted.clone(), JobState::Cancelled),
            (left_over, JobState::Returned),
            (second, JobState::Finished),
        ];
        let waiters: Vec<_> = expected.iter().map(|(handle, _)| asleep(handle)).collect();

        assert!(unwanted.cancel());
        first.release();
        second_started.recv().unwrap();
        drop(pool.stop_now());
        drop(release);
        for ((handle, state), waiter) in expected.iter().zip(waiters) {
            assert_eq!(waiter.recv().unwrap(), *state, "{handle:?}");
            assert!(state.is_final());
        }
        // Over long since, and then without a pool.
        for gone in [false, true] {
            for (handle, state) in &expected {
                assert_eq!(handle.wait(), Ok(*state), "gone: {gone}");
                assert_eq!(handle.wait_timeout(Duration::ZERO), Ok(Some(*state)), "gone: {gone}");
            }
            pool.stop();
        }
        drop(pool);
        assert!(expected.iter().all(|(handle, state)| handle.wait() == Ok(*state)));
    });
}

#[test]
fn many_threads_wait_for_one_job_and_for_many() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let blocker = Blocker::on(&pool);
        let handles: Vec<JobHandle> =
            (0..50).map(|_| pool.call_in_thread(|| ()).unwrap()).collect();
        let ready = Arc::new(Barrier::new(9));
        let waiters = [(); 8].map(|()| {
            let (ready, one, all) = (Arc::clone(&ready), blocker.handle.clone(), handles.clone());
            let wait = move || {
                ready.wait();
                let mut states = vec![one.wait().unwrap()];
                states.extend(all.iter().rev().map(|handle| handle.wait().unwrap()));
                states
            };
            thread::Builder::new().spawn(wait).unwrap()
        });
        ready.wait();
        blocker.release();
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), [JobState::Finished; 51]);
        }
        pool.stop();
    });
}

#[test]
fn w6_a_job_waits_for_one_behind_it_in_a_pool_of_one_thread() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let inner = pool.clone();
        let (sender, receiver) = channel();
        let job = move || {
            let (result, results) = channel();
            let behind = inner.call_in_thread(move || result.send(7).unwrap()).unwrap();
            sender.send((behind.wait(), results.try_recv())).unwrap();
            // Over: nothing is booked for it.
            assert_eq!(behind.wait(), Ok(JobState::Finished));
            assert_eq!(inner.stats().blocked, 0);
        };
        let outer = pool.call_in_thread(job).unwrap();
        assert_eq!(receiver.recv().unwrap(), (Ok(JobState::Finished), Ok(7)));
        assert_eq!(outer.wait(), Ok(JobState::Finished));
        until(&pool, |stats| stats.threads == 1);
    });
}

/// Each job waits for the one behind it, which nobody could run if waiting took a thread.
#[test]
fn w6_a_chain_of_jobs_each_waits_for_the_next() {
    const DEPTH: usize = 20;
    within(DEADLINE, || {
        let pool = started(0, 1);
        let (ends, end) = channel();
        let mut links = Vec::new();
        let mut handles = Vec::new();
        for _ in 1..DEPTH {
            let (link, next) = channel::<JobHandle>();
            let job = move || assert_eq!(next.recv().unwrap().wait(), Ok(JobState::Finished));
            handles.push(pool.call_in_thread(job).unwrap());
            links.push(link);
        }
        let inner = pool.clone();
        let last = move || ends.send(inner.stats().blocked).unwrap();
        handles.push(pool.call_in_thread(last).unwrap());
        for (link, next) in links.iter().zip(&handles[1..]) {
            link.send(next.clone()).unwrap();
        }
        assert_eq!(handles[0].wait(), Ok(JobState::Finished));
        assert_eq!(end.recv().unwrap(), DEPTH - 1);
        until(&pool, |stats| stats.threads <= 1);
        assert_eq!(pool.stats().completed, DEPTH as u64);
    });
}

#[test]
fn w6_a_job_that_waits_for_itself_is_told() {
    within(DEADLINE, || {
        let pool = started(0, 1);
        let (handles, own) = channel::<JobHandle>();
        let (sender, receiver) = channel();
        let again = sender.clone();
        let job = move || {
            let own = own.recv().unwrap();
            sender.send(own.wait()).unwrap();
            sender.send(own.wait_timeout(SOON).map(|_| JobState::Running)).unwrap();
            sender.send(blocking(|| own.wait())).unwrap();
            own
        };
        let on_result = move |own: Result<JobHandle, _>| again.send(own.unwrap().wait()).unwrap();
        let handle = pool.call_in_thread_with_callback(on_result, job).unwrap();
        handles.send(handle.clone()).unwrap();
        assert_eq!(handle.wait(), Ok(JobState::Finished));
        let refused = Err(WouldDeadlock::default());
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [refused; 4]);
    });
}

#[test]
fn waiting_has_a_time_out() {
    within(DEADLINE, || {
        let pool = ThreadPool::builder().min_threads(0).max_threads(1).build().unwrap();
        let (release, released) = channel::<()>();
        let running = pool.call_in_thread(move || assert!(released.recv().is_err())).unwrap();
        let queued = pool.call_in_thread(|| ()).unwrap();
        for limit in [Duration::ZERO, SOON] {
            assert_eq!(queued.wait_timeout(limit), Ok(None));
        }
        assert!(queued.waits_for_start());
        pool.start().unwrap();
        until(&pool, |stats| stats.busy == 1);
        assert_eq!(running.wait_timeout(SOON), Ok(None));
        assert_eq!(running.wait_timeout(Duration::ZERO), Ok(None));
        drop(release);
        // So long that no clock can tell: without a limit.
        assert_eq!(running.wait_timeout(Duration::MAX), Ok(Some(JobState::Finished)));
        assert_eq!(queued.wait_timeout(DEADLINE), Ok(Some(JobState::Finished)));
    });
}

#[test]
fn a_worker_whose_waiting_times_out_is_made_up_for_no_longer() {
    within(DEADLINE, || {
        let pool = started(0, 1);
        let never = ThreadPool::builder().build().unwrap();
        let never_run = never.call_in_thread(|| ()).unwrap();
        let inner = pool.clone();
        let (sender, receiver) = channel();
        let job = move || {
            sender.send((never_run.wait_timeout(SOON), inner.stats().blocked)).unwrap();
        };
        pool.call_in_thread(job).unwrap();
        pool.call_in_thread(|| ()).unwrap();
        assert_eq!(receiver.recv().unwrap(), (Ok(None), 0));
        until(&pool, |stats| stats.completed == 2 && stats.threads <= 1);
    });
}

/// I2: whatever becomes of the pool before the job ran, who waits is told.
#[test]
fn i2_a_waiter_learns_of_every_end_without_a_run() {
    within(DEADLINE, || {
        let pool = || ThreadPool::builder().max_threads(1).build().unwrap();
        let queued = |pool: &ThreadPool| {
            let handle = pool.call_in_thread(|| ()).unwrap();
            let waiter = asleep(&handle);
            (handle, waiter)
        };
        let cancelled = pool();
        let (handle, waiter) = queued(&cancelled);
        assert!(handle.cancel());
        assert_eq!(waiter.recv(), Ok(JobState::Cancelled));

        let handing_back = pool();
        let (_handle, waiter) = queued(&handing_back);
        let unrun = handing_back.stop_now();
        assert_eq!(waiter.recv(), Ok(JobState::Returned));
        drop(unrun);

        let dropped = pool();
        let (_handle, waiter) = queued(&dropped);
        drop(dropped);
        assert_eq!(waiter.recv(), Ok(JobState::Cancelled));

        // Stopped before it ever started: the job is run all the same.
        let stopped = pool();
        let (_handle, waiter) = queued(&stopped);
        stopped.stop();
        assert_eq!(waiter.recv(), Ok(JobState::Finished));

        let refused = || Err(std::io::Error::from(std::io::ErrorKind::WouldBlock));
        let threadless = ThreadPool::builder().max_threads(1).thread_gate(refused).build().unwrap();
        let (_handle, waiter) = queued(&threadless);
        threadless.stop();
        assert_eq!(waiter.recv(), Ok(JobState::Cancelled));
    });
}

/// W19: who hears of the end finds the job in the numbers.
#[test]
fn w19_the_numbers_contain_the_job_when_wait_returns() {
    within(DEADLINE, || {
        let pool = started(0, 2);
        for number in 1..=300 {
            let panics = number % 10 == 0;
            let handle = pool.call_in_thread(move || assert!(!panics, "as it should")).unwrap();
            handle.wait().unwrap();
            let stats = pool.stats();
            assert_eq!(stats.panicked, number / 10);
            assert_eq!(stats.completed + stats.panicked, number);
            assert_eq!((stats.queue_wait.count(), stats.run_time.count()), (number, number));
        }
        let blockers = [Blocker::on(&pool), Blocker::on(&pool)];
        let unwanted = pool.call_in_thread(|| unreachable!("cancelled")).unwrap();
        let waiter = asleep(&unwanted);
        assert!(unwanted.cancel());
        assert_eq!(waiter.recv(), Ok(JobState::Cancelled));
        assert_eq!(pool.stats().cancelled, 1);
        blockers.into_iter().for_each(Blocker::release);
    });
}

#[test]
fn who_has_to_run_a_job_of_the_double_does_not_wait_for_it() {
    within(DEADLINE, || {
        let manual = ThreadPool::manual();
        let handle = manual.pool().call_in_thread(|| ()).unwrap();
        assert_eq!(handle.wait(), Err(WouldDeadlock::default()));
        assert_eq!(handle.wait_timeout(DEADLINE), Err(WouldDeadlock::default()));
        let waiter = asleep(&handle);
        assert!(manual.run_next());
        assert_eq!(waiter.recv(), Ok(JobState::Finished));
        assert_eq!(handle.wait(), Ok(JobState::Finished));
    });
}
