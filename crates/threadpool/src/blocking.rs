//! Managed blocking: a worker that waits for something is made up for by another.
//!
//! What the Twisted text warns of, a pool full of jobs that wait for jobs in its own queue, is
//! dead only because the waiting ones count as working. Here a job says that it waits, and for
//! that time its thread does not count against the maximum: one more may start, up to a number of
//! its own, [`max_spare_threads`](crate::Builder::max_spare_threads). When the job goes on there
//! may be a thread too many for a moment, and the next that is free ends.

use crate::chores::Chores;
use crate::place::{self, Place};

/// Calls `wait`, which may block for long, and lets the pool of this thread have another thread
/// meanwhile.
///
/// To be put around whatever a job waits for, in particular if that may be another job of the
/// same pool: an event, a channel, a lock. [`JobHandle::wait`](crate::JobHandle::wait) does so by
/// itself. A job that computes or reads a file needs none of it: that is what its thread is for.
///
/// So other jobs may run before this one goes on, in a pool of one thread too, unless
/// [`max_spare_threads`](crate::Builder::max_spare_threads) is 0.
///
/// Outside of a pool's jobs, and inside of another `blocking`, it only calls `wait`. A panic in
/// `wait` passes through.
///
/// # Threads
///
/// Any thread.
///
/// # Examples
///
/// A job that waits for another, in a pool of one thread:
///
/// ```
/// use ropewalk_threadpool::{ThreadPool, blocking};
/// use std::sync::mpsc::channel;
///
/// let pool = ThreadPool::builder().max_threads(1).build()?;
/// pool.start()?;
/// let (event, waits) = channel();
/// let (result, results) = channel();
/// pool.call_in_thread(move || {
///     let answer: i32 = blocking(|| waits.recv().unwrap());
///     result.send(answer + 1).unwrap();
/// })?;
/// pool.call_in_thread(move || event.send(1).unwrap())?;
/// assert_eq!(results.recv()?, 2);
/// pool.stop();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn blocking<R>(wait: impl FnOnce() -> R) -> R {
    let _pause = Pause::begin();
    wait()
}

/// The time for which a worker is blocked.
struct Pause {
    place: Place,
}

impl Pause {
    fn begin() -> Option<Self> {
        let place = place::current()?;
        let seat = place.seat.as_ref()?;
        // One inside of another is booked once.
        if seat.blocked_since().is_some() {
            return None;
        }
        // Its thread-local destructors run on a worker as well, but in no job.
        seat.job()?;
        let shared = &place.shared;
        seat.set_blocked(Some(shared.now()));
        let mut chores = Chores::default();
        let mut core = shared.core();
        core.state.block();
        shared.advance(&mut core, &mut chores, false);
        drop(core);
        shared.finish(chores);
        Some(Self { place })
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        let shared = &self.place.shared;
        if let Some(seat) = &self.place.seat {
            seat.set_blocked(None);
        }
        let mut chores = Chores::default();
        let mut core = shared.core();
        if core.state.unblock() {
            // A thread too many: an idle one ends now, or the first that is through with its job.
            shared.call_workers();
            core.rouse_coldest(&mut chores);
        }
        drop(core);
        shared.finish(chores);
    }
}
