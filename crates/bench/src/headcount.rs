//! What the threads of a pool count while their jobs run.
//!
//! Each thread counts in a place of its own, with loads and stores that no other thread is in the
//! way of: a counter that all of them share would cost more than the job, and would slow the pools
//! that run jobs on many threads at once. The thread that measures looks at the places from time to
//! time, the more often the nearer the end is. It costs every contestant the same, about two
//! nanoseconds a job.

use crate::sample::Sample;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// More threads than a contestant starts in all of its process.
const PLACES: usize = 128;

pub(crate) const MAX_SUBMITTERS: usize = 4;

/// Between two looks at the places. The end is seen so late as the shortest pause is, at most.
const LONGEST_PAUSE: Duration = Duration::from_millis(2);
const SHORTEST_PAUSE: Duration = Duration::from_micros(50);

/// Whoever makes no progress for so long has lost a job.
const PATIENCE: Duration = Duration::from_secs(5);

static COUNTS: [Count; PLACES] = [const { Count::new() }; PLACES];
static TAKEN: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static PLACE: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Two lines of a cache each, because some processors fetch lines in pairs.
#[repr(align(128))]
struct Count {
    ran: AtomicUsize,
    sum: AtomicUsize,
    /// The least number that may come next from each submitter.
    next: [AtomicUsize; MAX_SUBMITTERS],
    disorder: AtomicBool,
}

/// A job, as one word: which submitter's, and its number there.
#[derive(Clone, Copy)]
pub(crate) struct Ticket(pub(crate) usize);

impl Ticket {
    pub(crate) fn new(submitter: usize, number: usize) -> Self {
        Self(number * MAX_SUBMITTERS + submitter)
    }
}

impl Count {
    const fn new() -> Self {
        Self {
            ran: AtomicUsize::new(0),
            sum: AtomicUsize::new(0),
            next: [const { AtomicUsize::new(0) }; MAX_SUBMITTERS],
            disorder: AtomicBool::new(false),
        }
    }

    fn reset(&self) {
        self.ran.store(0, Ordering::Relaxed);
        self.sum.store(0, Ordering::Relaxed);
        self.next.iter().for_each(|next| next.store(0, Ordering::Relaxed));
        self.disorder.store(false, Ordering::Relaxed);
    }
}

/// Counts from zero again. No job may be under way.
pub(crate) fn reset() {
    COUNTS.iter().for_each(Count::reset);
}

/// A job runs, on this thread.
#[inline]
pub(crate) fn run(ticket: Ticket) {
    // A thread that finds no place does not count, and `watch` misses its jobs.
    let place = PLACE.with(|place| place.get().unwrap_or_else(|| take_place(place)));
    let Some(count) = COUNTS.get(place) else { return };
    let (submitter, number) = (ticket.0 % MAX_SUBMITTERS, ticket.0 / MAX_SUBMITTERS);
    if number < count.next[submitter].load(Ordering::Relaxed) {
        count.disorder.store(true, Ordering::Relaxed);
    }
    count.next[submitter].store(number + 1, Ordering::Relaxed);
    let sum = count.sum.load(Ordering::Relaxed).wrapping_add(ticket.0);
    count.sum.store(sum, Ordering::Relaxed);
    // The last one: who sees this sees the others.
    count.ran.store(count.ran.load(Ordering::Relaxed) + 1, Ordering::Release);
}

#[cold]
fn take_place(place: &Cell<Option<usize>>) -> usize {
    let taken = TAKEN.fetch_add(1, Ordering::Relaxed);
    place.set(Some(taken));
    taken
}

/// Waits until so many jobs have run for each of the submitters, who have been let go at `start`. An
/// error, if it is not each job once. There are no laps: how many jobs run at a time says nothing of
/// how long each takes.
pub(crate) fn watch(start: Instant, submitters: usize, jobs_each: usize) -> anyhow::Result<Sample> {
    let total = submitters * jobs_each;
    let (mut seen, mut seen_at) = (0, start);
    let end = loop {
        let (ran, now) = (ran(), Instant::now());
        if ran > seen {
            (seen, seen_at) = (ran, now);
        }
        if ran >= total {
            break now;
        }
        anyhow::ensure!(now - seen_at < PATIENCE, "{ran} of {total} jobs ran, and no more");
        // Nobody unparks this thread.
        thread::park_timeout(pause(now - start, ran, total));
    };
    let expected = (0..submitters)
        .flat_map(|submitter| (0..jobs_each).map(move |number| Ticket::new(submitter, number).0))
        .fold(0, usize::wrapping_add);
    let sums = COUNTS.iter().map(|count| count.sum.load(Ordering::Relaxed));
    anyhow::ensure!(sums.fold(0, usize::wrapping_add) == expected, "some job ran twice");
    let in_order = !COUNTS.iter().any(|count| count.disorder.load(Ordering::Relaxed));
    Ok(Sample {
        elapsed: end - start,
        busy: Duration::ZERO,
        operations: total,
        laps: Vec::new(),
        in_order,
    })
}

fn ran() -> usize {
    COUNTS.iter().map(|count| count.ran.load(Ordering::Acquire)).sum()
}

/// Half of the time that the rest will take, if it goes on so.
fn pause(elapsed: Duration, ran: usize, total: usize) -> Duration {
    let rest = elapsed.as_secs_f64() * (total - ran) as f64 / ran.max(1) as f64;
    let half = Duration::try_from_secs_f64(rest / 2.0).unwrap_or(LONGEST_PAUSE);
    half.clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::{Ticket, reset, run, watch};
    use std::sync::{Mutex, PoisonError};
    use std::time::Instant;

    /// The places belong to the process, so one test at a time.
    static ALONE: Mutex<()> = Mutex::new(());

    fn after(jobs: &[(usize, usize)], submitters: usize, jobs_each: usize) -> Option<bool> {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        reset();
        jobs.iter().for_each(|(submitter, number)| run(Ticket::new(*submitter, *number)));
        watch(Instant::now(), submitters, jobs_each).ok().map(|sample| sample.in_order)
    }

    #[test]
    fn the_jobs_of_each_submitter_have_an_order_of_their_own() {
        assert_eq!(after(&[(0, 0), (1, 0), (1, 1), (0, 1)], 2, 2), Some(true));
        assert_eq!(after(&[(0, 0), (1, 1), (1, 0), (0, 1)], 2, 2), Some(false));
    }

    #[test]
    fn a_job_that_runs_twice_is_an_error() {
        assert_eq!(after(&[(0, 0), (0, 0), (0, 2)], 1, 3), None);
    }
}
