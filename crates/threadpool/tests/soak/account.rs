//! The account: what the pool was given, and what became of it.

use std::fmt;
use std::ops::AddAssign;
use std::time::Duration;

use ropewalk_testing::soak::get;
use ropewalk_threadpool::{JobState, PoolStats};

use crate::record::{Fate, Record};
use crate::round::Round;

/// Numbers of jobs, by what the jobs say, and of other things.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Account {
    pools: u64,
    longest_end: Duration,
    accepted: u64,
    completed: u64,
    cancelled: u64,
    /// Cancelled by the pool, for want of a thread or of a start.
    abandoned: u64,
    panicked: u64,
    returned: u64,
    refused_stopped: u64,
    refused_full: u64,
    refused_no_thread: u64,
    refused_late: u64,
    refused_inside: u64,
    /// Jobs of pools with one worker, whose order was checked.
    ordered: u64,
    threads: u64,
    thread_refusals: u64,
    resizes: u64,
    stalls: u64,
    highs: u64,
    waits: u64,
    stops: u64,
    late_stops: u64,
    closes: u64,
}

impl Account {
    /// Of one round; what its records say that cannot be is left out of all outcomes.
    pub(crate) fn of(round: &Round) -> Self {
        let tally = &round.tally;
        let mut account = Self {
            pools: 1,
            accepted: get(&tally.accepted),
            refused_stopped: get(&tally.refused_stopped),
            refused_full: get(&tally.refused_full),
            refused_no_thread: get(&tally.refused_no_thread),
            refused_late: get(&tally.refused_late),
            refused_inside: get(&tally.refused_inside),
            threads: round.threads_started(),
            thread_refusals: get(&tally.thread_refusals),
            resizes: get(&tally.resizes),
            stalls: get(&tally.stalls),
            highs: get(&tally.highs),
            waits: get(&tally.waits),
            stops: get(&tally.stops),
            late_stops: get(&tally.late_stops),
            closes: get(&tally.closes),
            ..Self::default()
        };
        for record in round.records() {
            match record.fate() {
                Ok(Fate::Completed) => account.completed += 1,
                Ok(Fate::Panicked) => account.panicked += 1,
                Ok(Fate::Returned) => account.returned += 1,
                Ok(Fate::Cancelled) => account.cancelled += 1,
                Ok(Fate::Abandoned) => {
                    account.cancelled += 1;
                    account.abandoned += 1;
                }
                Ok(Fate::Refused) | Err(_) => {}
            }
        }
        account
    }

    fn refused(&self) -> u64 {
        let at_once = self.refused_stopped + self.refused_full + self.refused_no_thread;
        at_once + self.refused_late + self.refused_inside
    }

    pub(crate) fn checked_order(&mut self, jobs: u64) {
        self.ordered += jobs;
    }

    pub(crate) fn ended_within(&mut self, time: Duration) {
        self.longest_end = time;
    }

    /// Each job accepted has one outcome.
    pub(crate) fn holds(&self) -> bool {
        self.accepted == self.completed + self.cancelled + self.panicked + self.returned
    }

    /// Complains of what this account of a pool that is gone says that cannot be.
    pub(crate) fn check(&self, round: &Round, stats: Option<&PoolStats>) {
        for record in round.records() {
            if let Err(what) = record.fate() {
                round.complain(format!("{what}: {}", record.story()));
            }
        }
        if !self.holds() {
            round.complain(format!("the account does not hold: {self:?}"));
        }
        let tally = &round.tally;
        let (started, ended) = (round.threads_started(), get(&tally.threads_ended));
        if started != ended || started != get(&tally.thread_requests) - self.thread_refusals {
            round.complain(format!("{started} threads began, {ended} ended: {tally:?}"));
        }
        if get(&tally.drained) != self.closes {
            round.complain(format!("not each on_drained was called once: {tally:?}"));
        }
        if self.abandoned > 0 && stats.is_some() && round.plan.refused_threads == 0 {
            round.complain(format!("{} jobs were dropped without a reason", self.abandoned));
        }
        let Some(stats) = stats else { return };
        let ran = self.completed + self.panicked;
        let PoolStats { completed, panicked, cancelled, returned, rejected, .. } = *stats;
        let timed = [stats.queue_wait.count(), stats.run_time.count()];
        let left = stats.threads + stats.busy + stats.queued + stats.idle + stats.blocked;
        if [completed, panicked, cancelled] != [self.completed, self.panicked, self.cancelled]
            || [returned, rejected] != [self.returned, self.refused()]
            || timed != [ran, ran]
            || left > 0
        {
            round.complain(format!("the pool says {stats:?}, its jobs say {self:?}"));
        }
    }
}

