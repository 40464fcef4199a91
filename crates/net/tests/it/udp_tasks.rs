//! UDP without a protocol: datagrams that are awaited one by one.

use crate::datagrams::plain;
use crate::fixture::turn_until;
use ropewalk_deferred::{Cancelled, Deferred, Failure};
use ropewalk_net::{
    DatagramOptions, ReactorUdp as _, SendError, SendErrorKind, StopReason, UdpSocket,
};
use ropewalk_reactor::{Phase, Reactor, SystemEvent};
use ropewalk_task::ReactorTask as _;
use ropewalk_testing::{DEADLINE, failure_as, no_result, success_of, within};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

fn wait_for<T: 'static>(reactor: &Reactor, deferred: Deferred<T>) -> Result<T, Failure> {
    let slot = Rc::new(RefCell::new(None));
    let found = Rc::clone(&slot);
    deferred
        .add_both(move |result| {
            found.replace(Some(result));
        })
        .detach();
    turn_until(reactor, || slot.borrow().is_some());
    slot.take().unwrap()
}

fn text(received: (Vec<u8>, std::net::SocketAddr)) -> String {
    String::from_utf8(received.0).unwrap()
}

fn opened(reactor: &Reactor) -> UdpSocket {
    reactor.udp_socket("127.0.0.1:0").unwrap()
}

#[test]
fn those_who_wait_are_served_in_turn_and_who_gave_up_is_not() {
    within(DEADLINE, || {
        let (reactor, peer) = (Reactor::new().unwrap(), plain());
        let socket = opened(&reactor);
        let first = socket.recv_from();
        let gave_up = socket.recv_from();
        let second = socket.recv_from();
        gave_up.cancel();
        let _: Cancelled = failure_as(gave_up);
        for text in ["a", "b", "c"] {
            peer.send_to(text.as_bytes(), socket.address()).unwrap();
        }
        assert_eq!(text(wait_for(&reactor, first).unwrap()), "a");
        assert_eq!(text(wait_for(&reactor, second).unwrap()), "b");
        assert_eq!(text(wait_for(&reactor, socket.recv_from()).unwrap()), "c");
    });
}

#[test]
fn a_task_echoes_until_the_port_is_closed() {
    within(DEADLINE, || {
        let (reactor, peer) = (Reactor::new().unwrap(), plain());
        let socket = Rc::new(opened(&reactor));
        let (echo, address) = (Rc::clone(&socket), socket.address());
        let served = reactor.spawn(async move {
            let mut served = 0;
            while let Ok((data, sender)) = echo.recv_from().await {
                echo.send_to(&data, sender).await?;
                served += 1;
            }
            Ok::<_, Failure>(served)
        });
        let mut buffer = [0; 16];
        peer.set_nonblocking(true).unwrap();
        for text in ["one", "three"] {
            peer.send_to(text.as_bytes(), address).unwrap();
            let mut got = None;
            turn_until(&reactor, || {
                got = peer.recv(&mut buffer).ok();
                got.is_some()
            });
            assert_eq!(&buffer[..got.unwrap()], text.as_bytes());
        }
        socket.close().detach();
        assert_eq!(wait_for(&reactor, served).unwrap(), 2);
    });
}

/// What nobody wants yet is taken in advance only so far; the system keeps the rest.
#[test]
fn w7_what_nobody_receives_does_not_pile_up() {
    within(DEADLINE, || {
        let (reactor, peer) = (Reactor::new().unwrap(), plain());
        let socket = opened(&reactor);
        for number in 0..100 {
            peer.send_to(format!("{number}").as_bytes(), socket.address()).unwrap();
        }
        turn_until(&reactor, || socket.transport().is_paused());
        assert!(format!("{socket:?}").contains("arrived: 64"), "{socket:?}");
        for number in 0..100 {
            let received = wait_for(&reactor, socket.recv_from()).unwrap();
            assert_eq!(text(received), format!("{number}"));
        }
        assert!(!socket.transport().is_paused());
    });
}

