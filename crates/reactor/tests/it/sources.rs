//! I/O sources: readiness, interest, errors, and what may happen inside of their callbacks.

use crate::fixture::{A_FILE, Drops, Log, run_briefly, sockets};
use ropewalk_reactor::{Interest, Reactor, Readiness, Registration};
use ropewalk_testing::{DEADLINE, within};
use std::cell::{Cell, RefCell};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::rc::Rc;
use std::time::Duration;

/// A turn that does not wait for long, for what must *not* happen.
fn look(reactor: &Reactor) {
    reactor.turn(Some(Duration::from_millis(5))).unwrap();
}

/// Counts its events and reads nothing.
fn counts(events: &Rc<Cell<u32>>) -> impl FnMut(&Reactor, &TcpStream, Readiness) + use<> {
    let events = Rc::clone(events);
    move |_, _, _| events.set(events.get() + 1)
}

#[test]
fn readiness_is_told_in_each_turn_until_it_is_used_up() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (server, mut client) = sockets();
        let text = Rc::new(RefCell::new(Vec::new()));
        let read = Rc::clone(&text);
        let callback = move |reactor: &Reactor, mut server: &TcpStream, ready: Readiness| {
            assert!(ready.readable);
            let mut byte = [0];
            if server.read(&mut byte).unwrap() == 0 {
                return reactor.stop();
            }
            read.borrow_mut().push(byte[0]);
        };
        let registration = reactor.register(server, Interest::READABLE, callback).unwrap();
        client.write_all(b"level").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        reactor.run().unwrap();
        assert_eq!(*text.borrow(), b"level");
        assert_eq!((reactor.stats().events, reactor.stats().sources), (6, 1));
        // The source is lent, and closed with its registration.
        assert!(registration.source().peer_addr().is_ok());
        drop(registration);
        client.set_nonblocking(false).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        assert_eq!(reactor.stats().sources, 0);
    });
}

#[test]
fn interest_can_be_changed_at_any_time() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (server, mut client) = sockets();
        let seen = Rc::new(Cell::new((0, 0)));
        let sees = Rc::clone(&seen);
        let registration = reactor
            .register(server, Interest::NONE, move |_, _, ready| {
                let (reads, writes) = sees.get();
                sees.set((reads + u32::from(ready.readable), writes + u32::from(ready.writable)));
            })
            .unwrap();
        client.write_all(b"x").unwrap();
        look(&reactor);
        assert_eq!(seen.get(), (0, 0));
        registration.set_interest(Interest::READABLE).unwrap();
        look(&reactor);
        look(&reactor);
        assert_eq!(seen.get(), (2, 0));
        registration.set_interest(Interest::BOTH).unwrap();
        look(&reactor);
        assert_eq!(seen.get(), (3, 1));
        registration.set_interest(Interest::WRITABLE).unwrap();
        look(&reactor);
        assert_eq!(seen.get(), (3, 2));
        registration.set_interest(Interest::NONE).unwrap();
        look(&reactor);
        assert_eq!(seen.get(), (3, 2));
    });
}

#[test]
fn an_interest_is_made_of_two_answers() {
    for (readable, writable) in [(false, false), (false, true), (true, false), (true, true)] {
        let interest = Interest::new(readable, writable);
        assert_eq!((interest.is_readable(), interest.is_writable()), (readable, writable));
    }
    assert_eq!(format!("{:?}", Interest::BOTH), "Interest::BOTH");
}

/// epoll reports it whether one asks or not, and, if one does not take care, for ever.
#[test]
fn i6_a_hang_up_leaves_a_resting_source_alone_and_does_not_spin() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (server, client) = sockets();
        let events = Rc::new(Cell::new(0));
        let registration = reactor.register(server, Interest::READABLE, counts(&events)).unwrap();
        registration.set_interest(Interest::NONE).unwrap();
        // Both directions: that is a hang-up, not only the end of the stream.
        registration.source().shutdown(Shutdown::Both).unwrap();
        drop(client);
        reactor.call_later(Duration::from_millis(20), Reactor::stop);
        reactor.run().unwrap();
        assert_eq!(events.get(), 0, "the callback rests");
        assert!(reactor.stats().turns < 10, "{:?}", reactor.stats());
        registration.set_interest(Interest::READABLE).unwrap();
        look(&reactor);
        assert_eq!(events.get(), 1, "and hears of it when it asks");
    });
}

#[test]
fn a_connection_that_is_gone_before_it_is_registered_is_heard_of() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (server, client) = sockets();
        drop(client);
        server.shutdown(Shutdown::Both).unwrap();
        let callback = |reactor: &Reactor, mut server: &TcpStream, ready: Readiness| {
            assert!(ready.readable && ready.writable);
            assert_eq!(server.read(&mut [0]).unwrap(), 0);
            reactor.stop();
        };
        let _registration = reactor.register(server, Interest::READABLE, callback).unwrap();
        reactor.run().unwrap();
        assert_eq!(reactor.stats().panics, 0);
    });
}

