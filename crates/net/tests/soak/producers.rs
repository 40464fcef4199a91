//! The producers: those that are told to wait, those that are asked, and iterators.

use std::cell::Cell;
use std::rc::Rc;

use ropewalk_net::{Producer, Transport};
use ropewalk_reactor::Reactor;
use ropewalk_testing::soak::{Dice, panic_as_planned};

use crate::act::{self, Act};
use crate::record::Record;
use crate::world::{Object, World, count};

struct Source {
    world: Rc<World>,
    record: Rc<Record>,
    dice: Dice,
    /// How often it still writes.
    left: usize,
    pulls: bool,
    is_paused: Rc<Cell<bool>>,
    is_stopped: bool,
    _object: Object,
}

/// Registers one with `transport`.
pub(crate) fn register(
    world: &Rc<World>,
    record: &Rc<Record>,
    transport: &Transport,
    act: Act,
    dice: &mut Dice,
) {
    if act == Act::WritePieces {
        return write_pieces(world, record, transport, dice);
    }
    let source = Source {
        world: Rc::clone(world),
        record: Rc::clone(record),
        dice: Dice::new(dice.number()),
        left: dice.below(20),
        pulls: act == Act::Pull,
        is_paused: Rc::default(),
        is_stopped: false,
        _object: world.object(),
    };
    let (paused, left) = (Rc::clone(&source.is_paused), source.left);
    let registered = if source.pulls {
        transport.register_pull_producer(source)
    } else {
        transport.register_producer(source)
    };
    if registered.is_ok() {
        count(&world.tally.producers);
        if act == Act::Push {
            go_on(world, record, transport, left, paused);
        }
    }
}

/// What a push producer does by itself, in the turns that follow.
fn go_on(
    world: &Rc<World>,
    record: &Rc<Record>,
    transport: &Transport,
    left: usize,
    is_paused: Rc<Cell<bool>>,
) {
    // Only the producer and this one have it: it is the registration.
    if Rc::strong_count(&is_paused) < 2 {
        return;
    }
    let Some(left) = left.checked_sub(1).filter(|_| world.is_busy()) else {
        return transport.unregister_producer();
    };
    let mut dice = world.dice();
    if !is_paused.get() {
        if let Some(words) = act::words(world, record, transport, &mut dice) {
            transport.write(&words);
        }
    }
    let delay = world.plan.tick;
    let object = world.object();
    let (world, record, transport) = (Rc::clone(world), Rc::clone(record), transport.clone());
    Reactor::with_current(|reactor| {
        reactor.call_later(delay, move |_| {
            drop(object);
            go_on(&world, &record, &transport, left, is_paused);
        });
    });
}

fn write_pieces(world: &Rc<World>, record: &Rc<Record>, transport: &Transport, dice: &mut Dice) {
    let (speaker, talking, writing) = (Rc::clone(record), Rc::clone(world), transport.clone());
    let (mut dice, mut left, object) = (Dice::new(dice.number()), dice.below(20), world.object());
    let pieces = std::iter::from_fn(move || {
        let _kept = &object;
        left = left.checked_sub(1)?;
        act::words(&talking, &speaker, &writing, &mut dice)
    });
    if let Ok(sent) = transport.write_pieces(pieces) {
        world.await_outcome(sent, |_, _| ());
    }
}

impl Source {
    fn told(&self, what: &str) {
        if self.is_stopped {
            self.world.complain(format!("a producer was told to {what} after its end"));
        }
    }
}

impl Producer for Source {
    fn resume_producing(&mut self, transport: &Transport) {
        self.told("go on");
        if !self.pulls && !self.is_paused.replace(false) {
            self.world.complain(format!("resumed, but not paused: {}", self.record.story()));
        }
        if !self.pulls || !self.world.is_busy() {
            return;
        }
        if self.dice.one_in(100 * self.world.plan.ending_acts) {
            self.record.done.panic.set(true);
            panic_as_planned();
        }
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            return transport.unregister_producer();
        }
        match act::words(&self.world, &self.record, transport, &mut self.dice) {
            Some(words) => {
                transport.write_owned(words);
            }
            None => transport.unregister_producer(),
        }
    }

    fn pause_producing(&mut self, _: &Transport) {
        self.told("wait");
        if self.pulls || self.is_paused.replace(true) {
            self.world.complain(format!("paused twice, or for nothing: {}", self.record.story()));
        }
    }

    fn stop_producing(&mut self, _: &Transport) {
        self.told("stop");
        self.is_stopped = true;
        count(&self.world.tally.stopped);
    }
}
