//! What goes over the bridges: payloads that are counted, failures and panics that are known again.

use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use ropewalk_deferred::{Abandoned, Cancelled, Failure, Panicked, Result, TimedOut};
use ropewalk_reactor::{Reactor, ReactorStopped};
use ropewalk_testing::soak::{self, add, get, is_handing_in};
use ropewalk_threadpool::SubmitError;
use ropewalk_threads::{JobDropped, WouldDeadlock};

use crate::record::{Answer, Note, Record};
use crate::world::World;

/// Something that is there until it is dropped.
pub(crate) struct Load {
    pub(crate) world: Arc<World>,
    number: u64,
}

impl Load {
    pub(crate) fn new(world: &Arc<World>, number: u64) -> Self {
        world.live.fetch_add(1, Ordering::SeqCst);
        add(&world.tally.payloads);
        Self { world: Arc::clone(world), number }
    }

    pub(crate) fn is_of(&self, record: &Record) -> bool {
        self.number == record.number
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        if self.world.live.fetch_sub(1, Ordering::SeqCst) == 0 {
            self.world.complain(format!("the payload {} was dropped twice", self.number));
        }
    }
}

impl fmt::Debug for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the payload {}", self.number)
    }
}

/// The failure of a call that fails as planned.
#[derive(Debug)]
pub(crate) struct Planned(pub(crate) Load);

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "planned, with {:?}", self.0)
    }
}

impl std::error::Error for Planned {}

/// Panics as planned; the hook, which prints, is not called.
pub(crate) fn panic_as_planned(record: &Record) -> ! {
    // Under that policy it stops the reactor.
    Reactor::with_current(|_| record.life.ending());
    resume_unwind(Box::new(words(record)))
}

fn words(record: &Record) -> String {
    format!("planned by {}", record.number)
}

/// What the result of the call is; it must be the call's own.
pub(crate) fn understand<T>(world: &World, record: &Record, result: &Result<T>) -> Answer {
    let Err(failure) = result else { return Answer::Value };
    if failure.is::<Planned>() {
        Answer::Failed
    } else if failure.is::<Panicked>() {
        Answer::Panicked
    } else if failure.is::<Cancelled>() {
        Answer::Cancelled
    } else if failure.is::<TimedOut>() {
        Answer::TimedOut
    } else if failure.is::<SubmitError<()>>() {
        Answer::Refused
    } else if failure.is::<ReactorStopped>() {
        Answer::Stopped
    } else if failure.is::<WouldDeadlock>() {
        Answer::Deadlock
    } else if failure.is::<Abandoned>() || failure.is::<JobDropped>() {
        Answer::Abandoned
    } else {
        world.complain(format!("nobody knows the failure {failure:?}: {}", record.story()));
        Answer::Failed
    }
}

/// Notes what the caller was told; it must be the answer to his own call.
pub(crate) fn note(world: &World, record: &Record, result: &Result<Load>) {
    let answer = understand(world, record, result);
    world.answer(record, answer);
    let is_own = match result {
        Ok(load) => load.number == record.number,
        // What it has from another, it has as the other's.
        Err(_) if record.has(Note::Later) => true,
        Err(failure) => is_own(failure, record),
    };
    if !is_own {
        world.complain(format!("it has the answer {result:?} of another: {}", record.story()));
    }
}

fn is_own(failure: &Failure, record: &Record) -> bool {
    let planned = failure.downcast_ref::<Planned>();
    let panicked = failure.downcast_ref::<Panicked>();
    planned.is_none_or(|planned| planned.0.number == record.number)
        && panicked.is_none_or(|panicked| panicked.message() == words(record))
}

/// The part of a closure that notes what happens to it.
pub(crate) struct Ticket {
    pub(crate) world: Arc<World>,
    pub(crate) record: Arc<Record>,
    _load: Load,
    /// It panics if it is dropped unrun.
    explodes: bool,
}

impl Ticket {
    pub(crate) fn new(world: &Arc<World>, record: &Arc<Record>) -> Self {
        let load = Load::new(world, record.number);
        let explodes = record.explodes();
        Self { world: Arc::clone(world), record: Arc::clone(record), _load: load, explodes }
    }

    /// The closure is being called, on this reactor's thread or on a worker.
    pub(crate) fn begin(&self, reactor: Option<&Reactor>) {
        let Self { world, record, .. } = self;
        let is_again = record.note(Note::Started);
        if is_again || record.has(Note::CalledOff) || record.answered() == Some(Answer::Refused) {
            world.complain(format!("it must not run: {}", record.story()));
        }
        let is_at_home = match reactor {
            Some(reactor) => {
                let is_own = |current: &Reactor| current.handle().same_reactor(&record.life.handle);
                is_own(reactor) && Reactor::with_current(is_own) == Some(true)
            }
            None => Reactor::with_current(|_| ()).is_none(),
        };
        if !is_at_home || is_handing_in() {
            world.complain(format!("not where it belongs: {}", record.story()));
        }
    }

    /// The closure has done its work.
    pub(crate) fn end(&self) {
        self.record.note(Note::Ended);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let Self { world, record, .. } = self;
        let life = &record.life;
        if !record.has(Note::Started) {
            record.note_if(life.may_refuse(), Note::MayRefuse);
            record.note_if(life.may_drop(), Note::MayDrop);
            record.note_if(life.has_poor_pool(), Note::PoolMayRefuse);
        } else if !record.has(Note::Ended) && thread::panicking() {
            record.panicked();
        }
        if record.note(Note::Dropped) {
            world.complain(format!("dropped twice: {}", record.story()));
        }
        if self.explodes && !record.has(Note::Started) && !thread::panicking() {
            soak::panic_as_planned();
        }
    }
}

/// The part of a callback of a `Deferred` that notes its result; it must be called.
pub(crate) struct Asker {
    pub(crate) world: Arc<World>,
    pub(crate) record: Arc<Record>,
}

impl Asker {
    pub(crate) fn hears(&self, result: Result<Load>) -> Result<()> {
        note(&self.world, &self.record, &result);
        result.map(drop)
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        if self.record.answered().is_none() {
            self.world.complain(format!("it was never told: {}", self.record.story()));
        }
    }
}

/// Complains of payloads that are left over.
pub(crate) fn check_none_left(world: &World) {
    let live = get(&world.live);
    if live > 0 {
        world.complain(format!("{live} payloads are left over"));
    }
}
