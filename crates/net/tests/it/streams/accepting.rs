//! Ports that accept when they are asked.

use super::{listener, run};
use crate::fixture::{own_address, turn_a_little};
use futures_lite::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _};
use ropewalk_net::{ListenErrorKind, ListenOptions, TcpListener};
use ropewalk_reactor::{Phase, Reactor, SystemEvent};
use ropewalk_testing::{DEADLINE, within};
use std::cell::Cell;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::rc::Rc;

#[test]
fn nobody_is_accepted_unasked() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let port = listener(&reactor);
        let peers: Vec<_> =
            (0..3).map(|_| TcpStream::connect(port.local_addr()).unwrap()).collect();
        turn_a_little(&reactor);
        let before = reactor.stats();
        turn_a_little(&reactor);
        let after = reactor.stats();
        assert_eq!((after.sources, after.events), (1, before.events), "and the loop rests");
        let port = Rc::new(port);
        for (number, peer) in peers.iter().enumerate() {
            let port = Rc::clone(&port);
            let (stream, address) = run(&reactor, async move { Ok(port.accept().await?) });
            assert_eq!(address, peer.local_addr().unwrap(), "in the order of their coming");
            assert_eq!(reactor.stats().sources, 2, "{number}");
            turn_a_little(&reactor);
            drop(stream);
        }
    });
}

#[test]
fn incoming_goes_on_with_each_that_comes() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let port = listener(&reactor);
        let mut peers: Vec<_> =
            (0..5).map(|_| TcpStream::connect(port.local_addr()).unwrap()).collect();
        run(&reactor, async move {
            let mut incoming = port.incoming().take(5);
            while let Some(mut stream) = incoming.next().await {
                stream.write_all(b"welcome").await?;
            }
            Ok(())
        });
        for peer in &mut peers {
            let mut text = String::new();
            peer.read_to_string(&mut text).unwrap();
            assert_eq!(text, "welcome");
        }
    });
}

#[test]
fn a_port_that_is_dropped_is_closed_and_its_connections_live() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let port = TcpListener::bind(&reactor, own_address()).unwrap();
        let address = port.local_addr();
        let mut peer = TcpStream::connect(address).unwrap();
        let mut stream = run(&reactor, async move { Ok(port.accept().await?.0) });
        assert!(TcpStream::connect(address).is_err());
        let again = TcpListener::bind(&reactor, address).unwrap();
        drop(again);
        peer.write_all(b"hello").unwrap();
        assert_eq!(run(&reactor, async move { Ok(stream.read(&mut [0; 9]).await?) }), 5);
    });
}

#[test]
fn a_port_that_cannot_be_opened_says_why() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let port = listener(&reactor);
        assert!(TcpListener::bind(&reactor, port.local_addr()).unwrap_err().is_in_use());
        let none = TcpListener::bind(&reactor, "nowhere").unwrap_err();
        assert!(matches!(none.kind(), ListenErrorKind::Address));
        let (refused, address) = (Rc::new(Cell::new(false)), port.local_addr());
        let seen = Rc::clone(&refused);
        reactor.add_system_event_trigger(Phase::During, SystemEvent::Shutdown, move |reactor| {
            let refused = TcpListener::bind(reactor, address).unwrap_err();
            seen.set(matches!(refused.kind(), ListenErrorKind::Stopping));
        });
        reactor.stop();
        reactor.run().unwrap();
        assert!(refused.get());
    });
}

#[test]
fn a_socket_of_others_and_options_are_taken() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let socket = std::net::TcpListener::bind(own_address()).unwrap();
        let address = socket.local_addr().unwrap();
        let adopted = TcpListener::from_std(&reactor, socket).unwrap();
        assert_eq!(adopted.local_addr(), address);
        let options = ListenOptions::new().max_connections(1);
        let one = Rc::new(TcpListener::bind_with(&reactor, own_address(), options).unwrap());
        let _peers = [(); 2].map(|()| TcpStream::connect(one.local_addr()).unwrap());
        let (first, second) = (Rc::clone(&one), Rc::clone(&one));
        let (stream, _) = run(&reactor, async move { Ok(first.accept().await?) });
        use ropewalk_task::ReactorTask as _;
        let accepting = reactor.spawn(async move { Ok(second.accept().await?.1) });
        turn_a_little(&reactor);
        assert_eq!(reactor.stats().sources, 3, "two ports and one connection");
        drop(stream);
        crate::fixture::result_of(&reactor, accepting).unwrap();
    });
}
