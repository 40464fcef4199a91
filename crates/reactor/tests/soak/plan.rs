//! What is decided about a round before it begins: all of it follows from one number.

use std::num::NonZeroUsize;
use std::time::Duration;

use ropewalk_reactor::PanicPolicy;
use ropewalk_testing::soak::Dice;

use crate::driver::Step;
use crate::work::Work;

/// How many threads use the reactors from outside.
pub(crate) const DRIVERS: usize = 4;

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) budget: NonZeroUsize,
    pub(crate) panic_policy: PanicPolicy,
    pub(crate) shutdown_deadline: Duration,
    pub(crate) slow_callback: Option<Duration>,
    pub(crate) spin: Duration,
    /// It waits as on platforms that have no shorter way.
    pub(crate) is_portable: bool,
    /// How many things each driver does before it leaves.
    pub(crate) steps: usize,
    /// How often a driver does each [`Step`].
    pub(crate) step_weights: Vec<usize>,
    /// How often a callback does each [`Work`].
    pub(crate) work_weights: Vec<usize>,
    /// One callback in so many ends the run that it is in.
    pub(crate) ending_works: usize,
    /// One step of a driver in so many stops a reactor.
    pub(crate) ending_steps: usize,
}

impl Plan {
    pub(crate) fn new(seed: u64) -> Self {
        const MS: Duration = Duration::from_millis(1);
        let mut dice = Dice::new(seed);
        let budgets = [1, 2, 16, 256, 256].map(NonZeroUsize::new);
        let mut plan = Self {
            step_weights: dice.weights(Step::ALL.len()),
            work_weights: dice.weights(Work::ALL.len()),
            seed,
            budget: dice.pick(&budgets).unwrap_or(NonZeroUsize::MIN),
            panic_policy: dice.pick(&[PanicPolicy::Log, PanicPolicy::Log, PanicPolicy::Stop]),
            shutdown_deadline: dice.pick(&[Duration::ZERO, MS, MS, 20 * MS]),
            slow_callback: dice.pick(&[None, None, Some(Duration::ZERO), Some(MS)]),
            spin: dice.pick(&[Duration::ZERO, Duration::ZERO, MS / 20, MS]),
            is_portable: dice.one_in(4),
            steps: dice.pick(&[5, 50, 50, 200, 200, 1000, 3000]),
            ending_works: dice.pick(&[20, 100, 1000, 10_000]),
            ending_steps: dice.pick(&[5, 50, 500, 5000]),
        };
        // A round without calls is no round, and one of works that make more work has no end.
        plan.step_weights[0] += 10;
        plan.work_weights[0] += 20;
        plan
    }
}
