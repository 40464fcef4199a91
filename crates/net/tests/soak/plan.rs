//! What is decided about a round before it begins: all of it follows from one number.

use std::time::Duration;

use ropewalk_testing::soak::Dice;

use crate::act::Act;
use crate::life::Ending;
use crate::speech::Speech;

const MS: Duration = Duration::from_millis(1);

/// What carries the connections of a port.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Tcp,
    #[cfg(unix)]
    Unix,
    #[cfg(feature = "tls")]
    Tls,
    /// TCP, handed on to another port.
    Relay,
}

const KINDS: &[Kind] = &[
    Kind::Tcp,
    Kind::Tcp,
    #[cfg(unix)]
    Kind::Unix,
    #[cfg(feature = "tls")]
    Kind::Tls,
    Kind::Relay,
];

#[derive(Clone, Debug)]
pub(crate) struct PortPlan {
    pub(crate) kind: Kind,
    pub(crate) speech: Speech,
    pub(crate) most: Option<usize>,
    /// The system keeps little of what is sent.
    pub(crate) is_narrow: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// The first one is plain TCP: what the relays need.
    pub(crate) ports: Vec<PortPlan>,
    /// How each life ends; the last word of the last.
    pub(crate) endings: Vec<Ending>,
    /// For how long each is busy.
    pub(crate) time: Duration,
    /// How many links each life makes.
    pub(crate) links: usize,
    /// How much one end says.
    pub(crate) words: u64,
    /// How much of it at a time, at most.
    pub(crate) size: usize,
    /// How often each [`Act`] is done.
    pub(crate) weights: Vec<usize>,
    /// One act in so many ends a connection, in one way or another.
    pub(crate) ending_acts: usize,
    /// One link in so many goes through the proxy, where it can.
    pub(crate) proxied: usize,
    /// The proxy does one harm to so many pieces; none if it is 0.
    pub(crate) harm: usize,
    /// While the reactor stops all read what there is, so that nobody holds it up.
    pub(crate) reads_in_the_end: bool,
    /// So long between two looks of the ticker.
    pub(crate) tick: Duration,
}

impl Plan {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut plan = Self {
            seed,
            ports: vec![PortPlan {
                kind: Kind::Tcp,
                speech: Speech::Bytes,
                most: None,
                is_narrow: dice.one_in(2),
            }],
            endings: (0..dice.below(3)).map(|_| dice.pick(Ending::ALL)).collect(),
            time: dice.pick(&[5, 20, 20, 60, 150]) * MS,
            links: dice.pick(&[1, 4, 10, 25]),
            words: dice.pick(&[1000, 50_000, 400_000, 2_000_000]),
            size: dice.pick(&[1, 100, 3000, 60_000, 300_000]),
            weights: dice.weights(Act::ALL.len()),
            ending_acts: dice.pick(&[5, 20, 100, 1000]),
            proxied: dice.pick(&[1, 2, 2, 1000]),
            harm: dice.pick(&[0, 0, 5, 50, 500]),
            reads_in_the_end: dice.one_in(2),
            tick: dice.pick(&[Duration::ZERO, MS / 5, MS, 4 * MS]),
        };
        plan.endings.push(dice.pick(&[Ending::Settle, Ending::Settle, Ending::Stop, Ending::Drop]));
        // A round in which nobody says anything is none.
        plan.weights[0] += 5;
        for _ in 0..dice.below(4) {
            let most = dice.pick(&[None, None, Some(1), Some(3)]);
            plan.ports.push(PortPlan {
                kind: dice.pick(KINDS),
                speech: dice.pick(&[Speech::Bytes, Speech::Lines, Speech::Strings]),
                most,
                is_narrow: most.is_none() && dice.one_in(2),
            });
        }
        plan
    }
}
