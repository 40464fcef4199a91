//! UDP ports: how they begin, fail and end, and that their protocol hears of it exactly once.

use crate::datagrams::{Listener, listen, plain};
use crate::fixture::{Spiteful, count, has, own_address, turn_a_little, turn_until};
use ropewalk_net::{DatagramTransport, ListenError, ListenErrorKind, ReactorUdp as _, StopReason};
use ropewalk_reactor::{Phase, Reactor, SystemEvent};
use ropewalk_testing::{DEADLINE, EventLog, failure_as, no_result, success_of, within};
use std::cell::RefCell;
use std::net::UdpSocket;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

#[test]
fn what_cannot_be_opened_gives_the_protocol_back() {
    let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let refused = reactor.listen_udp(taken.local_addr().unwrap(), Listener::new(&log)).unwrap_err();
    assert!(refused.error().is_in_use());
    let protocol = refused.into_inner();
    let refused = reactor.listen_udp("nowhere", protocol).unwrap_err();
    assert!(matches!(refused.error().kind(), ListenErrorKind::Address));
    assert!(log.is_empty(), "it was not started");
    let port = reactor.listen_udp("127.0.0.1:0", refused.into_inner()).unwrap();
    assert_eq!(log.take(), ["started"]);
    drop(port);
    let error: ListenError = reactor.udp_socket(taken.local_addr().unwrap()).unwrap_err();
    assert!(error.is_in_use());
}

#[test]
fn a_socket_that_was_opened_elsewhere_is_used() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let (socket, peer) = (plain(), plain());
        let address = socket.local_addr().unwrap();
        socket.connect(peer.local_addr().unwrap()).unwrap();
        let port = reactor.listen_udp_on(socket, Listener::new(&log)).unwrap();
        assert_eq!(port.address(), address);
        assert_eq!(port.transport().peer(), Some(peer.local_addr().unwrap()));
        peer.send_to(b"a", address).unwrap();
        turn_until(&reactor, || has(&log, "data a"));
    });
}

#[test]
fn a_port_that_is_stopped_is_closed_now_and_told_later() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let port = reactor.listen_udp(own_address(), Listener::new(&log)).unwrap();
        let address = port.address();
        let waiting = port.transport().when_writable();
        let stopped = port.stop_listening();
        let again = port.transport().stop_listening();
        assert!(!port.transport().is_open());
        let _same = UdpSocket::bind(address).unwrap();
        let (stopped, waiting) = (no_result(stopped), no_result(waiting));
        assert_eq!(log.entries(), ["started"]);
        turn_until(&reactor, || log.len() > 1);
        assert_eq!(log.entries(), ["started", "stopped: closed"]);
        success_of(stopped);
        success_of(again);
        let reason: StopReason = failure_as(waiting);
        assert!(matches!(reason, StopReason::Closed));
        success_of(port.stop_listening());
        let reason: StopReason = failure_as(port.transport().when_writable());
        assert!(matches!(reason, StopReason::Closed));
        drop(port);
        turn_a_little(&reactor);
        assert_eq!(log.len(), 2);
        assert_eq!(reactor.stats().sources, 0);
    });
}

#[test]
fn dropping_a_port_closes_it_and_detaching_does_not() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let (port, peer) = listen(&reactor, Listener::new(&log));
        let (address, transport) = (port.address(), port.transport().clone());
        port.detach();
        peer.send_to(b"a", address).unwrap();
        turn_until(&reactor, || has(&log, "data a"));
        drop(transport.stop_listening());
        turn_until(&reactor, || has(&log, "stopped: closed"));

        let (port, _) = listen(&reactor, Listener::new(&log));
        let transport = port.transport().clone();
        drop(port);
        assert!(!transport.is_open(), "although somebody has a transport");
        turn_until(&reactor, || count(&log, "stopped: closed") == 2);
    });
}

