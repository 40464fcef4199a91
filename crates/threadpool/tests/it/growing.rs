//! When another thread is started: at once, after a wait, or not at all.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{Builder, ThreadPool, blocking};

use crate::gate::{Blocker, until};

/// A wait that does not come to its end.
const NEVER: Duration = Duration::MAX;

/// Long enough for a thread that should not be started to be started.
const PAUSE: Duration = Duration::from_millis(50);

/// A builder whose pool tells of each thread that it asks the system for.
fn observed(min: usize, max: usize) -> (Builder, Receiver<Instant>) {
    let (asks, asked) = channel();
    let builder = ThreadPool::builder().min_threads(min).max_threads(max);
    let gate = move || {
        let _ = asks.send(Instant::now());
        Ok(())
    };
    (builder.thread_gate(gate), asked)
}

fn start(builder: Builder) -> ThreadPool {
    let pool = builder.build().unwrap();
    pool.start().unwrap();
    pool
}

/// Submits jobs that wait until all of them run; they cannot on fewer threads than that.
fn submit_together(pool: &ThreadPool, jobs: usize) {
    let together = Arc::new(Barrier::new(jobs));
    for _ in 0..jobs {
        let together = Arc::clone(&together);
        let job = move || {
            together.wait();
        };
        pool.call_in_thread(job).unwrap();
    }
}

#[test]
fn up_to_the_minimum_threads_start_at_once_and_above_it_they_wait() {
    within(DEADLINE, || {
        let (builder, asked) = observed(3, 5);
        let pool = start(builder.grow_after(NEVER));
        let mut blockers = Vec::new();
        for threads in 1..=3 {
            blockers.push(Blocker::on(&pool));
            assert_eq!(pool.stats().threads, threads);
        }
        let waiting = [(); 3].map(|()| pool.call_in_thread(|| ()).unwrap());
        assert_eq!(asked.try_iter().count(), 3);
        assert!(asked.recv_timeout(PAUSE).is_err(), "a thread above the minimum");
        assert_eq!((pool.stats().threads, pool.stats().queued), (3, 3));
        blockers.into_iter().for_each(Blocker::release);
        waiting.iter().for_each(|job| assert!(job.wait().unwrap().is_final()));
        assert_eq!(asked.try_iter().count(), 0);
    });
}

#[test]
fn without_a_minimum_the_first_thread_starts_at_once() {
    within(DEADLINE, || {
        let pool = start(observed(0, 2).0.grow_after(NEVER));
        let blocker = Blocker::on(&pool);
        assert_eq!(pool.stats().threads, 1);
        blocker.release();
        pool.stop();
    });
}

#[test]
fn a_thread_above_the_minimum_starts_when_the_head_has_waited() {
    within(DEADLINE, || {
        let (builder, asked) = observed(1, 2);
        let pool = start(builder.grow_after(PAUSE));
        // It runs: from here on nothing waits but the other one.
        let blocker = Blocker::on(&pool);
        asked.recv().unwrap();
        let submitted = Instant::now();
        pool.call_in_thread(move || blocker.release()).unwrap();
        assert!(asked.recv().unwrap().duration_since(submitted) >= PAUSE);
        pool.stop();
        assert_eq!(pool.stats().completed, 2);
    });
}

/// Twisted's rule: each job that finds no idle thread gets a new one.
#[test]
fn b18_with_a_wait_of_zero_each_job_gets_its_thread_at_once() {
    within(DEADLINE, || {
        let (builder, asked) = observed(0, 10);
        let pool = start(builder.grow_after(Duration::ZERO));
        submit_together(&pool, 5);
        assert_eq!(asked.try_iter().count(), 5, "five by the time that they are submitted");
        pool.stop();
        assert_eq!((pool.stats().completed, asked.try_iter().count()), (5, 0));
    });
}

#[test]
fn by_default_jobs_that_wait_for_each_other_get_one_thread_after_the_other() {
    for stall_after in [Some(Duration::from_secs(10)), None] {
        within(DEADLINE, move || {
            let (builder, asked) = observed(0, 10);
            let pool = start(builder.stall_after(stall_after));
            submit_together(&pool, 7);
            until(&pool, |stats| stats.completed == 7);
            let asked: Vec<Instant> = asked.try_iter().collect();
            assert_eq!(asked.len(), 7, "as many as jobs, and no more");
        });
    }
}

#[test]
fn growth_stops_at_the_maximum() {
    within(DEADLINE, || {
        let (builder, asked) = observed(0, 3);
        let pool = start(builder.grow_after(Duration::ZERO));
        let blockers = [Blocker::on(&pool), Blocker::on(&pool), Blocker::on(&pool)];
        pool.call_in_thread(|| ()).unwrap();
        assert!(asked.iter().take(3).count() == 3 && asked.recv_timeout(PAUSE).is_err());
        blockers.into_iter().for_each(Blocker::release);
        pool.stop();
        assert_eq!(pool.stats().completed, 4);
    });
}

/// Even one that changes nothing: whoever sets a size wants the jobs to get on.
#[test]
fn w8_a_change_of_size_starts_what_waits_at_once() {
    within(DEADLINE, || {
        let pool = start(observed(1, 3).0.grow_after(NEVER));
        let blocker = Blocker::on(&pool);
        submit_together(&pool, 2);
        assert_eq!(pool.stats().threads, 1);
        pool.set_max_threads(3).unwrap();
        assert_eq!(pool.stats().threads, 3);
        until(&pool, |stats| stats.completed == 2);
        blocker.release();

        let pool = start(observed(0, 3).0.grow_after(NEVER));
        submit_together(&pool, 3);
        assert_eq!(pool.stats().threads, 1);
        pool.set_min_threads(2).unwrap();
        until(&pool, |stats| stats.completed == 3);
    });
}

