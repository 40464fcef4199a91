//! The producer of a connection: when it is told to pause, to go on, and to stop.
//!
//! One that belongs to the application is called by the loop only, as a protocol is: it is out of
//! its cell while it runs, and what it asks of the transport is done at once or left to
//! [`Connection::settle`]. One that is another connection is held and let go at once: that sets
//! marks, and calls nobody.

use super::Connection;
use super::extra::Extra;
use crate::parting::part_with;
use crate::{Producer, Transport};
use ropewalk_deferred::Panicked;
use std::any::Any;
use std::cell::Cell;
use std::mem::take;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

/// How often a producer is asked in one turn before others have theirs (I7).
const ROUNDS: usize = 4;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// Produces until it is told to pause.
    Push,
    /// Produces once each time that it is asked.
    Pull,
    /// Another connection, whose protocol writes what it receives to this one.
    Link,
}

#[derive(Default)]
pub(super) struct Production {
    /// What is registered.
    kind: Cell<Option<Kind>>,
    /// Absent while it runs, and if it is another connection.
    producer: Cell<Option<Box<dyn Producer>>>,
    source: Cell<Option<Transport>>,
    /// Changes with each registration and its end, so that a producer that runs is not put back in
    /// the place of another.
    serial: Cell<u32>,
    /// Whether it knows that it is to pause.
    told: Cell<bool>,
    /// A write has said that too much is unsent, and it was not told yet: it may wait already.
    warned: Cell<bool>,
    /// Something was written since a pull producer was asked.
    due: Cell<bool>,
    running: Cell<bool>,
    /// It is to be told to stop when it returns.
    owed: Cell<bool>,
    /// What it has not written yet counts as unsent already: it is asked in a later turn, or the
    /// connection ends when it is done, and not before.
    awaited: Cell<bool>,
}

impl Production {
    fn set(&self, kind: Option<Kind>, told: bool, due: bool) {
        self.kind.set(kind);
        self.told.set(told);
        self.warned.set(false);
        self.due.set(due);
        self.serial.set(self.serial.get().wrapping_add(1));
    }

    /// A dead connection does not count: it has nothing more to give, and nobody to say so.
    fn is_registered(&self) -> bool {
        match self.kind.get() {
            Some(Kind::Link) => {
                self.with_source(|source| !source.connection().is_dead()) == Some(true)
            }
            other => other.is_some(),
        }
    }

    fn with_source<R>(&self, f: impl FnOnce(&Transport) -> R) -> Option<R> {
        let source = self.source.take();
        let answer = source.as_ref().map(f);
        self.source.set(source);
        answer
    }

    /// Holds the other connection, or lets it go, if that is news.
    fn hold(&self, held: bool) {
        if self.told.replace(held) != held {
            self.with_source(|source| source.connection().hold(held));
        }
    }
}

impl Connection {
    /// Whether there is one for which an end has to wait. Another connection is not waited for: what it
    /// receives is written by its protocol, which knows when that was all.
    pub(super) fn has_producer(&self) -> bool {
        self.extra.get().is_some_and(|extra| {
            matches!(extra.production.kind.get(), Some(Kind::Push | Kind::Pull))
        })
    }

    /// Whether something was written and is not sent, or is sure to be written.
    pub(crate) fn owes(&self) -> bool {
        self.buffered() > 0 || self.extra.get().is_some_and(|extra| extra.production.awaited.get())
    }

    /// The connection was asked to end.
    pub(super) fn await_producer(&self) {
        if let Some(extra) = self.extra.get().filter(|_| self.has_producer()) {
            self.set_awaited(&extra.production, true);
        }
    }

    /// A stop waits for a producer that is awaited, as for what is unsent; and if it comes to no end, the
    /// peer must not take what it has for everything.
    fn set_awaited(&self, production: &Production, awaited: bool) {
        if production.awaited.replace(awaited) != awaited {
            self.carrier.backlog(usize::from(!awaited), usize::from(awaited));
        }
    }

    /// Hands back what cannot be registered beside what is.
    pub(crate) fn register<P: Producer>(self: &Rc<Self>, producer: P, kind: Kind) -> Result<(), P> {
        if self.extra.get().is_some_and(|extra| extra.production.is_registered()) {
            return Err(producer);
        }
        if !self.accepts_writes() {
            self.part_with_producer(Box::new(producer));
            return Ok(());
        }
        let production = &self.extra().production;
        let source = (&producer as &dyn Any).downcast_ref::<Transport>().cloned();
        if source.is_some() {
            production.set(Some(Kind::Link), false, false);
            drop(production.source.replace(source));
            production.hold(self.pressed.get());
        } else {
            production.set(Some(kind), false, true);
            production.producer.set(Some(Box::new(producer)));
            self.set_awaited(production, kind == Kind::Pull);
            self.schedule();
        }
        Ok(())
    }

    pub(crate) fn unregister(self: &Rc<Self>) {
        let Some(extra) = self.extra.get() else { return };
        let gone = self.dismiss(extra);
        if self.is_alive() {
            // Its end may be what was waited for.
            self.schedule();
        }
        drop(gone);
    }

