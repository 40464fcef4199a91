//! The ways in which a pool is ended.

use std::sync::Arc;
use std::time::Duration;

use ropewalk_testing::soak::{Dice, add, contained};
use ropewalk_threadpool::{AlreadyStopped, StillRunning, ThreadPool};

use crate::plan::Finale;
use crate::record::take_back;
use crate::round::Round;
use crate::submission;
use crate::work::Work;

const MS: Duration = Duration::from_millis(1);

/// How somebody ends the pool.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    Stop,
    StopWithin,
    StopNow,
    Close,
    /// By a job.
    FromWithin,
    /// By letting go of the handle; only in the end is it the last.
    Drop,
}

impl Way {
    pub(crate) const ALL: &[Self] = &[
        Self::Stop,
        Self::StopWithin,
        Self::StopWithin,
        Self::StopNow,
        Self::Close,
        Self::FromWithin,
        Self::Drop,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::StopWithin => "stop_within",
            Self::StopNow => "stop_now",
            Self::Close => "close",
            Self::FromWithin => "a submission of a job that stops",
            Self::Drop => "the drop of a handle",
        }
    }
}

/// Ends the pool, on a thread that is not of it, and lets go of the handle.
pub(crate) fn end(round: &Arc<Round>, pool: ThreadPool, way: Way, dice: &mut Dice) {
    if way == Way::Drop {
        if round.plan.finale == Finale::Drop && dice.one_in(4) {
            drop(round.take_pool());
        }
        return;
    }
    round.ending();
    match way {
        Way::Stop => {
            add(&round.tally.stops);
            pool.stop();
            round.over("stop");
        }
        Way::StopWithin => match stop_within(round, &pool, dice) {
            Ok(()) => round.over("stop_within"),
            Err(still) if still.threads == 0 => {
                round.complain(format!("nothing held the pool: {still:?}"));
            }
            Err(_) => round.ended(),
        },
        Way::StopNow => stop_now(round, &pool, dice),
        Way::Close => {
            pool.close(round.on_drained());
            round.ended();
        }
        Way::FromWithin => drop(submission::submit_this(round, &pool, Work::Stops, dice, 0)),
        Way::Drop => {}
    }
    if way != Way::FromWithin {
        check_ended(round, &pool, dice);
    }
}

/// Ends the pool, on one of its threads.
pub(crate) fn end_from_within(round: &Arc<Round>, pool: &ThreadPool, way: Way, dice: &mut Dice) {
    if !pool.is_worker() {
        round.complain("a job is not on a thread of its pool".to_owned());
    }
    round.ending();
    match way {
        Way::StopWithin => match stop_within(round, pool, dice) {
            Ok(()) => round.complain("the pool was gone under a running job".to_owned()),
            Err(still) => {
                if still.waited != Duration::ZERO || still.jobs.is_empty() {
                    round.complain(format!("not what a worker is to hear: {still:?}"));
                }
            }
        },
        Way::StopNow => stop_now(round, pool, dice),
        Way::Close => pool.close(round.on_drained()),
        Way::Stop | Way::FromWithin | Way::Drop => {
            add(&round.tally.stops);
            pool.stop();
        }
    }
    round.ended();
    check_ended(round, pool, dice);
}

fn stop_within(round: &Round, pool: &ThreadPool, dice: &mut Dice) -> Result<(), StillRunning> {
    add(&round.tally.stops);
    let answer = pool.stop_within(dice.pick(&[Duration::ZERO, MS, 5 * MS, 10_000 * MS]));
    if answer.is_err() {
        add(&round.tally.late_stops);
    }
    answer
}

fn stop_now(round: &Round, pool: &ThreadPool, dice: &mut Dice) {
    add(&round.tally.stops);
    let unrun = pool.stop_now();
    round.told();
    for job in unrun {
        let is_run = dice.one_in(2);
        take_back(|| if is_run { job.run() } else { drop(job) });
    }
}

/// What holds of each pool that was ended, even if it still drains.
fn check_ended(round: &Arc<Round>, pool: &ThreadPool, dice: &mut Dice) {
    if pool.started() || pool.start() != Err(AlreadyStopped::default()) {
        round.complain("a pool that was ended can be started".to_owned());
    }
    // Complains if it is accepted.
    submission::submit_this(round, pool, Work::Nothing, dice, 0);
}

/// The end of the round's own handle; gives the pool if that has been joined.
pub(crate) fn end_for_good(round: &Round, dice: &mut Dice) -> Option<ThreadPool> {
    let pool = round.take_pool()?;
    if round.plan.finale == Finale::Drop {
        contained(|| drop(pool));
        return None;
    }
    round.ending();
    if dice.one_in(4) {
        stop_now(round, &pool, dice);
    }
    if dice.one_in(2) {
        while pool.stop_within(MS).is_err() {
            add(&round.tally.late_stops);
        }
        round.over("stop_within");
    }
    add(&round.tally.stops);
    pool.stop();
    round.over("stop");
    Some(pool)
}
