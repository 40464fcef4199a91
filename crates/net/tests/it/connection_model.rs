//! Random lives of a connection: whatever is asked of it and whatever its peer does, in any order.

use crate::fixture::{Probe, count};
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, proptest};
use proptest::test_runner::{Config, TestCaseError};
use proptest::{collection, prop_oneof};
use ropewalk_net::{Producer, Transport};
use ropewalk_testing::{Ending, EventLog, MemoryTransport};
use std::cell::RefCell;
use std::rc::Rc;

#[derive(Clone, Debug)]
enum Step {
    Write(usize),
    WriteOwned(usize),
    WriteSequence(usize, usize),
    TakeOnly(usize),
    TakeAll,
    Limits(usize, usize),
    Max(usize),
    Pause,
    Resume,
    Push,
    /// Asked so often before it unregisters itself.
    Pull(usize),
    Itself,
    Unregister,
    PeerSends,
    PeerCloses,
    LoseWriting,
    Lose,
    Abort,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..2_000_usize).prop_map(Step::Write),
        4 => (0..2_000_usize).prop_map(Step::WriteOwned),
        2 => (0..900_usize, 0..900_usize).prop_map(|(a, b)| Step::WriteSequence(a, b)),
        6 => (0..3_000_usize).prop_map(Step::TakeOnly),
        2 => Just(Step::TakeAll),
        2 => (0..3_000_usize, 0..3_000_usize).prop_map(|(low, high)| Step::Limits(low, high)),
        1 => (0..9_000_usize).prop_map(Step::Max),
        2 => Just(Step::Pause),
        2 => Just(Step::Resume),
        2 => Just(Step::Push),
        2 => (0..9_usize).prop_map(Step::Pull),
        1 => Just(Step::Itself),
        2 => Just(Step::Unregister),
        3 => Just(Step::PeerSends),
        1 => Just(Step::PeerCloses),
        1 => Just(Step::LoseWriting),
        1 => Just(Step::Lose),
        1 => Just(Step::Abort),
    ];
    collection::vec(step, 0..40)
}

/// What should arrive: all that was written while writes were accepted.
#[derive(Clone, Default)]
struct Wire(Rc<RefCell<Vec<u8>>>);

impl Wire {
    /// The next bytes, without a period that a buffer could share.
    fn next(&self, transport: &Transport, length: usize) -> Vec<u8> {
        let mut all = self.0.borrow_mut();
        let bytes: Vec<_> = (all.len()..all.len() + length).map(|n| (n % 251) as u8).collect();
        if transport.accepts_writes() {
            all.extend(&bytes);
        }
        bytes
    }
}

/// Logs what it is told, each letter a word of it.
struct Source {
    told: Rc<RefCell<String>>,
    wire: Wire,
    /// How often it is still to write, if it is one that pulls.
    left: Option<usize>,
}

impl Producer for Source {
    fn resume_producing(&mut self, transport: &Transport) {
        self.told.borrow_mut().push('r');
        match &mut self.left {
            Some(0) => {
                self.told.borrow_mut().push('u');
                transport.unregister_producer();
            }
            Some(left) => {
                *left -= 1;
                transport.write(&self.wire.next(transport, 700));
            }
            None => {}
        }
    }
    fn pause_producing(&mut self, _: &Transport) {
        self.told.borrow_mut().push('p');
    }
    fn stop_producing(&mut self, _: &Transport) {
        self.told.borrow_mut().push('s');
    }
}

/// What a producer was told.
struct Told {
    told: Rc<RefCell<String>>,
    pulls: bool,
    /// All of it: it was unregistered.
    all: Option<String>,
}

struct Life {
    peer: MemoryTransport,
    transport: Transport,
    log: EventLog,
    wire: Wire,
    received: Vec<u8>,
    producers: Vec<Told>,
}

impl Life {
    fn new(keeps_half: bool) -> Self {
        let log = EventLog::new();
        let probe = Probe::new(&log);
        let probe = if keeps_half { probe.peer_done(|_| ()) } else { probe };
        let peer = MemoryTransport::connect(probe);
        let transport = peer.transport();
        let (wire, received, producers) = (Wire::default(), Vec::new(), Vec::new());
        Self { peer, transport, log, wire, received, producers }
    }

