//! What one end does, at random, in a callback of its own or at any other time.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use ropewalk_net::Transport;
use ropewalk_reactor::Reactor;
use ropewalk_testing::soak::{Dice, panic_as_planned};

use crate::producers;
use crate::record::Record;
use crate::world::{World, count};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Act {
    Write,
    WriteOwned,
    WriteSequence,
    WriteOwnedSequence,
    WritePieces,
    Push,
    Pull,
    /// It is its own producer: it does not read while too much is unsent.
    Itself,
    /// What another one reads is what this one is thought to send.
    Other,
    Unregister,
    Flushed,
    Limits,
    Max,
    Pause,
    Resume,
    LoseWriting,
    Lose,
    Abort,
    Panic,
}

impl Act {
    pub(crate) const ALL: &[Self] = &[
        Self::Write,
        Self::WriteOwned,
        Self::WriteSequence,
        Self::WriteOwnedSequence,
        Self::WritePieces,
        Self::Push,
        Self::Pull,
        Self::Itself,
        Self::Other,
        Self::Unregister,
        Self::Flushed,
        Self::Limits,
        Self::Max,
        Self::Pause,
        Self::Resume,
        Self::LoseWriting,
        Self::Lose,
        Self::Abort,
        Self::Panic,
    ];

    /// Whether it ends the connection, or can.
    fn ends(self) -> bool {
        matches!(
            self,
            Self::Max | Self::Other | Self::LoseWriting | Self::Lose | Self::Abort | Self::Panic
        )
    }
}

/// One of the acts; one that ends the connection only now and then.
pub(crate) fn act(
    world: &Rc<World>,
    record: &Rc<Record>,
    transport: &Transport,
    is_inside: bool,
    dice: &mut Dice,
) {
    if !world.is_busy() {
        return;
    }
    let act = Act::ALL[dice.weighted(&world.plan.weights)];
    if act.ends() && !dice.one_in(world.plan.ending_acts) || act == Act::Panic && !is_inside {
        return;
    }
    count(&world.tally.acts);
    match act {
        Act::Write | Act::WriteOwned | Act::WriteSequence | Act::WriteOwnedSequence => {
            write(world, record, transport, act, dice);
        }
        Act::WritePieces | Act::Push | Act::Pull => {
            producers::register(world, record, transport, act, dice);
        }
        Act::Itself => lend(record, transport, transport),
        Act::Other => {
            let Some(other) = world.pick(dice) else { return };
            other.transport().inspect(|source| lend(&other, source, transport));
        }
        Act::Unregister => transport.unregister_producer(),
        Act::Flushed => world.await_outcome(transport.flushed(), |_, _| ()),
        Act::Limits => {
            let (low, high) = (dice.below(world.plan.size), dice.below(2 * world.plan.size));
            transport.set_write_limits(low, high);
        }
        Act::Max => {
            record.done.max.set(true);
            transport.set_max_buffered(dice.pick(&[0, 10_000, 100_000]));
        }
        Act::Pause => pause(world, transport, dice),
        Act::Resume => transport.resume_producing(),
        Act::LoseWriting => transport.lose_write_connection(),
        Act::Lose => lose(record, transport),
        Act::Abort => {
            record.done.abort.set(true);
            transport.abort_connection();
        }
        Act::Panic => {
            record.done.panic.set(true);
            panic_as_planned();
        }
    }
}

pub(crate) fn lose(record: &Record, transport: &Transport) {
    record.done.lose.set(true);
    transport.lose_connection();
}

/// Says something, in one of the ways.
fn write(world: &World, record: &Record, transport: &Transport, act: Act, dice: &mut Dice) {
    let Some(words) = words(world, record, transport, dice) else { return };
    let (one, two) = words.split_at(dice.below(words.len() + 1));
    let buffered = transport.buffered();
    let pressure = match act {
        Act::WriteOwned => transport.write_owned(words),
        Act::WriteSequence => transport.write_sequence(&[one, two]),
        Act::WriteOwnedSequence => {
            let pieces = [Bytes::copy_from_slice(one), Bytes::new(), Bytes::copy_from_slice(two)];
            transport.write_owned_sequence(pieces)
        }
        _ => transport.write(&words),
    };
    let (_, high) = transport.write_limits();
    let is_well = transport.is_connected();
    if is_well && transport.buffered() > buffered.max(high) && !pressure.is_high() {
        world.complain(format!("{transport:?} is relaxed: {}", record.story()));
    }
}

/// Something to say, unless that has been enough.
pub(crate) fn words(
    world: &World,
    record: &Record,
    transport: &Transport,
    dice: &mut Dice,
) -> Option<Vec<u8>> {
    let is_enough = record.said.get() >= world.plan.words || !world.is_busy();
    (!is_enough).then(|| record.speak(transport, dice.below(world.plan.size + 1)))
}

/// This one stops reading while another one has too much to send, and ends with it: at once if that
/// sends nothing any more.
fn lend(record: &Record, source: &Transport, to: &Transport) {
    let ends = source != to || !to.accepts_writes();
    if to.register_producer(source.clone()).is_ok() && ends {
        record.done.lose.set(true);
    }
}

/// Stops reading, mostly for a while.
fn pause(world: &Rc<World>, transport: &Transport, dice: &mut Dice) {
    transport.pause_producing();
    if dice.one_in(10) {
        return;
    }
    let (transport, object) = (transport.clone(), world.object());
    let delay = Duration::from_micros(dice.pick(&[0, 100, 1000, 20_000]));
    let paused = Rc::clone(world);
    Reactor::with_current(|reactor| {
        reactor.call_later(delay, move |_| {
            drop(object);
            if paused.is_busy() {
                transport.resume_producing();
            }
        });
    });
}
