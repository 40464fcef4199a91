//! What jobs do when they run.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use ropewalk_testing::soak::{Dice, Planned, add, contained, get, panic_as_planned};
use ropewalk_threadpool::{JobState, Panicked, ThreadPool, WouldDeadlock, blocking};

use crate::account::check_snapshot;
use crate::ending::{self, Way};
use crate::record::{Fate, Note, Receipt, Record, Ticket};
use crate::round::Round;
use crate::{submission, tokens};

/// How long a job waits for another that may be stuck behind it.
const PATIENCE: Duration = Duration::from_millis(1);

/// So deep jobs submit jobs.
const DEPTH: usize = 3;

/// What a job does.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    Nothing,
    Yields,
    Panics,
    /// Its closure panics when it is dropped unrun.
    Explodes,
    Submits,
    Awaits,
    Blocks,
    Cancels,
    Resizes,
    Obeys,
    Hooks,
    Looks,
    /// Not drawn, but made by one that awaits it.
    Rings(Sender<()>),
    /// Drawn by chances of its own.
    Stops,
}

impl Work {
    /// Those that are drawn by weight.
    pub(crate) const ALL: &[Self] = &[
        Self::Nothing,
        Self::Yields,
        Self::Panics,
        Self::Explodes,
        Self::Submits,
        Self::Awaits,
        Self::Blocks,
        Self::Cancels,
        Self::Resizes,
        Self::Obeys,
        Self::Hooks,
        Self::Looks,
    ];

    pub(crate) fn draw(round: &Round, dice: &mut Dice) -> Self {
        if round.plan.stopping_jobs > 0 && dice.one_in(round.plan.stopping_jobs) {
            return Self::Stops;
        }
        Self::ALL[dice.weighted(&round.plan.work_weights)].clone()
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Nothing => "does nothing",
            Self::Yields => "yields",
            Self::Panics => "panics",
            Self::Explodes => "panics when dropped",
            Self::Submits => "submits",
            Self::Awaits => "awaits another",
            Self::Blocks => "blocks",
            Self::Cancels => "cancels",
            Self::Resizes => "resizes the pool",
            Self::Obeys => "looks at its token",
            Self::Hooks => "sets hooks",
            Self::Looks => "looks at the pool",
            Self::Rings(_) => "is awaited",
            Self::Stops => "stops the pool",
        }
    }

    /// On a worker; `depth` says how many jobs stand between it and a driver.
    fn perform(self, ticket: &Ticket, dice: &mut Dice, depth: usize) {
        let round = &ticket.round;
        match self {
            Self::Nothing | Self::Explodes => {}
            Self::Yields => do_yield(dice.pick(&[1, 3, 20])),
            Self::Blocks => block(dice),
            Self::Panics => panic_as_planned(),
            Self::Cancels => cancel(round, dice),
            Self::Obeys => tokens::obey(ticket, dice),
            Self::Hooks => tokens::hook(round, dice),
            Self::Rings(bell) => {
                // It may have stopped listening.
                let _ = bell.send(());
            }
            Self::Submits | Self::Awaits | Self::Resizes | Self::Looks | Self::Stops => {
                let Some(pool) = round.pool() else { return };
                match self {
                    Self::Submits if depth < DEPTH => {
                        for _ in 0..=dice.below(2) {
                            submission::submit(round, &pool, dice, depth + 1);
                        }
                    }
                    Self::Awaits => {
                        round.waiting(|may| await_another(round, &pool, dice, !may));
                    }
                    Self::Resizes => resize(round, &pool, dice),
                    Self::Looks => look(round, &pool),
                    Self::Stops => ending::end_from_within(round, &pool, dice.pick(Way::ALL), dice),
                    _ => {}
                }
            }
        }
    }
}

/// The closure of a job.
pub(crate) fn job(
    ticket: Ticket,
    work: Work,
    mut dice: Dice,
    depth: usize,
) -> impl FnOnce() + Send + 'static {
    let mut bomb = Bomb(matches!(work, Work::Explodes));
    move || {
        bomb.disarm();
        if ticket.begin() {
            work.perform(&ticket, &mut dice, depth);
        }
        ticket.end();
    }
}

/// Panics when dropped, if it is live.
struct Bomb(bool);

impl Bomb {
    fn disarm(&mut self) {
        self.0 = false;
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.0 && !thread::panicking() {
            panic_as_planned();
        }
    }
}

/// The callback of a job.
pub(crate) fn callback(
    receipt: Receipt,
    panics: bool,
) -> impl FnOnce(Result<(), Panicked>) + Send + 'static {
    move |result| {
        receipt.begin(result.is_ok());
        let is_planned = |panicked: Panicked| panicked.into_payload().is::<Planned>();
        if result.is_err_and(|panicked| !is_planned(panicked)) {
            receipt.round.complain("a job panicked with a payload that is not its own".to_owned());
        }
        if panics {
            panic_as_planned();
        }
        receipt.end();
    }
}

