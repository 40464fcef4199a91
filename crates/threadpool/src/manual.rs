//! The deterministic double: a pool without threads.
//!
//! The same [`ThreadPool`], so that the code under test cannot tell it from a real one; but its
//! jobs wait until the test runs one of them, on the test's own thread, in the order that the test
//! chooses. So every order in which jobs can end can be tested, without a thread or a pause.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::batch::Batch;
use crate::ending::Site;
use crate::error::StillRunning;
use crate::handle::JobHandle;
use crate::header::JobState;
use crate::job::Run;
use crate::place::{self, Place};
use crate::pool::ThreadPool;
use crate::seat::Seat;
use crate::shared::Shared;
use crate::state::Phase;
use crate::worker::run_one;

/// A pool whose jobs run only when a test says so, on the thread that says it.
///
/// [`pool`](Self::pool) is what the code under test gets; it is started, unless the test builds
/// it with [`Builder::manual`](crate::Builder::manual) and lets the code start it. Everything is
/// as in any pool (limits, cancellation, context, numbers, stopping), except that no threads
/// exist: sizes mean nothing, and nothing is ever stalled. [`stop`](ThreadPool::stop) runs what
/// waits, in order, on the thread that calls it, and so does
/// [`stop_within`](ThreadPool::stop_within) until the time is over;
/// [`close`](ThreadPool::close) leaves it waiting.
///
/// # Threads
///
/// Any thread; meant for one.
///
/// # Examples
///
/// Two jobs that end in the order which a test wants to see:
///
/// ```
/// use ropewalk_threadpool::{JobState, ThreadPool};
/// use std::sync::mpsc::channel;
///
/// let manual = ThreadPool::manual();
/// let (sender, receiver) = channel();
/// let other = sender.clone();
/// let first = manual.pool().call_in_thread(move || sender.send("first").unwrap())?;
/// let second = manual.pool().call_in_thread(move || other.send("second").unwrap())?;
/// assert!(manual.run(&second));
/// assert_eq!(first.state(), JobState::Queued);
/// assert!(manual.run_next());
/// assert!(!manual.run_next(), "nothing is left");
/// assert_eq!(receiver.iter().collect::<Vec<_>>(), ["second", "first"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Twisted: `twisted._threads.createMemoryWorker`.
#[doc(alias = "createMemoryWorker")]
#[derive(Clone)]
pub struct ManualPool {
    pool: ThreadPool,
}

impl ManualPool {
    pub(crate) fn new(pool: ThreadPool) -> Self {
        Self { pool }
    }

    /// Returns the pool; a clone of it is the same pool.
    #[must_use]
    pub fn pool(&self) -> &ThreadPool {
        &self.pool
    }

    /// Returns the jobs that wait, in the order of submission.
    #[must_use]
    pub fn queued(&self) -> Vec<JobHandle> {
        let shared = self.pool.shared();
        let inbox = shared.inbox();
        let queued = inbox.jobs().filter(|job| job.header().state() == JobState::Queued);
        let jobs: Vec<Arc<dyn Run>> = queued.map(Arc::clone).collect();
        drop(inbox);
        jobs.into_iter().map(JobHandle::new).collect()
    }

    /// Runs the job that has waited longest, here; false if none waits.
    ///
    /// A job may itself call this: its jobs are then inside of one another, as jobs are on two
    /// threads of which one waits for the other.
    ///
    /// # Panics
    ///
    /// If a job waits, and the pool was never started, as one of
    /// [`Builder::manual`](crate::Builder::manual) is not: a false would read as if none waited. To see
    /// that jobs wait for the start, look at [`queued`](Self::queued).
    #[track_caller]
    pub fn run_next(&self) -> bool {
        run_next(self.pool.shared())
    }

    /// Runs this job, here, whatever waits before it; false if it does not wait in this pool.
    ///
    /// # Panics
    ///
    /// If it does, and the pool was never started.
    #[track_caller]
    pub fn run(&self, job: &JobHandle) -> bool {
        run(self.pool.shared(), Some(job.job()))
    }

    /// Runs jobs in the order of submission until none waits, those included that they submit;
    /// how many there were. A job that always submits another keeps it from returning.
    ///
    /// # Panics
    ///
    /// If a job waits, and the pool was never started.
    #[track_caller]
    pub fn run_all(&self) -> usize {
        let mut ran = 0;
        while self.run_next() {
            ran += 1;
        }
        ran
    }
}

impl fmt::Debug for ManualPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualPool").field("pool", &self.pool).finish()
    }
}

/// Runs the job that has waited longest.
#[track_caller]
pub(crate) fn run_next(shared: &Arc<Shared>) -> bool {
    run(shared, None)
}

/// Runs jobs until none waits or it is `deadline`; what is left then.
pub(crate) fn run_until(
    shared: &Arc<Shared>,
    began: Instant,
    deadline: Option<Instant>,
) -> Result<(), StillRunning> {
    while deadline.is_none_or(|deadline| Instant::now() < deadline) && run_next(shared) {}
    let still = shared.still_running(began.elapsed());
    if still.queued == 0 && still.jobs.is_empty() { Ok(()) } else { Err(still) }
}

/// Runs this job, or the one that has waited longest, if it waits.
#[track_caller]
fn run(shared: &Arc<Shared>, chosen: Option<&Arc<dyn Run>>) -> bool {
    let mut core = shared.core();
    let mut inbox = shared.inbox();
    let Some(job) = chosen.or_else(|| core.queue.oldest(&inbox, None)).map(Arc::clone) else {
        return false;
    };
    // A cancelled one may still have its place in the queue.
    let is_queued = job.header().state() == JobState::Queued;
    if core.state.phase() == Phase::New {
        let waits = is_queued && inbox.jobs().any(|other| Arc::ptr_eq(other, &job));
        drop((inbox, core));
        assert!(
            !waits,
            "jobs wait for the start of the pool {}: call start() on it, or have the code under test \
             do it; a pool of ThreadPool::manual() is started",
            shared.config.name
        );
        return false;
    }
    if !is_queued || !core.queue.take(&mut inbox, &job) {
        return false;
    }
    drop(inbox);
    core.state.lend();
    core.born += 1;
    let seat = Arc::new(Seat::new(&shared.config.name, core.born));
    let index = core.seat_lent(&seat);
    shared.offer_room(&core);
    seat.set_batch(Some(Arc::new(Batch::of(Arc::clone(&job)))));
    seat.take_up(0);
    drop(core);

    let before = place::enter_inside(Place::new(shared, Some(&seat)));
    run_one(&Site::new(shared, &seat), &*job, shared.now());
    place::leave_for(before);
    seat.put_down();
    drop(seat.set_batch(None));

    let mut core = shared.core();
    if let Some(lent) = core.workers.get_mut(index) {
        *lent = None;
    }
    core.tally.keep(&seat);
    core.state.give_back();
    let drained = shared.take_drained(&mut core);
    drop(core);
    shared.call_drained(drained);
    true
}
