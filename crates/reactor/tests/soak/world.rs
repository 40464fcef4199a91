//! What the threads of one round share.
//!
//! The lock of a list is never held while something of a reactor is called or dropped.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ropewalk_reactor::{Hold, Remote};
use ropewalk_testing::soak::{Complaints, Dice, Stock, add, lock};

use crate::account::Account;
use crate::life::Life;
use crate::plan::{DRIVERS, Plan};
use crate::record::{Kind, Record};
use crate::shared::Shared;
use crate::socket::Wire;

/// So many things of a kind are kept at once.
const KEPT: usize = 16;

pub(crate) struct World {
    pub(crate) plan: Plan,
    /// The reactor of these days.
    current: Mutex<Option<Arc<Life>>>,
    records: Mutex<Vec<Arc<Record>>>,
    wires: Stock<Arc<Wire>>,
    remotes: Stock<Remote<Shared>>,
    holds: Stock<Hold>,
    pub(crate) complaints: Complaints,
    /// How many drivers have something left to do.
    drivers: AtomicUsize,
    /// No more work: what is there is brought to its end.
    is_settling: AtomicBool,
    pub(crate) tally: Tally,
}

/// What the users of the reactors count while they use them.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) reactors: AtomicU64,
    pub(crate) runs: AtomicU64,
    pub(crate) turns: AtomicU64,
    pub(crate) embedded: AtomicU64,
    pub(crate) stops: AtomicU64,
    pub(crate) crashes: AtomicU64,
    pub(crate) drops_inside: AtomicU64,
    pub(crate) nested: AtomicU64,
    pub(crate) late_shutdowns: AtomicU64,
    pub(crate) accepted: AtomicU64,
    pub(crate) refused: AtomicU64,
    /// Refused calls that were handed in once more.
    pub(crate) again: AtomicU64,
    pub(crate) sources: AtomicU64,
    pub(crate) sources_dropped: AtomicU64,
    pub(crate) interests: AtomicU64,
    pub(crate) written: AtomicU64,
    pub(crate) read: AtomicU64,
    pub(crate) left_over: AtomicU64,
    pub(crate) shared: AtomicU64,
    pub(crate) shared_dropped: AtomicU64,
}

impl World {
    pub(crate) fn new(plan: Plan) -> Arc<Self> {
        Arc::new(Self {
            plan,
            current: Mutex::default(),
            records: Mutex::default(),
            wires: Stock::of(KEPT),
            remotes: Stock::of(KEPT),
            holds: Stock::of(KEPT),
            complaints: Complaints::default(),
            drivers: AtomicUsize::new(DRIVERS),
            is_settling: AtomicBool::new(false),
            tally: Tally::default(),
        })
    }

    pub(crate) fn current(&self) -> Option<Arc<Life>> {
        lock(&self.current).clone()
    }

    pub(crate) fn begin(&self, life: &Arc<Life>) {
        add(&self.tally.reactors);
        *lock(&self.current) = Some(Arc::clone(life));
    }

    pub(crate) fn driver_is_done(&self) {
        self.drivers.fetch_sub(1, Ordering::SeqCst);
    }

    pub(crate) fn drivers_are_done(&self) -> bool {
        self.drivers.load(Ordering::SeqCst) == 0
    }

    pub(crate) fn settle(&self, is_settling: bool) {
        self.is_settling.store(is_settling, Ordering::SeqCst);
    }

    pub(crate) fn is_settling(&self) -> bool {
        self.is_settling.load(Ordering::SeqCst)
    }

    pub(crate) fn complain(&self, what: String) {
        self.complaints.add(what);
    }

    pub(crate) fn record(&self, kind: Kind, work: &'static str, life: &Arc<Life>) -> Arc<Record> {
        let record = Arc::new(Record::new(kind, work, life));
        lock(&self.records).push(Arc::clone(&record));
        record
    }

    pub(crate) fn records(&self) -> Vec<Arc<Record>> {
        lock(&self.records).clone()
    }

    pub(crate) fn keep_wire(&self, wire: Arc<Wire>, dice: &mut Dice) {
        drop(self.wires.keep(wire, dice));
    }

    pub(crate) fn pick_wire(&self, dice: &mut Dice) -> Option<Arc<Wire>> {
        self.wires.pick(dice)
    }

    pub(crate) fn keep_remote(&self, remote: Remote<Shared>, dice: &mut Dice) {
        drop(self.remotes.keep(remote, dice));
    }

    pub(crate) fn pick_remote(&self, dice: &mut Dice) -> Option<Remote<Shared>> {
        self.remotes.pick(dice)
    }

    pub(crate) fn take_remote(&self, dice: &mut Dice) -> Option<Remote<Shared>> {
        self.remotes.take(dice)
    }

    pub(crate) fn keep_hold(&self, hold: Hold, dice: &mut Dice) {
        drop(self.holds.keep(hold, dice));
    }

    pub(crate) fn take_hold(&self, dice: &mut Dice) -> Option<Hold> {
        self.holds.take(dice)
    }

    /// Lets go of all that is kept.
    pub(crate) fn let_go(&self) {
        drop(self.remotes.take_all());
        drop(self.holds.take_all());
        drop(self.wires.take_all());
    }

    /// What is there to say when the watchdog has lost its patience.
    pub(crate) fn last_words(&self) {
        self.complaints.print();
        eprintln!("{}\n{:#?}\n{:#?}", Account::of(self), self.tally, self.plan);
        eprintln!("the reactor of these days: {:#?}", self.current());
    }
}