#[test]
fn b18_the_start_is_at_once_for_all_that_waits() {
    within(DEADLINE, || {
        let pool = observed(0, 10).0.grow_after(NEVER).build().unwrap();
        submit_together(&pool, 5);
        pool.start().unwrap();
        assert_eq!(pool.stats().threads, 5);
        pool.stop();
        assert_eq!(pool.stats().completed, 5);
    });
}

#[test]
fn i2_a_closed_pool_does_not_wait_with_what_it_has_accepted() {
    within(DEADLINE, || {
        let pool = start(observed(0, 4).0.grow_after(NEVER));
        submit_together(&pool, 4);
        assert_eq!(pool.stats().threads, 1);
        pool.stop();
        assert_eq!(pool.stats().completed, 4);
    });
}

#[test]
fn w6_a_blocked_worker_is_made_up_for_at_once() {
    within(DEADLINE, || {
        for (min, max) in [(0, 4), (1, 1), (1, 4)] {
            let pool = start(observed(min, max).0.grow_after(NEVER));
            let (sender, receiver) = channel();
            pool.call_in_thread(move || blocking(|| receiver.recv().unwrap())).unwrap();
            until(&pool, |stats| stats.blocked == 1);
            pool.call_in_thread(move || sender.send(()).unwrap()).unwrap();
            until(&pool, |stats| stats.completed == 2);
            pool.stop();
        }
    });
}

/// A pool whose system refuses the threads of these numbers, the first being 0.
fn refusing(builder: Builder, refused: &'static [usize]) -> (Builder, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let gate = move || match refused.contains(&count.fetch_add(1, Ordering::SeqCst)) {
        true => Err(io::Error::from(io::ErrorKind::WouldBlock)),
        false => Ok(()),
    };
    (builder.thread_gate(gate), asked)
}

/// Jobs that wait for each other: without another try for the thread they would for ever.
#[test]
fn w21_a_refused_thread_above_the_minimum_is_asked_for_again() {
    for stall_after in [Some(Duration::from_secs(10)), None] {
        within(DEADLINE, move || {
            let builder = ThreadPool::builder().min_threads(0).max_threads(3);
            let (builder, asked) = refusing(builder.stall_after(stall_after), &[1, 3, 4]);
            let pool = start(builder);
            submit_together(&pool, 3);
            until(&pool, |stats| stats.completed == 3);
            assert_eq!(asked.load(Ordering::SeqCst), 6);
        });
    }
}

/// However long growth above the minimum waits: this was due.
#[test]
fn w21_a_refused_thread_that_was_due_at_once_is_asked_for_again() {
    within(DEADLINE, || {
        let builder = ThreadPool::builder().grow_after(NEVER);
        // Below the minimum.
        let (pool, _asked) = refusing(builder.clone().min_threads(2), &[1, 2]);
        let pool = start(pool);
        submit_together(&pool, 2);
        until(&pool, |stats| stats.completed == 2);
        // By a change of size.
        let sizes = builder.clone().min_threads(0).max_threads(1);
        let pool = start(refusing(sizes, &[1, 2]).0);
        submit_together(&pool, 2);
        pool.set_max_threads(2).unwrap();
        until(&pool, |stats| stats.completed == 2);
        // By the start; the first of all threads, and a later one.
        for refused in [&[0][..], &[1, 2], &[0, 1, 3]] {
            let pool = refusing(builder.clone().min_threads(0), refused).0.build().unwrap();
            submit_together(&pool, 3);
            pool.start().unwrap();
            until(&pool, |stats| stats.completed == 3);
        }
        // In place of one that is blocked.
        let sizes = builder.min_threads(1).max_threads(1);
        let pool = start(refusing(sizes, &[1, 2]).0);
        let (sender, receiver) = channel();
        pool.call_in_thread(move || blocking(|| receiver.recv().unwrap())).unwrap();
        pool.call_in_thread(move || sender.send(()).unwrap()).unwrap();
        until(&pool, |stats| stats.completed == 2);
    });
}

#[test]
fn w21_i2_a_stop_waits_for_jobs_whose_thread_was_refused() {
    within(DEADLINE, || {
        let builder = ThreadPool::builder().min_threads(0).grow_after(NEVER);
        let pool = start(refusing(builder, &[1, 2]).0);
        submit_together(&pool, 2);
        pool.stop();
        assert_eq!(pool.stats().completed, 2);
    });
}

/// Both kinds of watch: one that grows the pool and looks again soon, and one that would sleep for
/// ever.
#[test]
#[cfg(target_os = "linux")]
fn i6_after_growth_and_reaping_no_thread_wakes_up() {
    use crate::reaping::{at_rest, switches};

    within(DEADLINE, || {
        let builder = ThreadPool::builder().name("i6-grown").min_threads(1).max_threads(5);
        let pool = start(builder.idle_timeout(Duration::from_millis(1)));
        submit_together(&pool, 5);
        until(&pool, |stats| stats.threads == 1 && stats.completed == 5);
        assert_eq!(at_rest("i6-grown").len(), 1);
    });
    within(DEADLINE, || {
        let builder = ThreadPool::builder().name("i6-never").min_threads(1).max_threads(2);
        let pool = start(builder.grow_after(NEVER).stall_after(None));
        let blocker = Blocker::on(&pool);
        pool.call_in_thread(|| ()).unwrap();
        while switches("i6-never").len() < 2 {
            std::thread::yield_now();
        }
        blocker.release();
        assert_eq!(at_rest("i6-never").len(), 1);
    });
}
