//! What the threads of one round share.
//!
//! The lock of a list is never held while something of the library is called or dropped.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ropewalk_reactor::Remote;
use ropewalk_testing::soak::{Complaints, Dice, Stock, add, lock};
use ropewalk_threadpool::JobHandle;
use ropewalk_threads::{Eventual, ReactorThread};

use crate::account::Account;
use crate::life::Life;
use crate::payload::{self, Load};
use crate::plan::{DRIVERS, POOLS, Plan, REACTORS};
use crate::pools::{Pool, Slot};
use crate::record::{Answer, Door, Note, Record};

/// So many things of a kind are kept at once.
const KEPT: usize = 16;

pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) pools: Vec<Slot>,
    /// The reactors of these days, and some of former days.
    lives: Mutex<Vec<Option<Arc<Life>>>>,
    former: Stock<Arc<Life>>,
    records: Mutex<Vec<Arc<Record>>>,
    remotes: Stock<(Remote<Load>, Arc<Life>)>,
    jobs: Stock<(JobHandle, Vec<Arc<Record>>)>,
    eventuals: Stock<(Eventual<Load>, Arc<Record>)>,
    threads: Stock<(ReactorThread, Arc<Life>)>,
    pub(crate) complaints: Complaints,
    /// How many drivers have something left to do.
    drivers: AtomicUsize,
    /// Payloads that have not been dropped.
    pub(crate) live: AtomicU64,
    pub(crate) tally: Tally,
}

/// What the users count while they use.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) reactors: AtomicU64,
    pub(crate) runs: AtomicU64,
    pub(crate) stops: AtomicU64,
    pub(crate) crashes: AtomicU64,
    pub(crate) drops: AtomicU64,
    pub(crate) payloads: AtomicU64,
    pub(crate) threads: AtomicU64,
}

impl World {
    pub(crate) fn new(plan: Plan, pools: Vec<Slot>) -> Arc<Self> {
        Arc::new(Self {
            plan,
            pools,
            lives: Mutex::new(vec![None; REACTORS]),
            former: Stock::of(KEPT),
            records: Mutex::default(),
            remotes: Stock::of(KEPT),
            jobs: Stock::of(KEPT),
            eventuals: Stock::of(KEPT),
            threads: Stock::of(KEPT),
            complaints: Complaints::default(),
            drivers: AtomicUsize::new(DRIVERS),
            live: AtomicU64::new(0),
            tally: Tally::default(),
        })
    }

    /// A reactor to turn to: mostly one of these days.
    pub(crate) fn pick_life(&self, dice: &mut Dice) -> Option<Arc<Life>> {
        if dice.one_in(20) {
            return self.former.pick(dice);
        }
        lock(&self.lives)[dice.below(REACTORS)].clone()
    }

    pub(crate) fn begin(&self, life: &Arc<Life>, dice: &mut Dice) {
        add(&self.tally.reactors);
        let before = lock(&self.lives)[life.seat].replace(Arc::clone(life));
        if let Some(before) = before {
            drop(self.former.keep(before, dice));
        }
    }

    pub(crate) fn driver_is_done(&self) {
        self.drivers.fetch_sub(1, Ordering::SeqCst);
    }

    pub(crate) fn drivers_are_done(&self) -> bool {
        self.drivers.load(Ordering::SeqCst) == 0
    }

    pub(crate) fn complain(&self, what: String) {
        self.complaints.add(what);
    }

    pub(crate) fn record(&self, door: Door, what: String, life: &Arc<Life>) -> Arc<Record> {
        let mut records = lock(&self.records);
        let record = Arc::new(Record::new(door, records.len() as u64, what, life));
        records.push(Arc::clone(&record));
        record
    }

    pub(crate) fn records(&self) -> Vec<Arc<Record>> {
        lock(&self.records).clone()
    }

    pub(crate) fn keep_remote(&self, remote: (Remote<Load>, Arc<Life>), dice: &mut Dice) {
        drop(self.remotes.keep(remote, dice));
    }

    pub(crate) fn pick_remote(&self, dice: &mut Dice) -> Option<(Remote<Load>, Arc<Life>)> {
        if dice.one_in(4) { self.remotes.take(dice) } else { self.remotes.pick(dice) }
    }