fn do_yield(times: usize) {
    (0..times).for_each(|_| thread::yield_now());
}

/// Says that it waits, and does as if.
fn block(dice: &mut Dice) {
    let times = dice.pick(&[0, 1, 20]);
    if dice.one_in(10) {
        blocking(|| panic_as_planned());
    }
    blocking(|| blocking(|| do_yield(times)));
}

/// Submits a job and waits until it is over; if that could be never, not long.
pub(crate) fn await_another(
    round: &Arc<Round>,
    pool: &ThreadPool,
    dice: &mut Dice,
    is_limited: bool,
) {
    let (bell, rings) = channel();
    let job = submission::submit_this(round, pool, Work::Rings(bell), dice, DEPTH);
    let Some((handle, record)) = job else { return };
    if dice.one_in(2) {
        // Both, that it has rung and that it never will, are the end of it.
        let _ = match is_limited {
            true => rings.recv_timeout(PATIENCE).is_ok(),
            false => blocking(|| rings.recv()).is_ok(),
        };
        return;
    }
    let ended = match is_limited {
        true => handle.wait_timeout(PATIENCE),
        false => handle.wait().map(Some),
    };
    check_end(round, ended, &record);
}

/// Waits for one of the kept jobs, not long: it may wait for this one.
pub(crate) fn await_kept(round: &Round, dice: &mut Dice) {
    let Some((handle, record)) = round.take_kept(dice.number()) else { return };
    check_end(round, handle.wait_timeout(PATIENCE), &record);
    round.keep((handle, record), dice.number());
}

/// What a wait for a job says is what its record says.
fn check_end(round: &Round, ended: Result<Option<JobState>, WouldDeadlock>, record: &Record) {
    let is_right = match ended {
        Ok(Some(JobState::Finished)) => record.fate_of_a_run() == Some(Fate::Completed),
        Ok(Some(JobState::Panicked)) => record.fate_of_a_run() == Some(Fate::Panicked),
        // These are told before the closure is dropped.
        Ok(Some(JobState::Cancelled | JobState::Returned)) => !record.has(Note::Started),
        Ok(Some(_)) => false,
        Ok(None) => true,
        // A job that waits for itself.
        Err(_) => record.has(Note::Started),
    };
    if !is_right {
        round.complain(format!("a wait gave {ended:?}: {}", record.story()));
    }
}

/// Cancels one of the kept jobs.
pub(crate) fn cancel(round: &Arc<Round>, dice: &mut Dice) {
    let Some((handle, record)) = round.take_kept(dice.number()) else { return };
    // A closure that panics as it is dropped does so here; it has been cancelled then.
    if contained(|| handle.cancel()).unwrap_or(true) {
        let is_again = record.note(Note::Cancelled);
        if is_again || !record.is_released() || record.has(Note::Started) {
            round.complain(format!("cancel said true: {}", record.story()));
        }
    }
    if dice.one_in(2) {
        round.keep((handle, record), dice.number());
    }
}

/// Gives the pool another size, or tries one that no pool has.
pub(crate) fn resize(round: &Round, pool: &ThreadPool, dice: &mut Dice) {
    add(&round.tally.resizes);
    if dice.one_in(10) {
        if pool.set_max_threads(0).is_ok() || pool.adjust_pool_size(2, 1).is_ok() {
            round.complain("a size that no pool can have was taken".to_owned());
        }
        return;
    }
    let max = if round.plan.is_single { 1 } else { dice.pick(&[1, 2, 3, 4, 8, 16]) };
    let min = dice.below(max + 1);
    round.ceiling.fetch_max(max, Ordering::SeqCst);
    match dice.below(4) {
        // Others resize meanwhile, so that one half of a size may not fit to the other.
        0 => drop(pool.set_min_threads(min)),
        1 => drop(pool.set_max_threads(max)),
        _ => {
            if pool.adjust_pool_size(min, max).is_err() {
                round.complain(format!("the size {min} to {max} was refused"));
            }
        }
    }
}

/// Looks whether the numbers of the pool fit together.
pub(crate) fn look(round: &Round, pool: &ThreadPool) {
    let accepted = get(&round.tally.accepted);
    let stats = pool.stats();
    check_snapshot(round, accepted, &stats, get(&round.tally.attempts));
    let running = pool.running_jobs();
    let ceiling = round.ceiling();
    if running.len() > ceiling || !running.is_sorted_by(|one, next| one.age >= next.age) {
        round.complain(format!("running jobs that cannot be: {running:?}, ceiling {ceiling}"));
    }
}