    /// Somebody has written: `any` bytes, and so many now wait that it is `high`.
    #[inline]
    pub(super) fn note_write(self: &Rc<Self>, any: bool, high: bool) {
        if let Some(extra) = self.extra.get() {
            self.note_for(&extra.production, any, high);
        }
    }

    fn note_for(self: &Rc<Self>, production: &Production, any: bool, high: bool) {
        match production.kind.get() {
            Some(Kind::Link) if high => production.hold(true),
            Some(Kind::Push) if high && !production.told.get() => {
                production.warned.set(true);
                self.schedule();
            }
            Some(Kind::Pull) if any => {
                production.due.set(true);
                if !production.running.get() && self.buffered() == 0 {
                    self.set_awaited(production, true);
                    self.schedule();
                }
            }
            _ => {}
        }
    }

    /// Tells the producer what it has to know.
    pub(super) fn produce(self: &Rc<Self>) {
        let Some(extra) = self.extra.get().filter(|_| self.is_alive()) else { return };
        let (production, pressed) = (&extra.production, self.pressed.get());
        match production.kind.get() {
            Some(Kind::Link) => production.hold(pressed),
            Some(Kind::Push) => self.push_or_pause(extra),
            Some(Kind::Pull) => self.pull(extra),
            None => {}
        }
    }

    /// Each resumption has its pause before it, also if the pressure is over already: one that waits
    /// because a write has said so goes on, and one that does not never begins twice.
    fn push_or_pause(self: &Rc<Self>, extra: &Extra) {
        let production = &extra.production;
        let is_to_pause = production.warned.take() || self.pressed.get();
        if is_to_pause && !production.told.replace(true) {
            self.call_producer(extra, |producer, transport| producer.pause_producing(transport));
        }
        // It may be another one by now, or none: then nobody was told.
        if !self.pressed.get() && production.told.replace(false) {
            self.call_producer(extra, |producer, transport| producer.resume_producing(transport));
        }
    }

    fn pull(self: &Rc<Self>, extra: &Extra) {
        let production = &extra.production;
        let is_due = || {
            production.kind.get() == Some(Kind::Pull)
                && production.due.get()
                && self.buffered() == 0
                && self.accepts_writes()
        };
        for _ in 0..ROUNDS {
            if !is_due() {
                break;
            }
            production.due.set(false);
            self.call_producer(extra, |producer, transport| producer.resume_producing(transport));
        }
        let again = is_due();
        self.set_awaited(production, again || self.is_ending() && self.has_producer());
        if again {
            self.schedule();
        }
    }

    fn call_producer(
        self: &Rc<Self>,
        extra: &Extra,
        call: impl FnOnce(&mut dyn Producer, &Transport),
    ) {
        let production = &extra.production;
        let Some(mut producer) = production.producer.take() else { return };
        let (serial, transport) = (production.serial.get(), Transport::new(Rc::clone(self)));
        production.running.set(true);
        let mut called = catch_unwind(AssertUnwindSafe(|| call(&mut *producer, &transport)));
        production.running.set(false);
        if production.serial.get() == serial {
            production.producer.set(Some(producer));
        } else {
            // Unregistered by itself, or it has dropped its reactor.
            let dropped = part_with(producer, self.location, |producer| {
                if production.owed.take() {
                    producer.stop_producing(&transport);
                }
            });
            match (&called, dropped) {
                (Ok(()), dropped) => called = dropped,
                // Whose own drop may panic in turn, which ends in a `Panicked`.
                (Err(_), Err(second)) => drop(Panicked::from_payload(second, self.location)),
                (Err(_), Ok(())) => {}
            }
        }
        self.contain(called);
    }

    /// Ends the registration. What is handed out may run code of the application when it is dropped.
    fn dismiss(&self, extra: &Extra) -> Dismissed {
        let production = &extra.production;
        if production.kind.get() == Some(Kind::Link) {
            production.hold(false);
        }
        production.set(None, false, false);
        self.set_awaited(production, false);
        Dismissed { producer: production.producer.take(), source: production.source.take() }
    }

    /// The connection is gone, and its producer is told to stop.
    pub(super) fn stop_producer(self: &Rc<Self>) {
        let Some(extra) = self.extra.get() else { return };
        let kind = extra.production.kind.get();
        let mut gone = self.dismiss(extra);
        if let Some(source) = take(&mut gone.source) {
            source.lose_connection();
        }
        match gone.producer {
            Some(producer) => self.part_with_producer(producer),
            None => extra.production.owed.set(matches!(kind, Some(Kind::Push | Kind::Pull))),
        }
    }

    fn part_with_producer<P: Producer + ?Sized>(self: &Rc<Self>, producer: Box<P>) {
        let transport = Transport::new(Rc::clone(self));
        let stopped = part_with(producer, self.location, |producer| {
            producer.stop_producing(&transport);
        });
        if let Err(payload) = stopped {
            resume_unwind(payload);
        }
    }
}

/// What was registered.
struct Dismissed {
    producer: Option<Box<dyn Producer>>,
    source: Option<Transport>,
}