#[test]
fn i2_who_waits_when_the_port_is_closed_is_told_why() {
    within(DEADLINE, || {
        let (reactor, peer) = (Reactor::new().unwrap(), plain());
        let socket = opened(&reactor);
        peer.send_to(b"in time", socket.address()).unwrap();
        assert_eq!(text(wait_for(&reactor, socket.recv_from()).unwrap()), "in time");
        let waiting = no_result(socket.recv_from());
        socket.close().detach();
        let reason: StopReason = wait_for(&reactor, waiting).unwrap_err().downcast().unwrap();
        assert!(matches!(reason, StopReason::Closed));
        let reason: StopReason = failure_as(socket.recv_from());
        assert!(matches!(reason, StopReason::Closed));
        let error: SendError = failure_as(socket.send(b"late"));
        assert!(matches!(error.kind(), SendErrorKind::Closed));

        let (dropped, stopping) = (opened(&reactor), opened(&reactor));
        let (waiting, left) = (dropped.recv_from(), stopping.recv_from());
        drop(dropped);
        reactor.call_soon(Reactor::stop);
        reactor.run().unwrap();
        let reason: StopReason = failure_as(waiting);
        assert!(matches!(reason, StopReason::Closed));
        let reason: StopReason = failure_as(left);
        assert!(matches!(reason, StopReason::ReactorStopped));
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_connected_socket_hears_that_it_is_refused() {
    within(DEADLINE, || {
        let (reactor, peer) = (Reactor::new().unwrap(), plain());
        let socket = opened(&reactor);
        socket.connect(peer.local_addr().unwrap()).unwrap();
        success_of(socket.send(b"hello"));
        let mut buffer = [0; 16];
        assert_eq!(peer.recv(&mut buffer).unwrap(), 5);
        drop(peer);
        success_of(socket.send(b"anybody?"));
        let failure = wait_for(&reactor, socket.recv_from()).unwrap_err();
        let error: &std::io::Error = failure.downcast_ref().unwrap();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_connected_socket_receives_what_its_peer_sends_only() {
    within(DEADLINE, || {
        let (reactor, peer, stranger) = (Reactor::new().unwrap(), plain(), plain());
        let socket = opened(&reactor);
        for _ in 0..100 {
            stranger.send_to(b"before", socket.address()).unwrap();
        }
        turn_until(&reactor, || socket.transport().is_paused());
        socket.connect(peer.local_addr().unwrap()).unwrap();
        peer.send_to(b"ours", socket.address()).unwrap();
        assert_eq!(text(wait_for(&reactor, socket.recv_from()).unwrap()), "ours");
    });
}

/// A callback that receives the next one, again and again, while datagrams keep coming.
#[test]
fn i7_i10_who_receives_without_end_starves_nobody() {
    within(DEADLINE, || {
        fn next(socket: &Rc<UdpSocket>, seen: &Rc<Cell<u32>>) {
            let (again, count) = (Rc::clone(socket), Rc::clone(seen));
            socket
                .recv_from()
                .map(move |(data, _)| {
                    count.set(count.get() + 1);
                    again.transport().send_to(&data, again.address()).unwrap();
                    next(&again, &count);
                })
                .on_failure(|_| ());
        }
        let reactor = Reactor::new().unwrap();
        let (socket, seen) = (Rc::new(opened(&reactor)), Rc::new(Cell::new(0)));
        next(&socket, &seen);
        for _ in 0..10 {
            socket.transport().send_to(b"round and round", socket.address()).unwrap();
        }
        turn_until(&reactor, || seen.get() > 1000);
        let fired = Rc::new(Cell::new(false));
        let timer = Rc::clone(&fired);
        reactor.call_later(std::time::Duration::from_millis(1), move |_| timer.set(true));
        turn_until(&reactor, || fired.get());
    });
}

/// Linux says "no buffer space", of a datagram that it will never have room for: who waited for room
/// would ask again for ever. Where the system takes it nevertheless there is nothing to wait for either.
#[test]
fn i2_a_datagram_that_is_larger_than_the_buffer_of_the_system_is_not_tried_for_ever() {
    within(DEADLINE, || {
        let (reactor, peer) = (Reactor::new().unwrap(), plain());
        let options = DatagramOptions::new().send_buffer(4096);
        let socket = reactor.udp_socket_with("127.0.0.1:0", options).unwrap();
        for length in [5_000, 10_000, 60_000] {
            let sent =
                wait_for(&reactor, socket.send_to(&vec![7; length], peer.local_addr().unwrap()));
            if let Err(failure) = sent {
                let error: SendError = failure.downcast().unwrap();
                assert!(matches!(error.kind(), SendErrorKind::TooLong), "{error}");
            }
        }
        let sent = socket.send_to(b"a", peer.local_addr().unwrap());
        wait_for(&reactor, sent).unwrap();
    });
}

#[test]
fn a_socket_that_was_opened_elsewhere_is_taken_over_or_comes_back() {
    within(DEADLINE, || {
        let (reactor, peer) = (Reactor::new().unwrap(), plain());
        let theirs = plain();
        let address = theirs.local_addr().unwrap();
        let socket = reactor.udp_socket_on(theirs).unwrap();
        assert_eq!(socket.address(), address);
        peer.send_to(b"hello", address).unwrap();
        assert_eq!(text(wait_for(&reactor, socket.recv_from()).unwrap()), "hello");

        // In the middle of a shutdown nothing is opened.
        let seen = Rc::new(Cell::new(None));
        let found = Rc::clone(&seen);
        reactor.add_system_event_trigger(Phase::During, SystemEvent::Shutdown, move |reactor| {
            let theirs = plain();
            let address = theirs.local_addr().unwrap();
            let refused = reactor.udp_socket_on(theirs).unwrap_err().into_inner();
            found.set(Some(refused.local_addr().unwrap() == address));
        });
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(seen.get(), Some(true));
    });
}
