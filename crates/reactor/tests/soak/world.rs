//! What the threads of one round share.
//!
//! The lock of a list is never held while something of a reactor is called or dropped.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ropewalk_reactor::{Hold, Remote};
use ropewalk_testing::soak::Dice;

use crate::account::Account;
use crate::life::Life;
use crate::plan::{DRIVERS, Plan};
use crate::record::{Kind, Record};
use crate::socket::Wire;
use crate::work::Shared;

/// So many complaints are kept: the first ones tell the most.
const COMPLAINTS: usize = 10;

/// So many things of a kind are kept at once.
const KEPT: usize = 16;

pub(crate) struct World {
    pub(crate) plan: Plan,
    /// The reactor of these days.
    current: Mutex<Option<Arc<Life>>>,
    records: Mutex<Vec<Arc<Record>>>,
    wires: Mutex<Vec<Arc<Wire>>>,
    remotes: Mutex<Vec<Remote<Shared>>>,
    holds: Mutex<Vec<Hold>>,
    complaints: Mutex<Vec<String>>,
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

pub(crate) fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::SeqCst);
}

pub(crate) fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::SeqCst)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts `thing` in reach; what it takes the place of is dropped after the lock.
fn keep<T>(list: &Mutex<Vec<T>>, thing: T, dice: &mut Dice) {
    let mut things = lock(list);
    let displaced = (things.len() >= KEPT).then(|| things.swap_remove(dice.below(KEPT)));
    things.push(thing);
    drop(things);
    drop(displaced);
}

fn pick<T: Clone>(list: &Mutex<Vec<T>>, dice: &mut Dice) -> Option<T> {
    let things = lock(list);
    (!things.is_empty()).then(|| things[dice.below(things.len())].clone())
}

fn take<T>(list: &Mutex<Vec<T>>, dice: &mut Dice) -> Option<T> {
    let mut things = lock(list);
    let place = dice.below(things.len());
    (!things.is_empty()).then(|| things.swap_remove(place))
}

impl World {
    pub(crate) fn new(plan: Plan) -> Arc<Self> {
        Arc::new(Self {
            plan,
            current: Mutex::default(),
            records: Mutex::default(),
            wires: Mutex::default(),
            remotes: Mutex::default(),
            holds: Mutex::default(),
            complaints: Mutex::default(),
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
        let mut complaints = lock(&self.complaints);
        if complaints.len() < COMPLAINTS {
            complaints.push(what);
        }
    }

    pub(crate) fn complaints(&self) -> Vec<String> {
        lock(&self.complaints).clone()
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
        keep(&self.wires, wire, dice);
    }

    pub(crate) fn pick_wire(&self, dice: &mut Dice) -> Option<Arc<Wire>> {
        pick(&self.wires, dice)
    }

    pub(crate) fn keep_remote(&self, remote: Remote<Shared>, dice: &mut Dice) {
        keep(&self.remotes, remote, dice);
    }

    pub(crate) fn pick_remote(&self, dice: &mut Dice) -> Option<Remote<Shared>> {
        pick(&self.remotes, dice)
    }

    pub(crate) fn take_remote(&self, dice: &mut Dice) -> Option<Remote<Shared>> {
        take(&self.remotes, dice)
    }

    pub(crate) fn keep_hold(&self, hold: Hold, dice: &mut Dice) {
        keep(&self.holds, hold, dice);
    }

    pub(crate) fn take_hold(&self, dice: &mut Dice) -> Option<Hold> {
        take(&self.holds, dice)
    }

    /// Lets go of all that is kept.
    pub(crate) fn let_go(&self) {
        let remotes = std::mem::take(&mut *lock(&self.remotes));
        let holds = std::mem::take(&mut *lock(&self.holds));
        let wires = std::mem::take(&mut *lock(&self.wires));
        drop((remotes, holds, wires));
    }

    /// What is there to say when the watchdog has lost its patience.
    pub(crate) fn last_words(&self) {
        self.complaints().iter().for_each(|complaint| eprintln!("  {complaint}"));
        eprintln!("{}\n{:#?}\n{:#?}", Account::of(self), self.tally, self.plan);
        eprintln!("the reactor of these days: {:#?}", self.current());
        eprintln!("soak: repeat with the seed {}", self.plan.seed);
    }
}