    pub(crate) fn keep_job(&self, job: (JobHandle, Vec<Arc<Record>>), dice: &mut Dice) {
        drop(self.jobs.keep(job, dice));
    }

    pub(crate) fn take_job(&self, dice: &mut Dice) -> Option<(JobHandle, Vec<Arc<Record>>)> {
        self.jobs.take(dice)
    }

    pub(crate) fn keep_eventual(&self, eventual: (Eventual<Load>, Arc<Record>), dice: &mut Dice) {
        if let Some(displaced) = self.eventuals.keep(eventual, dice) {
            self.drop_eventual(displaced);
        }
    }

    /// Drops an answer that nobody wants, which may call it off.
    pub(crate) fn drop_eventual(&self, (eventual, record): (Eventual<Load>, Arc<Record>)) {
        record.note_if(record.has(Note::GoesWithIt), Note::Cancelled);
        self.answer(&record, Answer::Unseen);
        drop(eventual);
    }

    pub(crate) fn take_eventual(&self, dice: &mut Dice) -> Option<(Eventual<Load>, Arc<Record>)> {
        self.eventuals.take(dice)
    }

    pub(crate) fn keep_thread(&self, thread: (ReactorThread, Arc<Life>), dice: &mut Dice) {
        drop(self.threads.keep(thread, dice));
    }

    pub(crate) fn take_thread(&self, dice: &mut Dice) -> Option<(ReactorThread, Arc<Life>)> {
        self.threads.take(dice)
    }

    /// Looks whether those that are kept of this reactor, which takes no calls, have their answers.
    pub(crate) fn check_eventuals(&self, life: &Arc<Life>) {
        let is_of = |record: &Record| Arc::ptr_eq(&record.life, life);
        for kept in self.eventuals.take_where(|(_, record)| is_of(record)) {
            self.check_answer(kept);
        }
    }

    /// Looks whether the answer is there, as it must be.
    fn check_answer(&self, (eventual, record): (Eventual<Load>, Arc<Record>)) {
        match eventual.try_take() {
            Ok(result) => payload::note(self, &record, &result),
            Err(_) => self.complain(format!("it has no answer: {}", record.story())),
        }
    }

    /// One of the pools that belong to no reactor.
    pub(crate) fn pick_pool(&self, dice: &mut Dice) -> Arc<Pool> {
        self.pools[dice.below(POOLS)].take_turn(self, dice)
    }

    /// Notes what a caller was told.
    pub(crate) fn answer(&self, record: &Record, answer: Answer) {
        if record.answer(answer) {
            self.complain(format!("told twice: {}", record.story()));
        }
    }

    /// Ends the reactors that have threads of their own, and nobody has ended yet.
    pub(crate) fn end_threads(&self) {
        for (thread, life) in self.threads.take_all() {
            life.ending();
            drop(thread);
        }
    }

    /// Lets go of all that is kept: the reactors are gone, and each answer is there.
    pub(crate) fn let_go(&self) {
        drop(self.remotes.take_all());
        for kept in self.eventuals.take_all() {
            self.check_answer(kept);
        }
        for (job, _) in self.jobs.take_all() {
            if !job.state().is_final() {
                self.complain(format!("a job is left over: {job:?}"));
            }
        }
    }

    /// Forgets the reactors, and with them the last of their pools.
    pub(crate) fn forget_lives(&self) {
        let lives = std::mem::take(&mut *lock(&self.lives));
        let former = self.former.take_all();
        let records = std::mem::take(&mut *lock(&self.records));
        drop((lives, former, records));
    }

    /// What is there to say when the watchdog has lost its patience.
    pub(crate) fn last_words(&self) {
        self.complaints.print();
        let records = self.records();
        let open = records.iter().filter(|record| record.is_open());
        open.take(40).for_each(|record| eprintln!("  open: {}", record.story()));
        eprintln!("{}\n{:#?}\n{:#?}", Account::of(self), self.tally, self.plan);
        for slot in &self.pools {
            eprintln!("{:?}", slot.get().pool);
        }
    }
}
