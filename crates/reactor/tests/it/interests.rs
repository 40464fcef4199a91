//! What a source is watched for: changed from anywhere, level- and edge-triggered.

use crate::fixture::{Log, sockets};
use ropewalk_reactor::{Interest, Phase, Reactor, Readiness, Registration, SystemEvent};
use ropewalk_testing::{DEADLINE, within};
use std::cell::{Cell, RefCell};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::rc::Rc;
use std::time::Duration;

type Slot = Rc<RefCell<Option<Registration<TcpStream>>>>;

/// A reactor that waits in the shortest way of this system, and one that waits as all can.
fn reactors() -> [Reactor; 2] {
    let portable = Reactor::builder().portable_selector();
    [Reactor::new().unwrap(), portable.build().unwrap()]
}

fn look(reactor: &Reactor) {
    reactor.turn(Some(Duration::ZERO)).unwrap();
}

/// Reads all there is.
fn empty(mut stream: &TcpStream) -> usize {
    let mut read = 0;
    loop {
        match stream.read(&mut [0; 16]) {
            Ok(some) => read += some,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return read,
            Err(error) => panic!("{error}"),
        }
    }
}

/// A registration that counts its events and leaves everything as it is.
fn counted(
    reactor: &Reactor,
    source: TcpStream,
    interest: Interest,
) -> (Registration<TcpStream>, Rc<Cell<u32>>) {
    let events = Rc::new(Cell::new(0));
    let counts = Rc::clone(&events);
    let callback = move |_: &Reactor, _: &TcpStream, _| counts.set(counts.get() + 1);
    (reactor.register(source, interest, callback).unwrap(), events)
}

#[test]
fn an_edge_triggered_source_is_told_of_what_is_new_only() {
    within(DEADLINE, || {
        for reactor in reactors() {
            let (server, mut client) = sockets();
            let edge = Interest::READABLE.edge_triggered();
            let (registration, events) = counted(&reactor, server, edge);
            look(&reactor);
            assert_eq!(events.get(), 0, "nothing has come");
            for expected in 1..=3 {
                client.write_all(b"xx").unwrap();
                for _ in 0..3 {
                    look(&reactor);
                }
                assert_eq!(events.get(), expected, "{reactor:?}");
            }
            assert_eq!(empty(registration.source()), 6);
            look(&reactor);
            assert_eq!(events.get(), 3);
        }
    });
}

/// Whether it is the same interest or another one in between.
#[test]
fn setting_the_interest_anew_tells_of_what_is_there() {
    within(DEADLINE, || {
        for reactor in reactors() {
            let (server, mut client) = sockets();
            let edge = Interest::READABLE.edge_triggered();
            let (registration, events) = counted(&reactor, server, edge);
            client.write_all(b"x").unwrap();
            for (number, between) in [None, Some(Interest::NONE), Some(Interest::WRITABLE)]
                .into_iter()
                .flat_map(|between| [between, between])
                .enumerate()
            {
                look(&reactor);
                look(&reactor);
                assert_eq!(events.get() as usize, number + 1, "{between:?} {reactor:?}");
                between.into_iter().for_each(|other| registration.set_interest(other).unwrap());
                registration.set_interest(edge).unwrap();
            }
        }
    });
}

/// One that has had enough for this turn says so and is told again in the next.
#[test]
fn i5_an_edge_triggered_callback_may_ask_to_be_called_again() {
    within(DEADLINE, || {
        for reactor in reactors() {
            let (server, mut client) = sockets();
            let slot = Slot::default();
            let text = Rc::new(RefCell::new(Vec::new()));
            let edge = Interest::READABLE.edge_triggered();
            let (own, read) = (Rc::clone(&slot), Rc::clone(&text));
            let callback = move |reactor: &Reactor, mut server: &TcpStream, _| {
                let mut byte = [0];
                if server.read(&mut byte).unwrap() == 0 {
                    return reactor.stop();
                }
                read.borrow_mut().push(byte[0]);
                own.borrow().as_ref().unwrap().set_interest(edge).unwrap();
            };
            slot.replace(Some(reactor.register(server, edge, callback).unwrap()));
            client.write_all(b"piece by piece").unwrap();
            drop(client);
            reactor.run().unwrap();
            assert_eq!((text.take(), reactor.stats().panics), (b"piece by piece".to_vec(), 0));
        }
    });
}

