//! The account: what was made, and what became of it.

use std::fmt;
use std::ops::AddAssign;

use ropewalk_net::ConnectionLost;

use crate::fate::{Fates, fates};
use crate::world::World;

/// Numbers of things, added up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Account {
    lives: u64,
    acts: u64,
    clients: u64,
    servers: u64,
    never_made: u64,
    done: u64,
    broken: u64,
    aborted: u64,
    too_slow: u64,
    panicked: u64,
    cut: u64,
    fates: [Fates; 2],
    complete: u64,
    asked: u64,
    granted: u64,
    refused: u64,
    producers: u64,
    stopped: u64,
    factories: u64,
    harms: u64,
    quiet: u64,
}

impl Account {
    /// Of one round.
    pub(crate) fn of(world: &World) -> Self {
        let tally = &world.tally;
        let mut account = Self {
            lives: tally.lives.get(),
            acts: tally.acts.get(),
            asked: tally.asked.get(),
            granted: tally.granted.get(),
            refused: tally.refused.get(),
            producers: tally.producers.get(),
            stopped: tally.stopped.get(),
            factories: tally.factories.get(),
            harms: world.proxy.harms(),
            quiet: tally.quiet.get(),
            cut: tally.cut.get(),
            fates: fates(world),
            ..Self::default()
        };
        for record in world.records() {
            account.complete += u64::from(record.heard_end.get());
            let ends = if record.is_client { &mut account.clients } else { &mut account.servers };
            *ends += 1;
            *match &*record.reason.borrow() {
                None => &mut account.never_made,
                Some(ConnectionLost::Done) => &mut account.done,
                Some(ConnectionLost::Aborted) => &mut account.aborted,
                Some(ConnectionLost::PeerTooSlow { .. }) => &mut account.too_slow,
                Some(ConnectionLost::Panicked(_)) => &mut account.panicked,
                Some(_) => &mut account.broken,
            } += 1;
        }
        account
    }
}

impl AddAssign for Account {
    fn add_assign(&mut self, other: Self) {
        self.lives += other.lives;
        self.acts += other.acts;
        self.clients += other.clients;
        self.servers += other.servers;
        self.never_made += other.never_made;
        self.done += other.done;
        self.broken += other.broken;
        self.aborted += other.aborted;
        self.too_slow += other.too_slow;
        self.panicked += other.panicked;
        for (fates, more) in self.fates.iter_mut().zip(other.fates) {
            *fates += more;
        }
        self.complete += other.complete;
        self.asked += other.asked;
        self.granted += other.granted;
        self.refused += other.refused;
        self.producers += other.producers;
        self.stopped += other.stopped;
        self.factories += other.factories;
        self.harms += other.harms;
        self.quiet += other.quiet;
        self.cut += other.cut;
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lives, acts, clients, servers, never_made, done, broken, aborted, .. } = self;
        let Self {
            too_slow,
            panicked,
            fates: [bytes, messages],
            complete,
            asked,
            granted,
            refused,
            ..
        } = self;
        let Self { producers, stopped, factories, harms, quiet, cut, .. } = self;
        writeln!(f, "reactors  {lives:>11}  with {factories} ports, {quiet} times all quiet")?;
        writeln!(f, "acts      {acts:>11}  and {harms} harms by the proxy")?;
        writeln!(f, "producers {producers:>11}  of them told to stop {stopped}")?;
        writeln!(f, "outcomes  {asked:>11} = granted {granted} + refused {refused}")?;
        writeln!(
            f,
            "ends      {:>11} = done {done} + broken {broken} + aborted {aborted} + too slow \
             {too_slow} + panicked {panicked} + never made {never_made}",
            clients + servers
        )?;
        writeln!(f, "cut off   {cut:>11}  by reactors that ended")?;
        writeln!(f, "bytes     {bytes}")?;
        writeln!(f, "messages  {messages}")?;
        write!(f, "heard out {complete:>11}")
    }
}
