//! What is decided about a round before it begins: all of it follows from one number.

use std::time::Duration;

use ropewalk_reactor::PanicPolicy;
use ropewalk_testing::soak::Dice;

use crate::work::Work;

/// How many threads use the reactors from outside.
pub(crate) const DRIVERS: usize = 8;

/// How many reactors there are at once.
pub(crate) const REACTORS: usize = 3;

/// How many pools there are beside those of the reactors.
pub(crate) const POOLS: usize = 3;

/// So long may a shutdown take on a busy machine; the watchdog has more.
const PATIENCE: Duration = Duration::from_secs(10);

const MS: Duration = Duration::from_millis(1);

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) panic_policy: PanicPolicy,
    /// Short, so that something may be lost, or so long that only a hang would pass it.
    pub(crate) shutdown_deadline: Duration,
    pub(crate) is_hasty: bool,
    /// Reactors are stopped, and not cut short, crashed or dropped in a callback.
    pub(crate) is_orderly: bool,
    /// How many things each driver does before it leaves.
    pub(crate) steps: usize,
    /// How often each [`Work`] is done.
    pub(crate) weights: Vec<usize>,
    /// One work in so many ends a run.
    pub(crate) ending_works: usize,
    /// So long a run goes on if nobody ends it, at most.
    pub(crate) longest_run: Duration,
    /// Reactors may use the pools of the round, which somebody may end, as theirs.
    pub(crate) is_sharing: bool,
    /// A pool of the round's own, and one that a reactor is given.
    pub(crate) pools: [PoolPlan; POOLS],
    pub(crate) installed: PoolPlan,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolPlan {
    pub(crate) max: usize,
    pub(crate) spares: Option<usize>,
    pub(crate) queue: Option<usize>,
    pub(crate) start: Start,
    /// After how many looks at it somebody ends it.
    pub(crate) end: Option<usize>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Start {
    AtOnce,
    /// When it has been looked at so many times.
    Late(usize),
    Never,
}

impl PoolPlan {
    fn new(dice: &mut Dice) -> Self {
        Self {
            max: dice.pick(&[1, 1, 2, 4]),
            spares: dice.pick(&[None, None, Some(0), Some(1)]),
            queue: dice.pick(&[None, None, None, Some(2)]),
            start: dice.pick(&[
                Start::AtOnce,
                Start::AtOnce,
                Start::AtOnce,
                Start::AtOnce,
                Start::Late(10),
                Start::Never,
            ]),
            end: dice.pick(&[None, None, None, Some(5), Some(20), Some(100)]),
        }
    }
}

impl Plan {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut weights = dice.weights(Work::ALL.len());
        // One of works that make more work has no end.
        weights[0] += 10;
        let is_hasty = dice.one_in(3);
        Self {
            seed,
            weights,
            is_hasty,
            is_sharing: dice.one_in(4),
            is_orderly: dice.one_in(2),
            panic_policy: dice.pick(&[PanicPolicy::Log, PanicPolicy::Log, PanicPolicy::Stop]),
            shutdown_deadline: if is_hasty { dice.pick(&[Duration::ZERO, MS]) } else { PATIENCE },
            steps: dice.pick(&[5, 50, 50, 200, 200, 500]),
            ending_works: dice.pick(&[10, 50, 200, 1000]),
            longest_run: dice.pick(&[MS / 10, MS, MS, 5 * MS, 20 * MS]),
            pools: [(); POOLS].map(|()| PoolPlan::new(&mut dice)),
            installed: PoolPlan::new(&mut dice),
        }
    }
}
