//! UDP: what comes in and what goes out. Its ends are in `datagram_ends`.

use crate::fixture::{has, skipped, turn_a_little, turn_until};
use ropewalk_net::{
    DatagramOptions, DatagramPort, DatagramProtocol, DatagramTransport, ReactorUdp as _,
    SendErrorKind, StopReason,
};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, success_of, within};
use std::cell::Cell;
use std::net::{SocketAddr, UdpSocket};
use std::rc::Rc;
use std::time::Duration;

type OnData = Box<dyn FnMut(&DatagramTransport, &[u8], SocketAddr)>;

/// A protocol that logs what it is told, and then does what the test wants.
pub(crate) struct Listener {
    log: EventLog,
    data: OnData,
    pub(crate) start: Box<dyn FnMut(&DatagramTransport)>,
    pub(crate) stop: Box<dyn FnMut(&DatagramTransport)>,
}

impl Listener {
    pub(crate) fn new(log: &EventLog) -> Self {
        Self {
            log: log.clone(),
            data: Box::new(|_, _, _| ()),
            start: Box::new(|_| ()),
            stop: Box::new(|_| ()),
        }
    }

    pub(crate) fn data(
        mut self,
        f: impl FnMut(&DatagramTransport, &[u8], SocketAddr) + 'static,
    ) -> Self {
        self.data = Box::new(f);
        self
    }
}

impl DatagramProtocol for Listener {
    fn start_protocol(&mut self, transport: &DatagramTransport) {
        self.log.add("started");
        (self.start)(transport);
    }

    fn datagram_received(&mut self, transport: &DatagramTransport, data: &[u8], peer: SocketAddr) {
        self.log.add(format!("data {}", String::from_utf8_lossy(data)));
        (self.data)(transport, data, peer);
    }

    fn connection_refused(&mut self, _: &DatagramTransport) {
        self.log.add("refused");
    }

    fn stop_protocol(&mut self, transport: &DatagramTransport, reason: &StopReason) {
        self.log.add(match reason {
            StopReason::Closed => "stopped: closed",
            StopReason::ReactorStopped => "stopped: reactor",
            StopReason::Panicked(_) => "stopped: panicked",
            _ => "stopped: otherwise",
        });
        (self.stop)(transport);
    }
}

/// A port that logs, and a plain socket beside it.
pub(crate) fn listen(reactor: &Reactor, listener: Listener) -> (DatagramPort, UdpSocket) {
    let port = reactor.listen_udp("127.0.0.1:0", listener).unwrap();
    (port, plain())
}

pub(crate) fn plain() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket
}

#[test]
fn datagrams_come_whole_with_their_sender() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let port = reactor
            .listen_udp("127.0.0.1:0", |port: &DatagramTransport, data: &[u8], peer| {
                port.send_to(data, peer).unwrap();
            })
            .unwrap();
        let peer = plain();
        let mut buffer = vec![0; 65_536];
        // The last one is as long as any can be over IPv4.
        for length in [5, 0, 1, 9000, 65_507] {
            let sent: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            peer.send_to(&sent, port.address()).unwrap();
            peer.set_nonblocking(true).unwrap();
            let mut got = None;
            turn_until(&reactor, || {
                got = peer.recv_from(&mut buffer).ok();
                got.is_some()
            });
            assert_eq!(got, Some((length, port.address())));
            assert_eq!(&buffer[..length], sent);
        }
    });
}

#[test]
fn a_port_hears_in_order_and_once_that_it_starts() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let (port, peer) = listen(&reactor, Listener::new(&log));
        assert_eq!(log.entries(), ["started"], "before `listen_udp` returns");
        for text in ["a", "b", "c"] {
            peer.send_to(text.as_bytes(), port.address()).unwrap();
        }
        turn_until(&reactor, || has(&log, "data c"));
        assert_eq!(log.take(), ["started", "data a", "data b", "data c"]);
    });
}

#[test]
fn start_protocol_may_send() {
    let (reactor, log, peer) = (Reactor::new().unwrap(), EventLog::new(), plain());
    let address = peer.local_addr().unwrap();
    let mut listener = Listener::new(&log);
    listener.start = Box::new(move |port| port.send_to(b"hello", address).unwrap());
    let port = reactor.listen_udp("127.0.0.1:0", listener).unwrap();
    let mut buffer = [0; 16];
    assert_eq!(peer.recv_from(&mut buffer).unwrap(), (5, port.address()));
}

