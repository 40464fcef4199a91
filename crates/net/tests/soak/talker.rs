//! The protocol of both ends: it does something at random whenever it is told something.

use std::rc::Rc;
use std::time::Instant;

use ropewalk_net::{
    ConnectionLost, FrameError, Framing, LineProtocol, LineReceiver, LineTooLong, Protocol,
    StringProtocol, StringReceiver, Transport,
};
use ropewalk_reactor::Reactor;
use ropewalk_testing::soak::Dice;

use crate::act;
use crate::life;
use crate::pairs;
use crate::record::Record;
use crate::speech::Speech;
use crate::verdict;
use crate::world::{Object, Tally, World, count};

pub(crate) struct Talker {
    world: Rc<World>,
    record: Rc<Record>,
    dice: Dice,
    /// It ends the connection when the peer is done.
    is_polite: bool,
    _object: Object,
}

impl Talker {
    pub(crate) fn boxed(world: &Rc<World>, record: &Rc<Record>) -> Box<dyn Protocol> {
        let mut dice = world.dice();
        let talker = Self {
            world: Rc::clone(world),
            record: Rc::clone(record),
            is_polite: dice.one_in(2),
            dice,
            _object: world.object(),
        };
        match record.speech {
            Speech::Bytes => Box::new(talker),
            Speech::Lines => Box::new(LineReceiver::new(talker)),
            Speech::Strings => Box::new(StringReceiver::new(Framing::u16(), talker)),
        }
    }

    /// It is told something: does something, or nothing.
    fn act(&mut self, transport: &Transport) {
        Reactor::with_current(|reactor| life::obey(&self.world, reactor));
        let times = self.dice.pick(&[0, 0, 1, 1, 2]);
        for _ in 0..times {
            act::act(&self.world, &self.record, transport, true, &mut self.dice);
        }
    }

    fn told(&self, what: &str) {
        if self.record.made.get() != 1 || self.record.is_lost() {
            self.world.complain(format!("told of {what}: {}", self.record.story()));
        }
    }

    fn made(&mut self, transport: &Transport) {
        let record = &self.record;
        record.made.set(record.made.get() + 1);
        self.told("the beginning");
        record.transport.replace(Some(transport.clone()));
        pairs::find(&self.world, record, transport);
        verdict::check_places(&self.world, record);
        if self.world.is_busy() {
            // Most say who they are.
            let size = self.dice.pick(&[0, 4, 10, 100]);
            transport.write(&record.speak(transport, size));
        }
        self.act(transport);
    }

    fn heard(&mut self, transport: &Transport, heard: Result<(), String>) {
        self.told("something heard");
        if self.record.heard_end.get() {
            self.world.complain(format!("heard after the end: {}", self.record.story()));
        }
        if let Err(what) = heard {
            self.world.complain(format!("{what} in {}", self.record.story()));
        }
        self.act(transport);
    }

    fn peer_is_done(&mut self, transport: &Transport) {
        self.told("the peer's end");
        if self.record.heard_end.replace(true) {
            self.world.complain(format!("two ends heard: {}", self.record.story()));
        }
        if self.is_polite {
            act::lose(&self.record, transport);
        }
        self.act(transport);
    }

    fn writing_is_done(&mut self, transport: &Transport) {
        self.told("its own end");
        if self.record.write_done.replace(true) || transport.buffered() > 0 {
            self.world.complain(format!("writing was not done: {}", self.record.story()));
        }
        self.act(transport);
    }

    fn has_drained(&mut self, transport: &Transport) {
        self.told("room");
        if transport.buffered() > transport.write_limits().0 {
            self.world.complain(format!("there is no room: {}", self.record.story()));
        }
        self.act(transport);
    }

    fn lost(&mut self, reason: &ConnectionLost) {
        self.told("the loss");
        let Self { world, record, .. } = self;
        record.done.reactor.set(world.is_ending.get());
        record.lost_at.set(Some(Instant::now()));
        record.reason.replace(Some(reason.clone()));
        let is_own = record.done.abort.get();
        if world.is_ending.get() && !is_own && matches!(reason, ConnectionLost::Aborted) {
            let Tally { cut, perhaps_cut, .. } = &world.tally;
            count(if record.done.cancel.get() { perhaps_cut } else { cut });
        }
        verdict::check_reason(world, record, reason);
        drop(record.transport.take());
    }
}

/// What the three kinds of protocol are told alike.
macro_rules! told_alike {
    () => {
        fn connection_made(&mut self, transport: &Transport) {
            self.made(transport);
        }

        fn peer_done(&mut self, transport: &Transport) {
            self.peer_is_done(transport);
        }

        fn write_done(&mut self, transport: &Transport) {
            self.writing_is_done(transport);
        }

        fn drained(&mut self, transport: &Transport) {
            self.has_drained(transport);
        }

        fn connection_lost(&mut self, _: &Transport, reason: &ConnectionLost) {
            self.lost(reason);
        }
    };
}

impl Protocol for Talker {
    told_alike!();

    fn handshake_completed(&mut self, transport: &Transport) {
        self.told("the handshake");
        self.act(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        let heard = self.record.hear(data);
        self.heard(transport, heard);
    }

    fn resumed(&mut self, transport: &Transport) {
        self.told("more to come");
        self.act(transport);
    }
}

impl LineProtocol for Talker {
    told_alike!();

    fn line_received(&mut self, transport: &Transport, line: &[u8]) {
        let heard = self.record.hear_message(line);
        self.heard(transport, heard);
    }

    fn line_length_exceeded(&mut self, transport: &Transport, error: &LineTooLong) {
        self.heard(transport, Err(error.to_string()));
    }
}

impl StringProtocol for Talker {
    told_alike!();

    fn string_received(&mut self, transport: &Transport, string: &[u8]) {
        let heard = self.record.hear_message(string);
        self.heard(transport, heard);
    }

    fn framing_failed(&mut self, transport: &Transport, error: &FrameError) {
        self.heard(transport, Err(error.to_string()));
    }
}