#[test]
fn a_source_changes_between_level_and_edge() {
    within(DEADLINE, || {
        for reactor in reactors() {
            let (server, mut client) = sockets();
            let (registration, events) = counted(&reactor, server, Interest::READABLE);
            client.write_all(b"x").unwrap();
            let heard = |turns: usize| {
                (0..turns).for_each(|_| look(&reactor));
                events.replace(0)
            };
            assert_eq!(heard(3), 3, "level");
            registration.set_interest(Interest::READABLE.edge_triggered()).unwrap();
            assert_eq!(heard(3), 1, "edge");
            registration.set_interest(Interest::READABLE).unwrap();
            assert_eq!(heard(3), 3, "level again");
            registration.set_interest(Interest::BOTH.edge_triggered()).unwrap();
            assert_eq!(heard(3), 1, "both, by the edge");
            registration.set_interest(Interest::NONE.edge_triggered()).unwrap();
            assert_eq!(heard(3), 0, "nothing, in whatever way");
        }
    });
}

/// Each change is made by the callback that it is about, and counts from the next turn on.
#[test]
fn i5_a_callback_may_change_its_own_interest() {
    within(DEADLINE, || {
        for reactor in reactors() {
            let (server, mut client) = sockets();
            let (slot, log) = (Slot::default(), Log::default());
            let mut wishes =
                [Interest::WRITABLE, Interest::BOTH, Interest::READABLE, Interest::NONE]
                    .into_iter();
            let (own, adds) = (Rc::clone(&slot), log.clone());
            let callback = move |_: &Reactor, _: &TcpStream, ready: Readiness| {
                adds.add(format!("{}{}", u8::from(ready.readable), u8::from(ready.writable)));
                let wish = wishes.next().unwrap();
                own.borrow().as_ref().unwrap().set_interest(wish).unwrap();
            };
            slot.replace(Some(reactor.register(server, Interest::READABLE, callback).unwrap()));
            client.write_all(b"x").unwrap();
            for _ in 0..8 {
                look(&reactor);
            }
            assert_eq!(log.text(), "10 01 11 10", "{reactor:?}");
            // It rests until somebody else asks for it; the wishes have come to their end.
            slot.borrow().as_ref().unwrap().set_interest(Interest::WRITABLE).unwrap();
            look(&reactor);
            assert_eq!((log.text().as_str(), reactor.stats().panics), ("10 01 11 10 01", 1));
            drop(slot.take());
        }
    });
}

/// A rest of an edge-triggered source does not lose what comes meanwhile.
#[test]
fn what_comes_while_a_source_rests_is_told_afterwards() {
    within(DEADLINE, || {
        for reactor in reactors() {
            for interest in [Interest::READABLE, Interest::READABLE.edge_triggered()] {
                let (server, mut client) = sockets();
                let (registration, events) = counted(&reactor, server, interest);
                registration.set_interest(Interest::NONE).unwrap();
                client.write_all(b"x").unwrap();
                look(&reactor);
                assert_eq!(events.get(), 0);
                registration.set_interest(interest).unwrap();
                look(&reactor);
                assert_eq!(events.get(), 1, "{interest:?} {reactor:?}");
            }
        }
    });
}

