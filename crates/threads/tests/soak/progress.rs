//! Jobs that report how far they have come, and who hears it.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use ropewalk_deferred::Result;
use ropewalk_reactor::Reactor;
use ropewalk_testing::soak::{Dice, get, is_handing_in};
use ropewalk_threads::ReportingJob;

use crate::payload::{Load, panic_as_planned};
use crate::record::{Answer, Record};
use crate::world::World;

/// A payload, and as which of its job.
pub(crate) type Progress = (Load, u64);

/// What has been heard of one job, on the reactor thread.
pub(crate) struct Listener {
    world: Arc<World>,
    record: Arc<Record>,
    heard: Cell<u64>,
    has_panicked: Cell<bool>,
}

impl Listener {
    pub(crate) fn new(world: &Arc<World>, record: &Arc<Record>) -> Rc<Self> {
        let (world, record) = (Arc::clone(world), Arc::clone(record));
        Rc::new(Self { world, record, heard: Cell::new(0), has_panicked: Cell::new(false) })
    }

    fn hears(&self, reactor: &Reactor, (load, number): Progress) {
        let is_new = self.heard.replace(number) < number;
        let is_own = load.is_of(&self.record) && number <= get(&self.record.last_said);
        let is_at_home = reactor.handle().same_reactor(&self.record.life.handle);
        let is_over = self.record.answered().is_some() || self.has_panicked.get();
        if !is_new || !is_own || !is_at_home || is_over || is_handing_in() {
            self.complain(&format!("it hears {load:?}, {number}"));
        }
    }

    /// The result has come: not before the last report.
    pub(crate) fn check_end(&self) {
        let has_ended = matches!(
            self.record.answered(),
            Some(Answer::Value | Answer::Failed | Answer::Panicked)
        );
        let missed = self.heard.get() != get(&self.record.reported);
        if has_ended && missed && !self.has_panicked.get() {
            self.complain("the result has overtaken a report");
        }
    }

    fn complain(&self, what: &str) {
        let (heard, reported) = (self.heard.get(), get(&self.record.reported));
        let story = self.record.story();
        self.world.complain(format!("{what}; heard {heard}, reported {reported}: {story}"));
    }
}

/// The callback.
pub(crate) fn hearing(
    listener: &Rc<Listener>,
    mut dice: Dice,
) -> impl FnMut(&Reactor, Progress) + 'static {
    let listener = Rc::clone(listener);
    move |reactor, progress| {
        listener.hears(reactor, progress);
        if dice.one_in(16) {
            listener.has_panicked.set(true);
            panic_as_planned(&listener.record);
        }
    }
}

/// The job, which reports something before and after its work.
pub(crate) fn speaking(
    world: &Arc<World>,
    record: &Arc<Record>,
    job: impl FnOnce() -> Result<Load> + Send + 'static,
    mut dice: Dice,
) -> impl FnOnce(&ReportingJob<Progress>) -> Result<Load> + Send + 'static {
    let (world, record) = (Arc::clone(world), Arc::clone(record));
    move |running| {
        say(&world, &record, running, &mut dice);
        let result = job();
        say(&world, &record, running, &mut dice);
        result
    }
}

fn say(world: &Arc<World>, record: &Record, running: &ReportingJob<Progress>, dice: &mut Dice) {
    for _ in 0..dice.pick(&[0, 1, 3, 10]) {
        let number = record.last_said.fetch_add(1, Ordering::SeqCst) + 1;
        if running.report((Load::new(world, record.number), number)) {
            record.reported.store(number, Ordering::SeqCst);
        }
        if dice.one_in(2) {
            thread::yield_now();
        }
    }
}
