//! The ways for a job into the pool, and what is done with one that is refused.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ropewalk_testing::soak::{Dice, add, contained};
use ropewalk_threadpool::{JobHandle, SubmitError, ThreadPool};

use crate::hooks;
use crate::record::{Note, Receipt, Record, Ticket};
use crate::round::{Kept, Round};
use crate::work::{self, Work};

/// Through which method a job comes in.
#[derive(Clone, Copy, Debug)]
enum Door {
    Always,
    IfRoom,
    WhenRoom,
    Within(Duration),
}

impl Door {
    fn pick(round: &Round, pool: &ThreadPool, dice: &mut Dice) -> Self {
        const MS: Duration = Duration::from_millis(1);
        match dice.below(8) {
            0 | 1 => Self::IfRoom,
            2 => Self::Within(dice.pick(&[Duration::ZERO, MS / 10, MS])),
            // Before the start, and without a thread, there may never be room.
            3 if pool.started() && round.plan.refused_threads < 1000 => Self::WhenRoom,
            _ => Self::Always,
        }
    }
}

/// Submits a job at random, which stands at `depth`, and leaves it to itself.
pub(crate) fn submit(round: &Arc<Round>, pool: &ThreadPool, dice: &mut Dice, depth: usize) {
    let work = Work::draw(round, dice);
    let job = submit_this(round, pool, work, dice, depth);
    if let Some(job) = job.filter(|_| dice.one_in(2)) {
        round.keep(job, dice.number());
    }
}

/// Submits a job that does `work`, in a way at random; none if it was refused.
pub(crate) fn submit_this(
    round: &Arc<Round>,
    pool: &ThreadPool,
    work: Work,
    dice: &mut Dice,
    depth: usize,
) -> Option<Kept> {
    let has_callback = dice.one_in(3);
    let record = round.record(work.name(), has_callback);
    let ticket = Ticket { record: Arc::clone(&record), round: Arc::clone(round) };
    let job = work::job(ticket, work, Dice::new(dice.number()), depth);
    let door = Door::pick(round, pool, dice);
    let handle = if has_callback {
        let receipt = Receipt { record: Arc::clone(&record), round: Arc::clone(round) };
        let callback = work::callback(receipt, dice.one_in(20));
        let way = |(callback, job)| match door {
            Door::Always => pool.call_in_thread_with_callback(callback, job),
            _ => pool.try_call_in_thread_with_callback(callback, job),
        };
        let offered = offer(round, pool, &record, dice, (callback, job), way);
        offered.map_err(|both| contained(|| drop(both)))
    } else {
        let way = |job| match door {
            Door::Always => pool.call_in_thread(job),
            Door::IfRoom => pool.try_call_in_thread(job),
            Door::WhenRoom => pool.call_in_thread_when_room(job),
            Door::Within(limit) => pool.call_in_thread_within(limit, job),
        };
        offer(round, pool, &record, dice, job, way).map_err(|job| match dice.one_in(2) {
            true => contained(job),
            false => contained(|| drop(job)),
        })
    };
    Some((handle.ok()?, record))
}

/// Submits `body` with `way`; if it comes back, sometimes once more.
fn offer<B>(
    round: &Round,
    pool: &ThreadPool,
    record: &Record,
    dice: &mut Dice,
    body: B,
    way: impl Fn(B) -> Result<JobHandle, SubmitError<B>>,
) -> Result<JobHandle, B> {
    let body = match ask(round, pool, record, body, &way) {
        Err(body) if dice.one_in(4) => body,
        answered => return answered,
    };
    record.submitted_again();
    ask(round, pool, record, body, way)
}

fn ask<B>(
    round: &Round,
    pool: &ThreadPool,
    record: &Record,
    body: B,
    way: impl Fn(B) -> Result<JobHandle, SubmitError<B>>,
) -> Result<JobHandle, B> {
    add(&round.tally.attempts);
    let was_closed = round.is_closed();
    let mark = round.now();
    record.before.store(mark, Ordering::SeqCst);
    let answer = hooks::within_mark(mark, || way(body));
    record.after.store(round.now(), Ordering::SeqCst);
    match answer {
        Ok(handle) => {
            record.note(Note::Accepted);
            add(&round.tally.accepted);
            if was_closed {
                round.complain(format!("accepted after the end: {}", record.story()));
            }
            Ok(handle)
        }
        Err(error) => {
            record.note(Note::HandedBack);
            round.refused(error.kind(), pool.is_worker());
            Err(error.into_inner())
        }
    }
}
