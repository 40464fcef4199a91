//! What is decided about a pool before it is built: all of it follows from one number.

use std::time::Duration;

use ropewalk_testing::soak::Dice;

use crate::ending::Way;

/// How many threads use the pool from outside.
pub(crate) const DRIVERS: usize = 4;

/// When the pool is started.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Start {
    AtOnce,
    /// By the first driver, before this step of it.
    AtStep(usize),
    /// Stopping it starts it; dropping it does not.
    Never,
}

/// How the last of the pool is seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Finale {
    /// Stopped and joined, its numbers compared.
    Stop,
    /// Nobody stops it: the last handle goes, on whatever thread that happens to be.
    Drop,
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) min: usize,
    pub(crate) max: usize,
    /// Never more than one thread at a time, so that the order of the jobs can be checked.
    pub(crate) is_single: bool,
    pub(crate) spare: usize,
    pub(crate) grow_after: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) queue_limit: Option<usize>,
    pub(crate) high_water: Option<usize>,
    pub(crate) has_context: bool,
    pub(crate) stall_after: Option<Duration>,
    /// Of 1000 threads, so many are refused.
    pub(crate) refused_threads: u64,
    pub(crate) start: Start,
    /// How many things each driver does before it ends the pool.
    pub(crate) steps: usize,
    /// How often a driver does each of its [`Step`](crate::driver::Step)s.
    pub(crate) step_weights: Vec<usize>,
    /// How often a job does each [`Work`](crate::work::Work).
    pub(crate) work_weights: Vec<usize>,
    /// One job in so many ends the pool from within; none if 0.
    pub(crate) stopping_jobs: usize,
    /// How each driver ends the pool.
    pub(crate) ways: [Way; DRIVERS],
    /// They do so at the same time.
    pub(crate) ends_together: bool,
    pub(crate) finale: Finale,
}

impl Plan {
    pub(crate) fn new(seed: u64, steps: usize, works: usize) -> Self {
        const MS: Duration = Duration::from_millis(1);
        let mut dice = Dice::new(seed);
        let is_single = dice.one_in(4);
        let max = if is_single { 1 } else { dice.pick(&[1, 2, 2, 3, 4, 8, 16]) };
        let finale = if dice.one_in(4) { Finale::Drop } else { Finale::Stop };
        let is_only_dropped = finale == Finale::Drop && dice.one_in(2);
        let way = |()| if is_only_dropped { Way::Drop } else { dice.pick(Way::ALL) };
        let ways = [(); DRIVERS].map(way);
        let step_count = dice.pick(&[5, 50, 50, 200, 200, 1000, 3000]);
        let at_step = Start::AtStep(dice.below(step_count));
        let mut plan = Self {
            step_weights: dice.weights(steps),
            work_weights: dice.weights(works),
            seed,
            min: dice.below(max + 1),
            max,
            is_single,
            // A second thread beside one that waits would be a second thread.
            spare: if is_single { 0 } else { dice.pick(&[0, 1, 3, 64]) },
            grow_after: dice.pick(&[Duration::ZERO, MS / 10, MS, 20 * MS]),
            // The longest is not to come, lest it rescue a worker that nobody wakes.
            idle_timeout: dice.pick(&[Duration::ZERO, MS / 10, MS, 1_000_000 * MS]),
            queue_limit: dice.pick(&[None, None, Some(0), Some(1), Some(10), Some(100)]),
            high_water: dice.pick(&[None, Some(1), Some(20)]),
            has_context: dice.one_in(3),
            stall_after: dice.pick(&[None, Some(MS), Some(10 * MS), Some(200 * MS)]),
            refused_threads: dice.pick(&[0, 0, 0, 0, 0, 100, 500, 900, 1000]),
            start: dice.pick(&[Start::AtOnce, Start::AtOnce, at_step, at_step, Start::Never]),
            steps: step_count,
            stopping_jobs: dice.pick(&[0, 0, 100, 1000]),
            ways,
            ends_together: dice.one_in(2),
            finale,
        };
        // A round without submissions is no round, and one of waits only takes its time.
        plan.step_weights[0] += 10;
        plan.work_weights[0] += 5;
        if is_only_dropped {
            plan.stopping_jobs = 0;
        }
        plan
    }
}