/// In callbacks of each kind, in triggers, and outside of them.
#[test]
fn i5_a_source_may_be_registered_anywhere() {
    fn ready(log: &Log, name: &'static str) -> impl FnOnce(&Reactor) + use<> {
        let log = log.clone();
        move |reactor| {
            let (server, mut client) = sockets();
            client.write_all(b"x").unwrap();
            let slot = Slot::default();
            let own = Rc::clone(&slot);
            let callback = move |reactor: &Reactor, _: &TcpStream, ready: Readiness| {
                let _ = &client;
                log.add(name);
                assert!(ready.readable);
                drop(own.take());
                if reactor.stats().sources == 0 {
                    reactor.stop();
                }
            };
            slot.replace(Some(reactor.register(server, Interest::READABLE, callback).unwrap()));
        }
    }
    within(DEADLINE, || {
        for reactor in reactors() {
            let log = Log::default();
            ready(&log, "outside")(&reactor);
            reactor.call_soon(ready(&log, "soon"));
            reactor.call_later(Duration::ZERO, ready(&log, "timer"));
            let call = reactor.share(Cell::new(Some(ready(&log, "call"))));
            call.call_from_thread(|call, reactor| call.take().unwrap()(reactor)).unwrap();
            for phase in [Phase::Before, Phase::During, Phase::After] {
                let trigger = ready(&log, "startup");
                reactor.add_system_event_trigger(phase, SystemEvent::Startup, trigger);
            }
            reactor.run().unwrap();
            let text = log.text();
            let mut names: Vec<_> = text.split(' ').collect();
            names.sort_unstable();
            let expected = ["call", "outside", "soon", "startup", "startup", "startup", "timer"];
            assert_eq!((names.as_slice(), reactor.stats().panics), (&expected[..], 0));
            // What is registered when the loop has ended is there for the next run.
            let last = Log::default();
            reactor.add_system_event_trigger(
                Phase::After,
                SystemEvent::Shutdown,
                ready(&last, "after the shutdown"),
            );
            reactor.stop();
            reactor.accept_calls();
            reactor.stop();
            reactor.run().unwrap();
            assert_eq!(last.text(), "");
            reactor.run().unwrap();
            assert_eq!(last.text(), "after the shutdown");
        }
    });
}

/// One callback drops another source of its turn, whose descriptor and slot go to a new one at
/// once. The event that was fetched is for nobody; the new source hears of its own.
#[test]
fn i5_a_new_source_with_the_number_of_an_old_one_hears_its_own_events_only() {
    within(DEADLINE, || {
        for reactor in reactors() {
            for round in 0..20 {
                let slots: [Slot; 2] = Default::default();
                let (fresh, log) = (Slot::default(), Log::default());
                let mut peers = Vec::new();
                for own in 0..2 {
                    let (server, mut client) = sockets();
                    client.write_all(b"x").unwrap();
                    peers.push(client);
                    let (other, fresh) = (Rc::clone(&slots[1 - own]), Rc::clone(&fresh));
                    let (adds, turn) = (log.clone(), reactor.stats().turns);
                    let callback = move |reactor: &Reactor, mut server: &TcpStream, _| {
                        assert_eq!(server.read(&mut [0; 4]).unwrap(), 1);
                        adds.add("old");
                        assert!(reactor.stats().turns == turn + 1);
                        drop(other.take());
                        // Of the two new descriptors one has the number that was just closed.
                        let (one, mut another) = sockets();
                        another.write_all(b"new").unwrap();
                        let adds = adds.clone();
                        let hears = move |_: &Reactor, server: &TcpStream, ready: Readiness| {
                            let _ = &another;
                            adds.add(format!("{}", empty(server)));
                            assert!(ready.readable && !ready.writable);
                        };
                        let registration = reactor.register(one, Interest::READABLE, hears);
                        fresh.replace(Some(registration.unwrap()));
                    };
                    let registration = reactor.register(server, Interest::READABLE, callback);
                    slots[own].replace(Some(registration.unwrap()));
                }
                look(&reactor);
                assert_eq!(log.text(), "old", "round {round}");
                look(&reactor);
                look(&reactor);
                assert_eq!((log.text().as_str(), reactor.stats().panics), ("old 3", 0));
            }
        }
    });
}