#[test]
fn i5_a_protocol_may_stop_its_port_and_hears_of_it_when_it_has_returned() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let seen = log.clone();
        let listener = Listener::new(&log).data(move |port, _, _| {
            let after = seen.clone();
            port.stop_listening().map(move |()| after.add("fired")).detach();
            seen.add("returns");
        });
        let (port, peer) = listen(&reactor, listener);
        for text in ["a", "b", "c"] {
            peer.send_to(text.as_bytes(), port.address()).unwrap();
        }
        turn_until(&reactor, || has(&log, "fired"));
        turn_a_little(&reactor);
        assert_eq!(log.take(), ["started", "data a", "returns", "stopped: closed", "fired"]);
    });
}

#[test]
fn i5_a_protocol_may_open_and_drop_ports() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let own = Rc::new(RefCell::new(None));
        let (slot, inner) = (Rc::clone(&own), log.clone());
        let listener = Listener::new(&log).data(move |port, data, peer| {
            if data == b"end" {
                drop(slot.take());
                return;
            }
            let reactor = Reactor::current().unwrap();
            let other = reactor.listen_udp("127.0.0.1:0", Listener::new(&inner)).unwrap();
            other.transport().send_to(b"end", port.host()).unwrap();
            other.transport().send_to(b"from the other", peer).unwrap();
            other.detach();
        });
        let (port, peer) = listen(&reactor, listener);
        peer.send_to(b"begin", port.address()).unwrap();
        own.replace(Some(port));
        turn_until(&reactor, || has(&log, "stopped: closed"));
        assert_eq!(log.take(), ["started", "data begin", "started", "data end", "stopped: closed"]);
        let mut buffer = [0; 32];
        assert_eq!(peer.recv(&mut buffer).unwrap(), 14);
    });
}

#[test]
fn i3_a_protocol_that_panics_ends_its_own_port() {
    within(DEADLINE, || {
        let (reactor, log, well) = (Reactor::new().unwrap(), EventLog::new(), EventLog::new());
        let (bad, peer) = listen(&reactor, Listener::new(&log).data(|_, _, _| panic!("no luck")));
        let (good, _) = listen(&reactor, Listener::new(&well));
        let (address, waiting) = (bad.address(), bad.transport().when_writable());
        waiting.detach();
        for text in ["a", "b"] {
            peer.send_to(text.as_bytes(), address).unwrap();
        }
        turn_until(&reactor, || has(&log, "stopped: panicked"));
        assert!(!bad.transport().is_open());
        peer.send_to(b"a", good.address()).unwrap();
        turn_until(&reactor, || has(&well, "data a"));
        assert_eq!(log.take(), ["started", "data a", "stopped: panicked"]);
        success_of(bad.stop_listening());
    });
}

#[test]
fn i3_a_protocol_that_panics_in_the_beginning_or_in_the_end() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let mut listener = Listener::new(&log);
        listener.start = Box::new(|_| panic!("no beginning"));
        let opened =
            catch_unwind(AssertUnwindSafe(|| reactor.listen_udp("127.0.0.1:0", listener).is_ok()));
        assert!(opened.is_err());
        assert_eq!(log.take(), ["started", "stopped: panicked"]);
        assert_eq!(reactor.stats().sources, 0);

        let mut listener = Listener::new(&log);
        listener.stop = Box::new(|_| panic!("no end"));
        let (port, _) = listen(&reactor, listener);
        let stopped = port.stop_listening();
        turn_until(&reactor, || has(&log, "stopped: closed"));
        turn_a_little(&reactor);
        success_of(stopped);
        assert_eq!(log.take(), ["started", "stopped: closed"]);
    });
}

#[test]
fn i3_a_subscriber_that_panics_does_no_harm() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        tracing::subscriber::with_default(Spiteful("datagram"), || {
            let (port, peer) = listen(&reactor, Listener::new(&log));
            peer.send_to(b"a", port.address()).unwrap();
            turn_until(&reactor, || has(&log, "data a"));
            let stopped = port.stop_listening();
            turn_until(&reactor, || has(&log, "stopped: closed"));
            success_of(stopped);
        });
        let mut listener = Listener::new(&log);
        listener.stop = Box::new(|_| panic!("no end"));
        let port = reactor.listen_udp("127.0.0.1:0", listener).unwrap();
        tracing::subscriber::with_default(Spiteful("datagram"), || drop(reactor));
        assert_eq!(count(&log, "stopped"), 2);
        assert!(!port.transport().is_open());
    });
}

