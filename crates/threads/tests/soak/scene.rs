//! Where something is done: on which kind of thread, and how deep in what others have begun.

use std::cell::Cell;
use std::sync::Arc;

use ropewalk_deferred::{Deferred, Result};
use ropewalk_reactor::Reactor;
use ropewalk_testing::soak::Dice;

use crate::desk;
use crate::life::Life;
use crate::payload::{Load, Planned, Ticket, panic_as_planned};
use crate::record::{Answer, Door, Note, Record};
use crate::work::Work;
use crate::world::World;

/// So deep calls make calls.
pub(crate) const DEPTH: usize = 5;

thread_local! {
    /// The reactor of this thread does not wait for results any more.
    static LATE: Cell<bool> = const { Cell::new(false) };
}

/// Calls what is done when it is too late for results.
pub(crate) fn late(call: impl FnOnce()) {
    LATE.set(true);
    call();
    LATE.set(false);
}

#[derive(Clone, Copy)]
pub(crate) enum Here<'a> {
    Foreign,
    Worker,
    On(&'a Reactor, &'a Arc<Life>),
}

#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) world: &'a Arc<World>,
    pub(crate) here: Here<'a>,
    pub(crate) depth: usize,
}

/// How a closure comes to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    Value,
    Fails,
    Panics,
}

impl Ending {
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        dice.pick(&[Self::Value, Self::Value, Self::Value, Self::Value, Self::Fails, Self::Panics])
    }
}

impl Scene<'_> {
    pub(crate) fn is_on_reactor(&self) -> bool {
        matches!(self.here, Here::On(..))
    }

    pub(crate) fn ticket(
        &self,
        door: Door,
        what: impl std::fmt::Debug,
        life: &Arc<Life>,
    ) -> (Ticket, Arc<Record>) {
        let from = match self.here {
            Here::Foreign => "a foreign thread".to_owned(),
            Here::Worker => "a worker".to_owned(),
            Here::On(_, life) => format!("reactor {}", life.seat),
        };
        let what = format!("from {from}, depth {}, {what:?}", self.depth);
        let record = self.world.record(door, what, life);
        record.note_if(self.is_on_reactor(), Note::OnReactor);
        record.note_if(LATE.get(), Note::MayLose);
        (Ticket::new(self.world, &record), record)
    }
}

/// The closure of a call that nobody waits for.
pub(crate) fn call(
    ticket: Ticket,
    work: Work,
    mut dice: Dice,
    depth: usize,
) -> impl FnOnce(&Reactor) + Send + 'static {
    let ending = Ending::draw(&mut dice);
    move |reactor| {
        perform(&ticket, reactor, work, &mut dice, depth);
        if ending == Ending::Panics {
            panic_as_planned(&ticket.record);
        }
        ticket.end();
    }
}

/// The closure of a job.
pub(crate) fn job(
    ticket: Ticket,
    work: Work,
    mut dice: Dice,
    depth: usize,
) -> impl FnOnce() -> Result<Load> + Send + 'static {
    let ending = Ending::draw(&mut dice);
    move || {
        ticket.begin(None);
        let Ticket { world, record, .. } = &ticket;
        let scene = Scene { world, here: Here::Worker, depth };
        work.perform(&scene, &mut dice);
        if ending == Ending::Panics {
            panic_as_planned(record);
        }
        ticket.end();
        let load = Load::new(world, record.number);
        if ending == Ending::Fails { Err(Planned(load).into()) } else { Ok(load) }
    }
}

/// The answer to a call that somebody waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reply {
    AtOnce(Ending),
    /// When a callback finds the promise, if one does.
    Kept,
    /// Never.
    Forgotten,
    Timer,
    Job,
}

impl Reply {
    pub(crate) fn draw(dice: &mut Dice, depth: usize) -> Self {
        match dice.below(8) {
            0..4 => Self::AtOnce(Ending::draw(dice)),
            4 => Self::Kept,
            5 => Self::Forgotten,
            6 => Self::Timer,
            _ if depth < DEPTH => Self::Job,
            _ => Self::Timer,
        }
    }
}

/// The closure of a call that somebody waits for.
pub(crate) fn question(
    ticket: Ticket,
    work: Work,
    reply: Reply,
    mut dice: Dice,
    depth: usize,
) -> impl FnOnce(&Reactor) -> Deferred<Load> + Send + 'static {
    move |reactor| {
        perform(&ticket, reactor, work, &mut dice, depth);
        let Ticket { world, record, .. } = &ticket;
        let load = Load::new(world, record.number);
        if reply == Reply::AtOnce(Ending::Panics) {
            panic_as_planned(record);
        }
        if !matches!(reply, Reply::AtOnce(_)) {
            record.note(Note::Later);
        }
        ticket.end();
        let (promise, deferred) = Deferred::new();
        match reply {
            Reply::AtOnce(Ending::Fails) => return Deferred::fail(Planned(load)),
            Reply::AtOnce(_) => return Deferred::succeed(load),
            Reply::Kept => desk::desk(reactor).keep_promise((promise, Arc::clone(record))),
            Reply::Forgotten => {
                record.gave(Answer::Abandoned);
                drop(promise);
            }
            Reply::Timer => {
                let record = Arc::clone(record);
                reactor.call_later(crate::work::moment(&mut dice), move |_| {
                    record.gave(Answer::Value);
                    promise.callback(load);
                });
            }
            Reply::Job => {
                let scene = Scene { world, here: Here::On(reactor, &record.life), depth };
                return crate::defers::defer(&scene, reactor, &mut dice, Some(record));
            }
        }
        deferred
    }
}

fn perform(ticket: &Ticket, reactor: &Reactor, work: Work, dice: &mut Dice, depth: usize) {
    ticket.begin(Some(reactor));
    let here = Here::On(reactor, &ticket.record.life);
    work.perform(&Scene { world: &ticket.world, here, depth }, dice);
}