#[test]
fn ipv6_has_ports_too() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let port = reactor.listen_udp("[::1]:0", Listener::new(&log));
        let port = match port {
            Ok(port) => port,
            Err(error) => return skipped(format_args!("this machine has no IPv6: {error}")),
        };
        let peer = UdpSocket::bind("[::1]:0").unwrap();
        peer.send_to(b"hello", port.address()).unwrap();
        turn_until(&reactor, || has(&log, "data hello"));
        let error = port.transport().send_to(b"x", ([127, 0, 0, 1], 9).into()).unwrap_err();
        assert!(matches!(error.kind(), SendErrorKind::OtherFamily), "{error}");
    });
}

#[test]
fn what_cannot_be_sent_is_a_typed_error_and_queues_nothing() {
    let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
    let (port, peer) = listen(&reactor, Listener::new(&log));
    let (transport, address) = (port.transport(), peer.local_addr().unwrap());

    let error = transport.send_to(&[0; 65_508], address).unwrap_err();
    assert!(matches!(error.kind(), SendErrorKind::TooLong), "{error}");
    assert_eq!(error.peer(), Some(address));
    let error = transport.send(b"to whom").unwrap_err();
    assert!(matches!(error.kind(), SendErrorKind::NotConnected), "{error}");
    assert_eq!(error.peer(), None);
    let error = transport.send_to(b"x", "[::1]:9".parse().unwrap()).unwrap_err();
    assert!(matches!(error.kind(), SendErrorKind::OtherFamily), "{error}");
    transport.connect(address).unwrap();
    let error = transport.send_to(b"x", port.address()).unwrap_err();
    assert!(matches!(error.kind(), SendErrorKind::ConnectedTo(to) if *to == address), "{error}");
    transport.send(b"sent").unwrap();
    transport.send_to(b"sent", address).unwrap();

    drop(port.stop_listening());
    let error = transport.send(b"late").unwrap_err();
    assert!(matches!(error.kind(), SendErrorKind::Closed), "{error}");
    assert!(transport.set_broadcast_allowed(true).is_err());
    let mut buffer = [0; 16];
    for _ in 0..2 {
        assert_eq!(peer.recv(&mut buffer).unwrap(), 4);
    }
    peer.set_nonblocking(true).unwrap();
    assert!(peer.recv(&mut buffer).is_err());
}

#[test]
fn a_connected_port_hears_its_peer_only() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let (port, peer) = listen(&reactor, Listener::new(&log));
        let stranger = plain();
        stranger.send_to(b"before", port.address()).unwrap();
        port.transport().connect(peer.local_addr().unwrap()).unwrap();
        assert_eq!(port.transport().peer(), Some(peer.local_addr().unwrap()));
        let _ = stranger.send_to(b"after", port.address());
        peer.send_to(b"ours", port.address()).unwrap();
        turn_until(&reactor, || has(&log, "data ours"));
        turn_a_little(&reactor);
        assert_eq!(log.take(), ["started", "data ours"]);
    });
}

/// That nobody listens is said by the system of the peer, which is this one; others may keep silent.
#[cfg(target_os = "linux")]
#[test]
fn a_connected_port_hears_that_it_is_refused_and_goes_on() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let (port, peer) = listen(&reactor, Listener::new(&log));
        let address = peer.local_addr().unwrap();
        drop(peer);
        port.transport().connect(address).unwrap();
        port.transport().send(b"anybody?").unwrap();
        turn_until(&reactor, || has(&log, "refused"));

        // Told by the system when the next one is sent, and that one is sent all the same.
        port.transport().send(b"anybody?").unwrap();
        let peer = UdpSocket::bind(address).unwrap();
        peer.set_read_timeout(Some(DEADLINE)).unwrap();
        port.transport().send(b"hello").unwrap();
        assert_eq!(log.take(), ["started", "refused"], "not from inside of `send`");
        let mut buffer = [0; 16];
        assert_eq!(peer.recv(&mut buffer).unwrap(), 5);
        turn_until(&reactor, || has(&log, "refused"));
        peer.send_to(b"hello", port.address()).unwrap();
        turn_until(&reactor, || has(&log, "data hello"));
    });
}

