//! The callbacks of the sources.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ropewalk_reactor::{Interest, Reactor, Readiness};
use ropewalk_testing::soak::{Dice, add};

use crate::desk::{self, TAPS};
use crate::life::{LOOPER, Life};
use crate::socket::{Stream, Tap, Wire};
use crate::ticket::seat;
use crate::work::{DEPTH, Work};
use crate::world::World;

fn interest(dice: &mut Dice) -> Interest {
    let (readable, both) = (Interest::READABLE, Interest::BOTH);
    let interest =
        dice.pick(&[Interest::NONE, readable, readable, readable, Interest::WRITABLE, both]);
    if dice.one_in(3) { interest.edge_triggered() } else { interest }
}

/// On the thread of the reactors.
pub(crate) fn register(world: &Arc<World>, reactor: &Reactor, life: &Arc<Life>, dice: &mut Dice) {
    let Some(desk) = desk::desk() else { return };
    if desk.taps() >= TAPS {
        return;
    }
    let (wire, near) = match Wire::new() {
        Ok(pair) => pair,
        Err(error) => return world.complain(format!("no pair of sockets: {error}")),
    };
    let (name, interest) = (desk.name_tap(), interest(dice));
    let listener = Listener {
        world: Arc::clone(world),
        life: Arc::clone(life),
        wire: Arc::clone(&wire),
        name,
        interest: Rc::new(Cell::new(interest)),
        gulp: dice.pick(&[1, 16, 4096, 65_536]),
        dice: Dice::new(dice.number()),
    };
    let wanted = Rc::clone(&listener.interest);
    let callback = listener.into_callback();
    add(&world.tally.sources);
    match reactor.register(Rc::clone(&near), interest, callback) {
        Ok(registration) => {
            world.keep_wire(Arc::clone(&wire), dice);
            let registration = Some(registration);
            let tap = Tap { world: Arc::clone(world), wire, near, interest: wanted, registration };
            desk.keep_tap(name, tap);
        }
        // This very callback, or the one around it, has dropped the reactor.
        Err(_) if reactor.downgrade().upgrade().is_none() => {}
        Err(error) => world.complain(format!("no source: {}", error.io_error())),
    }
}

/// Changes what the source with this name is watched for, or any.
pub(crate) fn change_interest(world: &World, name: Option<u64>, dice: &mut Dice) {
    let Some(desk) = desk::desk() else { return };
    let tap = match name {
        Some(name) => desk.take_tap_named(name).map(|tap| (name, tap)),
        None => desk.take_tap(dice),
    };
    let Some((name, tap)) = tap else { return };
    add(&world.tally.interests);
    tap.set_interest(interest(dice));
    desk.keep_tap(name, tap);
}

struct Listener {
    world: Arc<World>,
    life: Arc<Life>,
    wire: Arc<Wire>,
    name: u64,
    interest: Rc<Cell<Interest>>,
    gulp: usize,
    dice: Dice,
}

impl Listener {
    fn into_callback(mut self) -> impl FnMut(&Reactor, &Rc<Stream>, Readiness) {
        move |reactor, near, ready| self.hear(reactor, near, ready)
    }

    fn hear(&mut self, reactor: &Reactor, near: &Rc<Stream>, ready: Readiness) {
        add(&self.life.events);
        let interest = self.interest.get();
        let reads = interest.is_readable() && ready.readable;
        if !(reads || interest.is_writable() && ready.writable) {
            self.world.complain(format!("{ready:?} for {interest:?}"));
        }
        if reads {
            self.read(near, interest.is_edge_triggered(), ready);
        }
        if self.world.is_settling() {
            return;
        }
        // With room for writing it is called in each turn.
        match self.dice.below(64) {
            0 => {
                let own = desk::desk().and_then(|desk| desk.take_tap_named(self.name));
                drop(own);
            }
            1..8 => change_interest(&self.world, Some(self.name), &mut self.dice),
            8..16 => {
                let work = Work::draw(&self.world, &mut self.dice);
                work.perform(&self.world, reactor, &self.life, &mut self.dice, DEPTH - 2);
            }
            _ => {}
        }
    }
}

impl Listener {
    /// Reads a gulp, or all there is if nobody will say so again.
    fn read(&self, near: &Stream, is_edge: bool, ready: Readiness) {
        let gulp = if self.world.is_settling() { 65_536 } else { self.gulp };
        let mut is_first = true;
        loop {
            let read = self.wire.read(&self.world, near, gulp);
            self.world.tally.read.fetch_add(read.unwrap_or(0), Ordering::SeqCst);
            match read {
                Some(1..) if is_edge => is_first = false,
                // By the edge it may be told of twice: an interest was set anew meanwhile.
                None if is_first && !is_edge => {
                    return self.world.complain(format!("nothing to read for {ready:?}"));
                }
                _ => return,
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        add(&self.world.tally.sources_dropped);
        if seat() != LOOPER {
            self.world.complain("a callback was dropped on another thread".to_owned());
        }
    }
}