/// What `state` says of a job, once the pool is gone, is what became of it.
pub(crate) fn check_state(round: &Round, state: JobState, record: &Record) {
    let is_right = match record.fate() {
        Ok(Fate::Completed) => state == JobState::Finished,
        Ok(Fate::Panicked) => state == JobState::Panicked,
        Ok(Fate::Cancelled | Fate::Abandoned) => state == JobState::Cancelled,
        Ok(Fate::Returned) => state == JobState::Returned,
        Ok(Fate::Refused) => false,
        // Complained of elsewhere.
        Err(_) => true,
    };
    if !is_right {
        round.complain(format!("its handle says {state:?}: {}", record.story()));
    }
}

/// One look at a pool in use.
///
/// `accepted` was read before the look and `attempts` after it, so what the pool has is between.
pub(crate) fn check_snapshot(round: &Round, accepted: u64, stats: &PoolStats, attempts: u64) {
    let ceiling = round.ceiling();
    let inside = (stats.queued + stats.busy) as u64;
    let jobs = inside + stats.completed + stats.panicked + stats.cancelled + stats.returned;
    let is_right = stats.threads == stats.idle + stats.busy
        && stats.threads <= ceiling
        && stats.blocked <= stats.busy
        && stats.oldest_wait.is_some() == (stats.queued > 0)
        && accepted <= jobs
        && jobs + stats.rejected <= attempts;
    if !is_right {
        let bounds = format!("accepted {accepted}, attempts {attempts}, ceiling {ceiling}");
        round.complain(format!("a snapshot that cannot be: {stats:?}, {bounds}"));
    }
}

impl AddAssign for Account {
    fn add_assign(&mut self, other: Self) {
        self.pools += other.pools;
        self.longest_end = self.longest_end.max(other.longest_end);
        self.accepted += other.accepted;
        self.completed += other.completed;
        self.cancelled += other.cancelled;
        self.abandoned += other.abandoned;
        self.panicked += other.panicked;
        self.refused_stopped += other.refused_stopped;
        self.refused_full += other.refused_full;
        self.refused_no_thread += other.refused_no_thread;
        self.returned += other.returned;
        self.refused_late += other.refused_late;
        self.refused_inside += other.refused_inside;
        self.highs += other.highs;
        self.waits += other.waits;
        self.ordered += other.ordered;
        self.threads += other.threads;
        self.thread_refusals += other.thread_refusals;
        self.resizes += other.resizes;
        self.stalls += other.stalls;
        self.stops += other.stops;
        self.late_stops += other.late_stops;
        self.closes += other.closes;
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pools, threads, thread_refusals, resizes, stalls, highs, waits, .. } = self;
        let Self { stops, late_stops, closes, .. } = self;
        let longest_end = self.longest_end;
        writeln!(f, "pools      {pools:>10}  longest end {longest_end:.1?}")?;
        writeln!(f, "  threads  {threads:>10}  and {thread_refusals} refused")?;
        writeln!(f, "  resizes  {resizes:>10}  stalls {stalls}, high water {highs}")?;
        writeln!(f, "  waits    {waits:>10}  for other jobs")?;
        writeln!(f, "  stops    {stops:>10}  of them late {late_stops}; closes {closes}")?;
        let Self { refused_stopped, refused_full, refused_no_thread, .. } = self;
        let Self { refused_late, refused_inside, .. } = self;
        let refused = self.refused();
        writeln!(
            f,
            "refused    {refused:>10}  stopped {refused_stopped}, full {refused_full}, late \
             {refused_late}, on a worker {refused_inside}, no thread {refused_no_thread}"
        )?;
        let Self { accepted, completed, cancelled, abandoned, panicked, returned, .. } = self;
        let ordered = self.ordered;
        writeln!(f, "accepted   {accepted:>10}  of them {ordered} in an order that was checked")?;
        writeln!(f, "  completed{completed:>10}")?;
        writeln!(
            f,
            "  cancelled{cancelled:>10}  of them {abandoned} for want of a thread or start"
        )?;
        writeln!(f, "  panicked {panicked:>10}")?;
        writeln!(f, "  returned {returned:>10}")?;
        let sign = if self.holds() { "=" } else { "is not" };
        write!(
            f,
            "accepted {accepted} {sign} completed {completed} + cancelled {cancelled} + panicked \
             {panicked} + returned {returned}"
        )
    }
}