/// The callback of a source that waits for nothing but data hears of a reset as well.
#[test]
fn a_reset_makes_a_source_ready_for_both() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (server, mut client) = sockets();
        client.write_all(b"never read").unwrap();
        let callback = |reactor: &Reactor, client: &TcpStream, ready: Readiness| {
            assert!(ready.readable && ready.writable);
            assert_eq!(client.take_error().unwrap().unwrap().kind(), ErrorKind::ConnectionReset);
            reactor.stop();
        };
        drop(server); // with data that was never read: that resets the connection
        let _registration = reactor.register(client, Interest::READABLE, callback).unwrap();
        reactor.run().unwrap();
        assert_eq!(reactor.stats().panics, 0);
    });
}

#[test]
fn i2_a_source_that_cannot_be_watched_comes_back() {
    let reactor = Reactor::new().unwrap();
    let file = std::fs::File::open(A_FILE);
    let drops = Drops::default();
    let payload = drops.payload();
    let error = reactor
        .register(file.unwrap(), Interest::READABLE, move |_, _, _| {
            let _ = &payload;
        })
        .unwrap_err();
    assert_eq!(error.io_error().kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("regular file"));
    assert_eq!(drops.count(), 1);
    let mut text = String::new();
    error.into_inner().read_to_string(&mut text).unwrap();
    assert!(text.contains("ropewalk-reactor"));
    assert_eq!(reactor.stats().sources, 0);
}

#[test]
fn i2_a_source_that_is_watched_already_comes_back() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (server, mut client) = sockets();
        let server = Rc::new(server);
        let events = Rc::new(Cell::new(0));
        let heard = Rc::clone(&events);
        let first = reactor
            .register(Rc::clone(&server), Interest::READABLE, move |_, _, _| heard.set(1))
            .unwrap();
        let error = reactor
            .register(Rc::clone(&server), Interest::BOTH, |_, _, _| unreachable!())
            .unwrap_err();
        assert_eq!(error.io_error().kind(), ErrorKind::AlreadyExists);
        assert!(Rc::ptr_eq(&error.into_inner(), &server));
        // The first registration is not disturbed, and when it is gone the source is free again.
        client.write_all(b"x").unwrap();
        look(&reactor);
        assert_eq!(events.get(), 1);
        drop(first);
        drop(reactor.register(server, Interest::READABLE, |_, _, _| ()).unwrap());
    });
}

#[test]
fn one_source_may_be_watched_by_two_reactors() {
    within(DEADLINE, || {
        let (one, other) = (Reactor::new().unwrap(), Reactor::new().unwrap());
        let (server, mut client) = sockets();
        let server = Rc::new(server);
        let log = Log::default();
        let _registrations = [(&one, "one"), (&other, "other")].map(|(reactor, name)| {
            let log = log.clone();
            let callback = move |_: &Reactor, _: &Rc<TcpStream>, _| log.add(name);
            reactor.register(Rc::clone(&server), Interest::READABLE, callback).unwrap()
        });
        client.write_all(b"x").unwrap();
        look(&other);
        look(&one);
        assert_eq!(log.text(), "other one");
    });
}

/// Two sources are ready in one look of the loop. The first to be called ends, rests or replaces
/// the other; the event that was already fetched for that one must not reach anybody.
#[test]
fn i5_an_event_that_was_fetched_for_a_source_that_changed_is_dropped() {
    type Slot = Rc<RefCell<Option<Registration<TcpStream>>>>;
    #[derive(Clone, Copy)]
    enum Change {
        Drop,
        Rest,
        Replace,
    }
    within(DEADLINE, || {
        for change in [Change::Drop, Change::Rest, Change::Replace] {
            let reactor = Reactor::new().unwrap();
            let slots: [Slot; 2] = Default::default();
            let calls = Rc::new(Cell::new(0));
            let mut clients = Vec::new();
            for own in 0..2 {
                let (server, mut client) = sockets();
                client.write_all(b"x").unwrap();
                clients.push(client);
                let (calls, other) = (Rc::clone(&calls), Rc::clone(&slots[1 - own]));
                let callback = move |reactor: &Reactor, mut server: &TcpStream, _| {
                    calls.set(calls.get() + 1);
                    assert_eq!(server.read(&mut [0]).unwrap(), 1);
                    let removed = match change {
                        Change::Rest => {
                            let other = other.borrow();
                            other.as_ref().unwrap().set_interest(Interest::NONE).unwrap();
                            None
                        }
                        Change::Drop | Change::Replace => other.take(),
                    };
                    drop(removed);
                    if matches!(change, Change::Replace) {
                        // It gets the same slot, and nothing has been sent to it.
                        let (quiet, peer) = sockets();
                        let unwanted = |_: &Reactor, _: &TcpStream, _| unreachable!();
                        let quiet = reactor.register(quiet, Interest::READABLE, unwanted).unwrap();
                        other.replace(Some(quiet));
                        reactor.call_later(DEADLINE, move |_| drop(peer));
                    }
                };
                let registration = reactor.register(server, Interest::READABLE, callback).unwrap();
                slots[own].replace(Some(registration));
            }
            look(&reactor);
            look(&reactor);
            assert_eq!((calls.get(), reactor.stats().panics), (1, 0));
        }
    });
}

