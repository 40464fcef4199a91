//! The account: what the reactors were given, and what became of it.

use std::fmt;
use std::ops::AddAssign;

use ropewalk_testing::soak::get;

use crate::record::{Fate, Kind};
use crate::world::{Tally, World};

/// What became of the closures of one kind.
#[derive(Clone, Copy, Debug, Default)]
struct Fates {
    accepted: u64,
    ran: u64,
    panicked: u64,
    cancelled: u64,
    dropped: u64,
    refused: u64,
}

impl Fates {
    fn holds(&self) -> bool {
        self.accepted == self.ran + self.panicked + self.cancelled + self.dropped
    }
}

/// Numbers of closures, by what the closures say, and of other things.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Account {
    calls: Fates,
    soons: Fates,
    timers: Fates,
    triggers: Fates,
    reactors: u64,
    runs: u64,
    turns: u64,
    embedded: u64,
    stops: u64,
    crashes: u64,
    drops_inside: u64,
    nested: u64,
    late_shutdowns: u64,
    refused: u64,
    again: u64,
    sources: u64,
    interests: u64,
    written: u64,
    read: u64,
    left_over: u64,
    shared: u64,
}

impl Account {
    /// Of one round; what its records say that cannot be is left out of all fates.
    pub(crate) fn of(world: &World) -> Self {
        let tally = &world.tally;
        let written = get(&tally.written);
        let mut account = Self {
            reactors: get(&tally.reactors),
            runs: get(&tally.runs),
            turns: get(&tally.turns),
            embedded: get(&tally.embedded),
            stops: get(&tally.stops),
            crashes: get(&tally.crashes),
            drops_inside: get(&tally.drops_inside),
            nested: get(&tally.nested),
            late_shutdowns: get(&tally.late_shutdowns),
            refused: get(&tally.refused),
            again: get(&tally.again),
            sources: get(&tally.sources),
            interests: get(&tally.interests),
            written,
            left_over: get(&tally.left_over),
            read: get(&tally.read),
            shared: get(&tally.shared),
            ..Self::default()
        };
        // Of the calls, those who hand them in have counted how many were accepted.
        account.calls.accepted = get(&tally.accepted);
        for record in world.records() {
            let fates = match record.kind {
                Kind::Call => &mut account.calls,
                Kind::Soon => &mut account.soons,
                Kind::Timer => &mut account.timers,
                Kind::Trigger => &mut account.triggers,
            };
            fates.accepted += u64::from(record.kind != Kind::Call);
            match record.fate() {
                Ok(Fate::Ran) => fates.ran += 1,
                Ok(Fate::Panicked) => fates.panicked += 1,
                Ok(Fate::Cancelled) => fates.cancelled += 1,
                Ok(Fate::Dropped) => fates.dropped += 1,
                Ok(Fate::Refused) => fates.refused += 1,
                Err(_) => {}
            }
        }
        account
    }

    fn kinds(&self) -> [Fates; 4] {
        [self.calls, self.soons, self.timers, self.triggers]
    }

    /// Each closure has one fate, and each byte was read once.
    fn holds(&self) -> bool {
        self.kinds().iter().all(Fates::holds)
            && self.refused == self.calls.refused + self.again
            && self.written == self.read + self.left_over
    }

    /// Complains of what this account says that cannot be.
    pub(crate) fn check(&self, world: &World) {
        for record in world.records() {
            if let Err(what) = record.fate() {
                world.complain(format!("{what}: {}", record.story()));
            }
        }
        if !self.holds() {
            world.complain(format!("the account does not hold: {self:?}"));
        }
        let tally: &Tally = &world.tally;
        if get(&tally.sources_dropped) != self.sources || get(&tally.shared_dropped) != self.shared
        {
            world.complain(format!("something leaked: {tally:?}"));
        }
    }
}

impl AddAssign for Fates {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.ran += other.ran;
        self.panicked += other.panicked;
        self.cancelled += other.cancelled;
        self.dropped += other.dropped;
        self.refused += other.refused;
    }
}

impl AddAssign for Account {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.soons += other.soons;
        self.timers += other.timers;
        self.triggers += other.triggers;
        self.reactors += other.reactors;
        self.runs += other.runs;
        self.turns += other.turns;
        self.embedded += other.embedded;
        self.stops += other.stops;
        self.crashes += other.crashes;
        self.drops_inside += other.drops_inside;
        self.nested += other.nested;
        self.late_shutdowns += other.late_shutdowns;
        self.refused += other.refused;
        self.again += other.again;
        self.sources += other.sources;
        self.interests += other.interests;
        self.written += other.written;
        self.read += other.read;
        self.left_over += other.left_over;
        self.shared += other.shared;
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reactors, runs, turns, stops, crashes, drops_inside, nested, .. } = self;
        let Self { late_shutdowns, sources, interests, shared, refused, again, .. } = self;
        writeln!(f, "reactors   {reactors:>10}  of them dropped in a callback {drops_inside}")?;
        writeln!(f, "  runs     {runs:>10}  late shutdowns {late_shutdowns}, in a run {nested}")?;
        let Self { embedded, .. } = self;
        writeln!(f, "  embedded {embedded:>10}  turned by another loop")?;
        writeln!(f, "  turns    {turns:>10}  by hand")?;
        writeln!(f, "  stops    {stops:>10}  crashes {crashes}")?;
        writeln!(f, "sources    {sources:>10}  changes of interest {interests}")?;
        writeln!(f, "shared     {shared:>10}")?;
        writeln!(f, "refused    {refused:>10}  of them handed in again {again}")?;
        for (name, fates) in ["calls", "soon", "timers", "triggers"].into_iter().zip(self.kinds()) {
            let Fates { accepted, ran, panicked, cancelled, dropped, .. } = fates;
            let sign = if fates.holds() { "=" } else { "is not" };
            writeln!(
                f,
                "{name:10} {accepted:>10} {sign} ran {ran} + panicked {panicked} + cancelled \
                 {cancelled} + dropped {dropped}"
            )?;
        }
        let Self { written, read, left_over, .. } = self;
        let sign = if *written == read + left_over { "=" } else { "is not" };
        write!(f, "bytes      {written:>10} {sign} read {read} + left over {left_over}")
    }
}
