//! The account: which calls were made, and what became of them.

use std::fmt;
use std::ops::AddAssign;

use ropewalk_testing::soak::get;

use crate::record::{Door, Fate};
use crate::world::World;

const DOORS: usize = Door::ALL.len();
const FATES: usize = Fate::ALL.len();

/// Numbers of calls, by bridge and by what became of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Account {
    calls: [u64; DOORS],
    fates: [[u64; FATES]; DOORS],
    reactors: u64,
    threads: u64,
    runs: u64,
    stops: u64,
    crashes: u64,
    drops: u64,
    payloads: u64,
}

impl Account {
    /// Of one round; what its records say that cannot be is left out of all fates.
    pub(crate) fn of(world: &World) -> Self {
        let tally = &world.tally;
        let mut account = Self {
            reactors: get(&tally.reactors),
            threads: get(&tally.threads),
            runs: get(&tally.runs),
            stops: get(&tally.stops),
            crashes: get(&tally.crashes),
            drops: get(&tally.drops),
            payloads: get(&tally.payloads),
            ..Self::default()
        };
        for record in world.records() {
            let door = record.door as usize;
            account.calls[door] += 1;
            if let Ok(fate) = record.fate() {
                account.fates[door][fate as usize] += 1;
            }
        }
        account
    }

    /// Complains of what this account says that cannot be.
    pub(crate) fn check(&self, world: &World) {
        for record in world.records() {
            if let Err(what) = record.fate() {
                world.complain(format!("{what}: {}", record.story()));
            }
        }
    }

    fn holds(&self, door: Door) -> bool {
        self.calls[door as usize] == self.fates[door as usize].iter().sum()
    }
}

impl AddAssign for Account {
    fn add_assign(&mut self, other: Self) {
        for door in Door::ALL.map(|door| door as usize) {
            self.calls[door] += other.calls[door];
            for fate in 0..FATES {
                self.fates[door][fate] += other.fates[door][fate];
            }
        }
        self.reactors += other.reactors;
        self.threads += other.threads;
        self.runs += other.runs;
        self.stops += other.stops;
        self.crashes += other.crashes;
        self.drops += other.drops;
        self.payloads += other.payloads;
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reactors, threads, runs, stops, crashes, drops, payloads, .. } = self;
        writeln!(f, "reactors {reactors}, of them {threads} on threads of their own; runs {runs}")?;
        writeln!(f, "stops {stops}, crashes {crashes}, drops {drops}; payloads {payloads}")?;
        for door in Door::ALL {
            let calls = self.calls[door as usize];
            let sign = if self.holds(door) { "=" } else { "is not" };
            write!(f, "{:24}{calls:>9} {sign}", door.name())?;
            let fates = Fate::ALL
                .iter()
                .map(|&(fate, name)| (self.fates[door as usize][fate as usize], name));
            for (place, (number, name)) in fates.filter(|(number, _)| *number > 0).enumerate() {
                write!(f, "{}{name} {number}", if place == 0 { " " } else { " + " })?;
            }
            writeln!(f)?;
        }
        let calls: u64 = self.calls.iter().sum();
        let ended: u64 = self.fates.iter().flatten().sum();
        let sign = if calls == ended { "=" } else { "is not" };
        write!(f, "calls {calls} {sign} outcomes {ended}")
    }
}