#[test]
fn i5_a_callback_may_drop_its_own_registration() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let drops = Drops::default();
        let (server, mut client) = sockets();
        let slot: Rc<RefCell<Option<Registration<TcpStream>>>> = Rc::default();
        let (own, payload) = (Rc::clone(&slot), drops.payload());
        let callback = move |_: &Reactor, mut server: &TcpStream, _| {
            let registration = own.take();
            drop(registration);
            // The source is closed after the callback that is lent it.
            assert_eq!(server.read(&mut [0; 4]).unwrap(), 1);
            let _ = &payload;
        };
        slot.replace(Some(reactor.register(server, Interest::READABLE, callback).unwrap()));
        client.write_all(b"x").unwrap();
        look(&reactor);
        assert_eq!((drops.count(), reactor.stats().sources, reactor.stats().panics), (1, 0, 0));
        client.set_nonblocking(false).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn i3_a_callback_that_panics_is_called_again() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (server, mut client) = sockets();
        let callback = |reactor: &Reactor, mut server: &TcpStream, _| {
            assert_eq!(server.read(&mut [0]).unwrap(), 1);
            assert!(reactor.stats().panics == 1, "on purpose, the first time");
            reactor.stop();
        };
        let _registration = reactor.register(server, Interest::READABLE, callback).unwrap();
        client.write_all(b"xx").unwrap();
        reactor.run().unwrap();
        assert_eq!((reactor.stats().panics, reactor.stats().events), (1, 2));
    });
}

/// In the reference the waker is a reader among the others, and `removeAll` has to spare it (B87).
#[test]
fn b87_the_waker_is_not_among_the_sources() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        assert_eq!(reactor.stats().sources, 0);
        let (server, _client) = sockets();
        let registration = reactor.register(server, Interest::READABLE, |_, _, _| ()).unwrap();
        drop(reactor);
        // Late, but legal.
        registration.set_interest(Interest::BOTH).unwrap();
        drop(registration);
        run_briefly(&Reactor::new().unwrap());
    });
}

#[test]
fn a_detached_source_is_watched_until_the_reactor_is_dropped() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (server, mut client) = sockets();
        let server = Rc::new(server);
        let drops = Drops::default();
        let (payload, events) = (drops.payload(), Rc::new(Cell::new(0)));
        let heard = Rc::clone(&events);
        let callback = move |_: &Reactor, server: &Rc<TcpStream>, _: Readiness| {
            let _ = &payload;
            assert_eq!((&**server).read(&mut [0]).unwrap(), 1);
            heard.set(heard.get() + 1);
        };
        reactor.register(Rc::clone(&server), Interest::READABLE, callback).unwrap().detach();
        for round in 1..=3 {
            client.write_all(b"x").unwrap();
            while events.get() < round {
                reactor.turn(None).unwrap();
            }
            run_briefly(&reactor);
        }
        assert_eq!((drops.count(), reactor.stats().sources), (0, 1));
        assert_eq!((Rc::strong_count(&server) > 1, events.get()), (true, 3));
        drop(reactor);
        assert_eq!((drops.count(), Rc::strong_count(&server)), (1, 1));
        drop(server);
        client.set_nonblocking(false).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    });
}

/// What cannot be watched any more is not kept either.
#[test]
fn a_source_is_detached_from_its_own_callback_and_after_the_reactor_has_gone() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (server, mut client) = sockets();
        let server = Rc::new(server);
        let own: Rc<RefCell<Option<Registration<Rc<TcpStream>>>>> = Rc::default();
        let (slot, events) = (Rc::clone(&own), Rc::new(Cell::new(0)));
        let heard = Rc::clone(&events);
        let callback = move |_: &Reactor, _: &Rc<TcpStream>, _| {
            let registration = slot.take();
            registration.into_iter().for_each(Registration::detach);
            heard.set(heard.get() + 1);
        };
        let registration = reactor.register(Rc::clone(&server), Interest::READABLE, callback);
        own.replace(Some(registration.unwrap()));
        client.write_all(b"x").unwrap();
        while events.get() < 3 {
            reactor.turn(None).unwrap();
        }
        assert!(own.borrow().is_none());
        let (late, _client) = sockets();
        let late = Rc::new(late);
        let kept = reactor.register(Rc::clone(&late), Interest::READABLE, |_, _, _| ()).unwrap();
        drop(reactor);
        assert_eq!((Rc::strong_count(&server), Rc::strong_count(&late)), (1, 2));
        kept.detach();
        assert_eq!(Rc::strong_count(&late), 1);
    });
}