#[test]
fn i2_the_end_of_a_run_ends_all_ports_and_they_can_be_used_until_then() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let (port, peer) = listen(&reactor, Listener::new(&log));
        let (closing, _) = listen(&reactor, Listener::new(&log));
        let (transport, address) = (port.transport().clone(), peer.local_addr().unwrap());
        let seen = log.clone();
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |reactor| {
            transport.send_to(b"farewell", address).unwrap();
            let refused = reactor.listen_udp("127.0.0.1:0", Listener::new(&seen)).unwrap_err();
            assert!(matches!(refused.error().kind(), ListenErrorKind::Stopping));
            drop(closing.stop_listening());
        });
        reactor.call_soon(Reactor::stop);
        reactor.run().unwrap();
        let mut told = log.take();
        told.sort();
        assert_eq!(told, ["started", "started", "stopped: closed", "stopped: reactor"]);
        let mut buffer = [0; 16];
        assert_eq!(peer.recv(&mut buffer).unwrap(), 8);
        success_of(port.stop_listening());

        // And there are new ones in the next run.
        let (port, peer) = listen(&reactor, Listener::new(&log));
        peer.send_to(b"a", port.address()).unwrap();
        turn_until(&reactor, || has(&log, "data a"));
    });
}

#[test]
fn i2_dropping_the_reactor_tells_each_port_once_and_frees_it() {
    let (payload, log) = (Rc::new(()), EventLog::new());
    let reactor = Reactor::new().unwrap();
    let listener = || {
        let held = Rc::clone(&payload);
        Listener::new(&log).data(move |_, _, _| drop(Rc::clone(&held)))
    };
    let (open, _) = listen(&reactor, listener());
    let (closed, _) = listen(&reactor, listener());
    drop(closed.stop_listening());
    let (detached, _) = listen(&reactor, listener());
    detached.detach();
    let waiting = open.transport().when_writable();
    assert_eq!(Rc::strong_count(&payload), 4);
    drop(reactor);
    assert_eq!(Rc::strong_count(&payload), 1, "although the ports are held");
    assert_eq!(count(&log, "stopped: reactor"), 2);
    assert_eq!(count(&log, "stopped: closed"), 1);
    let _: StopReason = failure_as(waiting);
    drop((open, closed));
    assert_eq!(count(&log, "stopped"), 3);
}

#[test]
fn i2_a_protocol_that_drops_the_reactor_hears_of_its_end_too() {
    within(DEADLINE, || {
        for (stops, reason) in [(false, "stopped: reactor"), (true, "stopped: closed")] {
            let log = EventLog::new();
            let reactor = Rc::new(RefCell::new(Some(Reactor::new().unwrap())));
            let (owner, seen) = (Rc::clone(&reactor), log.clone());
            let listener = Listener::new(&log).data(move |port, _, _| {
                drop(owner.take());
                if stops {
                    // There is no later turn to be told in.
                    port.stop_listening().on_failure(|_| ());
                }
                seen.add("returns");
            });
            let peer = plain();
            let port = {
                let reactor = reactor.borrow();
                reactor.as_ref().unwrap().listen_udp("127.0.0.1:0", listener).unwrap()
            };
            peer.send_to(b"a", port.address()).unwrap();
            // The loop is turned through a reference that lasts: the owner is to go in the middle.
            let lent = reactor.borrow().as_ref().unwrap().downgrade().upgrade().unwrap();
            while !has(&log, "returns") && lent.turn(None).is_ok() {}
            assert_eq!(log.take(), ["started", "data a", "returns", reason]);
        }
    });
}

#[test]
fn a_closure_that_is_kept_by_nobody_goes_with_its_port() {
    within(DEADLINE, || {
        let (reactor, payload) = (Reactor::new().unwrap(), Rc::new(()));
        let held = Rc::clone(&payload);
        let port = reactor
            .listen_udp("127.0.0.1:0", move |_: &DatagramTransport, _: &[u8], _| {
                drop(Rc::clone(&held));
            })
            .unwrap();
        let transport = port.transport().clone();
        drop(port);
        turn_until(&reactor, || Rc::strong_count(&payload) == 1);
        assert!(!transport.is_open());
    });
}