#[test]
fn a_broadcast_has_to_be_allowed() {
    let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
    let port = reactor.listen_udp("0.0.0.0:0", Listener::new(&log)).unwrap();
    let transport = port.transport();
    assert!(!transport.broadcast_allowed().unwrap());
    let everybody = SocketAddr::from(([127, 255, 255, 255], 9));
    match transport.send_to(b"hello", everybody) {
        Err(error) => {
            assert!(matches!(error.kind(), SendErrorKind::Io(_)), "{error}");
            assert!(error.to_string().contains("set_broadcast_allowed"), "{error}");
        }
        Ok(()) => skipped(format_args!("this system sends to {everybody} anyway")),
    }
    transport.set_broadcast_allowed(true).unwrap();
    assert!(transport.broadcast_allowed().unwrap());
    transport.send_to(b"hello", everybody).unwrap();
}

#[test]
fn i6_a_paused_port_rests_and_receives_later_what_the_system_has_kept() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let listener = Listener::new(&log).data(|port, _, _| port.pause_producing());
        let (port, peer) = listen(&reactor, listener);
        for text in ["a", "b"] {
            peer.send_to(text.as_bytes(), port.address()).unwrap();
        }
        turn_until(&reactor, || has(&log, "data a"));
        turn_a_little(&reactor);
        assert!(port.transport().is_paused() && !has(&log, "data b"));
        let events = reactor.stats().events;
        turn_a_little(&reactor);
        assert_eq!(reactor.stats().events, events, "the loop is not kept busy");
        port.transport().resume_producing();
        turn_until(&reactor, || has(&log, "data b"));
    });
}

#[test]
fn when_writable_fires_in_a_later_turn() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let (port, peer) = listen(&reactor, Listener::new(&log));
        let fired = Rc::new(Cell::new(false));
        let seen = Rc::clone(&fired);
        let writable = port.transport().when_writable().map(move |()| seen.set(true));
        assert!(!fired.get());
        turn_until(&reactor, || fired.get());
        success_of(writable);
        // And then there is only reading to wait for again.
        let events = reactor.stats().events;
        turn_a_little(&reactor);
        assert_eq!(reactor.stats().events, events);
        peer.send_to(b"a", port.address()).unwrap();
        turn_until(&reactor, || has(&log, "data a"));
    });
}

#[test]
fn several_sockets_may_share_a_port() {
    let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
    let options = DatagramOptions::new()
        .listen_multiple(true)
        .receive_buffer(1 << 16)
        .send_buffer(1 << 16)
        .only_v6(true);
    let first =
        reactor.listen_udp_with("127.0.0.1:0", options.clone(), Listener::new(&log)).unwrap();
    let second = reactor.listen_udp_with(first.address(), options, Listener::new(&log)).unwrap();
    assert_eq!(first.address(), second.address());
    let refused = reactor.listen_udp(first.address(), Listener::new(&log)).unwrap_err();
    assert!(refused.error().is_in_use(), "{refused}");
}

#[test]
fn i7_one_turn_receives_only_so_many() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let (port, peer) = listen(&reactor, Listener::new(&log));
        for _ in 0..100 {
            peer.send_to(b"x", port.address()).unwrap();
        }
        reactor.turn(Some(Duration::from_millis(20))).unwrap();
        assert!(log.len() <= 65, "{} with the start", log.len());
        turn_until(&reactor, || log.len() == 101);
    });
}

/// Every look at the clock finds the time over: one datagram in each turn.
#[test]
fn i7_slow_datagrams_leave_time_for_the_others_and_none_is_forgotten() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().time_budget(Duration::ZERO).build().unwrap();
        let log = EventLog::new();
        let (port, peer) = listen(&reactor, Listener::new(&log));
        for _ in 0..5 {
            peer.send_to(b"x", port.address()).unwrap();
        }
        while log.len() < 6 {
            let before = log.len();
            reactor.turn(None).unwrap();
            assert!(log.len() <= before + 1);
        }
    });
}
