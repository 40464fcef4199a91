//! One of the threads that use the pool from outside.

use std::sync::{Arc, Barrier};
use std::thread;

use ropewalk_testing::soak::{Dice, Post};
use ropewalk_threadpool::ThreadPool;

use crate::ending;
use crate::plan::Start;
use crate::round::Round;
use crate::submission;
use crate::work;

/// What a driver does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Submit,
    SubmitSome,
    Cancel,
    Resize,
    Look,
    Yield,
    AwaitJob,
    AwaitRest,
}

impl Step {
    pub(crate) const ALL: &[Self] = &[
        Self::Submit,
        Self::SubmitSome,
        Self::Cancel,
        Self::Resize,
        Self::Look,
        Self::Yield,
        Self::AwaitJob,
        Self::AwaitRest,
    ];
}

/// Uses the pool, then ends it.
pub(crate) fn drive(
    round: &Arc<Round>,
    pool: ThreadPool,
    number: usize,
    all: &Barrier,
    post: &Post,
) {
    let plan = &round.plan;
    let mut dice = Dice::of_thread(plan.seed, number);
    for count in 0..plan.steps {
        if number == 0 && plan.start == Start::AtStep(count) {
            post.is_at("start");
            // Too late if a job or another driver has ended the pool.
            if pool.start().is_err() && !round.is_ending() {
                round.complain("a pool that nobody has ended did not start".to_owned());
            }
        }
        // Some further steps on a pool that is closed are as good as all of them.
        if round.is_closed() && dice.one_in(10) {
            break;
        }
        step(round, &pool, Step::ALL[dice.weighted(&plan.step_weights)], &mut dice, post);
    }
    if plan.ends_together {
        post.is_at("the barrier");
        all.wait();
    }
    let way = plan.ways[number];
    post.is_at(way.name());
    ending::end(round, pool, way, &mut dice);
    post.is_off();
}

fn step(round: &Arc<Round>, pool: &ThreadPool, step: Step, dice: &mut Dice, post: &Post) {
    match step {
        Step::Submit => {
            post.is_at("a submission");
            submission::submit(round, pool, dice, 0);
        }
        Step::SubmitSome => {
            post.is_at("a submission");
            (0..dice.below(8)).for_each(|_| submission::submit(round, pool, dice, 0));
        }
        Step::Cancel => {
            post.is_at("a cancellation");
            work::cancel(round, dice);
        }
        Step::Resize => {
            post.is_at("a change of size");
            work::resize(round, pool, dice);
        }
        Step::Look => {
            post.is_at("stats");
            work::look(round, pool);
        }
        Step::Yield => (0..dice.pick(&[1, 3, 20])).for_each(|_| thread::yield_now()),
        // Before the start it could be for ever. After it, nobody has to help.
        Step::AwaitJob if pool.started() && dice.one_in(2) => {
            post.is_at("the wait for a job");
            work::await_another(round, pool, dice, false);
        }
        Step::AwaitJob => {
            post.is_at("the wait for a kept job");
            work::await_kept(round, dice);
        }
        Step::AwaitRest => {
            post.is_at("stats");
            await_rest(pool, dice);
        }
    }
}

/// Waits, not long, until nothing is to be done: workers fall idle, and tire of it.
fn await_rest(pool: &ThreadPool, dice: &mut Dice) {
    let is_at_rest = || {
        let stats = pool.stats();
        stats.queued == 0 && stats.busy == 0
    };
    let mut left = 30;
    while left > 0 && !is_at_rest() {
        thread::yield_now();
        left -= 1;
    }
    // For some, until the time-out of the idle threads is just over.
    (0..dice.pick(&[0, 0, 1, 10, 50])).for_each(|_| thread::yield_now());
}