    fn produce(&mut self, left: Option<usize>) {
        let told = Rc::<RefCell<String>>::default();
        let source = Source { told: Rc::clone(&told), wire: self.wire.clone(), left };
        let registered = if left.is_some() {
            self.transport.register_pull_producer(source)
        } else {
            self.transport.register_producer(source)
        };
        if registered.is_ok() {
            self.producers.push(Told { told, pulls: left.is_some(), all: None });
        }
    }

    fn step(&mut self, step: &Step) {
        let (peer, transport, wire) = (&self.peer, &self.transport, &self.wire);
        match *step {
            Step::Write(length) => {
                transport.write(&wire.next(transport, length));
            }
            Step::WriteOwned(length) => {
                transport.write_owned(wire.next(transport, length));
            }
            Step::WriteSequence(first, second) => {
                let bytes = wire.next(transport, first + second);
                let (one, two) = bytes.split_at(first);
                transport.write_owned_sequence([one.to_vec(), two.to_vec()]);
            }
            Step::TakeOnly(bytes) => peer.take_only(bytes),
            Step::TakeAll => peer.take_only(None),
            Step::Limits(low, high) => transport.set_write_limits(low, high),
            Step::Max(bytes) => transport.set_max_buffered(bytes),
            Step::Pause => transport.pause_producing(),
            Step::Resume => transport.resume_producing(),
            Step::Push => self.produce(None),
            Step::Pull(left) => self.produce(Some(left)),
            Step::Itself => drop(transport.register_producer(transport.clone())),
            Step::Unregister => {
                transport.unregister_producer();
                for Told { told, all, .. } in &mut self.producers {
                    *all = Some(told.borrow().clone());
                }
            }
            Step::PeerSends => peer.send(b"x"),
            Step::PeerCloses => peer.close(),
            Step::LoseWriting => transport.lose_write_connection(),
            Step::Lose => transport.lose_connection(),
            Step::Abort => transport.abort_connection(),
        }
        self.peer.turn();
        self.received.extend(self.peer.take_received());
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let wire = self.wire.0.borrow();
        prop_assert!(wire.starts_with(&self.received), "the wire differs");
        let told = self.log.entries();
        prop_assert_eq!(told.first().map(String::as_str), Some("made"));
        for once in ["made", "peer done", "write done", "lost"] {
            prop_assert!(count(&self.log, once) <= 1, "{:?}", told);
        }
        let transport = &self.transport;
        match self.peer.ending() {
            None => {
                prop_assert_eq!(count(&self.log, "lost"), 0);
                prop_assert_eq!(transport.buffered(), wire.len() - self.received.len());
            }
            Some(ending) => {
                prop_assert!(told.last().is_some_and(|last| last.starts_with("lost")));
                prop_assert_eq!(transport.buffered(), 0);
                prop_assert!(!transport.is_connected() && !transport.accepts_writes());
                prop_assert!(ending != Ending::Gentle || self.received.len() == wire.len());
            }
        }
        for Told { told, pulls, all } in &self.producers {
            let told = told.borrow();
            prop_assert_eq!(all.as_ref().unwrap_or(&told), &*told);
            let words = told.strip_suffix(['s', 'u']).unwrap_or(&told);
            let expected = if *pulls { "r" } else { "pr" };
            let begun = expected.chars().cycle().take(words.len());
            prop_assert_eq!(words, begun.collect::<String>());
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn every_life_keeps_its_promises(keeps_half in any::<bool>(), steps in steps()) {
        let mut life = Life::new(keeps_half);
        for step in &steps {
            life.step(step);
            life.check()?;
        }
        // Whatever was done, it ends.
        for step in [Step::TakeAll, Step::Unregister, Step::Lose] {
            life.step(&step);
            life.check()?;
        }
        prop_assert!(life.peer.ending().is_some());
        for Told { told, .. } in &life.producers {
            // Who was still registered was told; here and in `life` nothing else is left of any.
            prop_assert_eq!(Rc::strong_count(told), 1);
        }
    }
}
