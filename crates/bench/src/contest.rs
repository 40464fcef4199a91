//! The rounds: who runs when, and what the samples come to.

use crate::arguments::Options;
use crate::child;
use crate::sample::Sample;
use crate::skipped::Skipped;
use crate::statistics::{greatest, least, median, p99};
use crate::workload::{Contestant, Figure, Role, Setting, Workload};

pub(crate) struct Outcome {
    pub(crate) operations: usize,
    pub(crate) rounds: usize,
    pub(crate) standings: Vec<Standing>,
}

/// What one contestant did in all rounds.
pub(crate) struct Standing {
    pub(crate) contestant: &'static Contestant,
    /// Nanoseconds per operation, or bytes, or a count, one figure per round.
    pub(crate) figures: Vec<f64>,
    /// Nanoseconds of processor time per operation, one figure per round.
    busy: Vec<f64>,
    laps: Vec<f64>,
    pub(crate) in_order: bool,
    /// It made so many; the slow ones make fewer than they were asked for.
    pub(crate) operations: usize,
    /// It takes no further part.
    pub(crate) failure: Option<anyhow::Error>,
}

/// A count needs no more: nothing on a machine disturbs it by a little.
const MOST_ROUNDS_OF_COUNTS: usize = 3;

pub(crate) fn hold(workload: &Workload, setting: &Setting, options: &Options) -> Outcome {
    let operations = if options.quick { setting.quick_operations } else { setting.operations };
    let mut standings: Vec<_> = workload.contestants.iter().map(Standing::new).collect();
    let most = if workload.figure == Figure::Count { MOST_ROUNDS_OF_COUNTS } else { usize::MAX };
    let rounds = options.rounds.min(most);
    for round in 0..rounds {
        for place in 0..standings.len() {
            let turn = (round + place) % workload.contestants.len();
            let standing = &mut standings[turn];
            if standing.failure.is_some() {
                continue;
            }
            match child::measure(workload, standing.contestant, setting, operations) {
                Ok(sample) => standing.add(workload.figure, sample),
                Err(failure) => standing.failure = Some(failure),
            }
        }
    }
    Outcome { operations, rounds, standings }
}

impl Standing {
    fn new(contestant: &'static Contestant) -> Self {
        let (figures, busy, laps) = (Vec::new(), Vec::new(), Vec::new());
        Self { contestant, figures, busy, laps, in_order: true, operations: 0, failure: None }
    }

    fn add(&mut self, figure: Figure, sample: Sample) {
        self.figures.push(match figure {
            Figure::Throughput => sample.nanoseconds_each(),
            _ => median(&sample.laps),
        });
        self.busy.push(sample.busy_nanoseconds_each());
        self.in_order &= sample.in_order;
        self.operations = sample.operations;
        self.laps.extend(sample.laps);
    }

    /// Why it does not take part, if that is no failure.
    pub(crate) fn skipped(&self) -> Option<&Skipped> {
        self.failure.as_ref().and_then(|failure| failure.downcast_ref())
    }

    pub(crate) fn min(&self) -> f64 {
        least(&self.figures)
    }

    pub(crate) fn median(&self) -> f64 {
        median(&self.figures)
    }

    pub(crate) fn max(&self) -> f64 {
        greatest(&self.figures)
    }

    /// Processor time, of all threads.
    pub(crate) fn busy(&self) -> f64 {
        median(&self.busy)
    }

    /// Of the laps of all rounds.
    pub(crate) fn p99(&self) -> f64 {
        p99(&self.laps)
    }

    /// The median of the ratios of each round.
    pub(crate) fn ratio(&self, other: &Self) -> f64 {
        let rounds = self.figures.iter().zip(&other.figures);
        median(&rounds.map(|(own, other)| own / other).collect::<Vec<_>>())
    }
}

impl Outcome {
    pub(crate) fn of(&self, role: Role) -> Option<&Standing> {
        let mut in_role = self.standings.iter().filter(|one| one.contestant.role == role);
        in_role.find(|one| one.failure.is_none())
    }

    /// The one with the least median.
    pub(crate) fn best_peer(&self) -> Option<&Standing> {
        let finished = self.standings.iter().filter(|one| one.failure.is_none());
        let peers = finished.filter(|one| one.contestant.role == Role::Peer);
        peers.min_by(|one, other| one.median().total_cmp(&other.median()))
    }
}
