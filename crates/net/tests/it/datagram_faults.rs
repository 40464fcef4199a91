//! UDP ports whose network has something to say, and sockets that are broken.

use crate::datagrams::Listener;
use crate::fixture::{has, own_address, skipped, turn_a_little, turn_until};
use ropewalk_net::ReactorUdp as _;
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, within};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;

/// The reports of routers on a datagram that was sent before: type, code, and how it is called.
const REPORTS: &[(u8, u8, &str)] = &[
    (3, 0, "no network"),
    (3, 1, "no host"),
    (3, 2, "no such protocol"),
    (3, 4, "too long"),
    (3, 5, "no such route"),
    (3, 7, "host unknown"),
    (3, 8, "host isolated"),
    (3, 13, "forbidden"),
    (12, 0, "a bad header"),
];

/// Forged: only who may have raw sockets can do it here, and elsewhere everybody.
struct Router(socket2::Socket);

impl Router {
    fn new() -> Option<Self> {
        use socket2::{Domain, Protocol, Socket, Type};
        match Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)) {
            Ok(socket) => Some(Self(socket)),
            Err(error) => {
                skipped(format_args!("reports of routers: no raw socket: {error}"));
                None
            }
        }
    }

    /// Reports on a datagram from `from` to `to`.
    fn report(&self, (kind, code): (u8, u8), from: SocketAddr, to: SocketAddr) {
        let (SocketAddr::V4(from), SocketAddr::V4(to)) = (from, to) else { unreachable!() };
        // The beginning of the datagram: the headers of IP and of UDP.
        let mut ip = [0x45, 0, 0, 40, 0, 1, 0, 0, 64, 17, 0, 0].to_vec();
        ip.extend(from.ip().octets());
        ip.extend(to.ip().octets());
        let sum = checksum(&ip);
        ip[10..12].copy_from_slice(&sum);
        let ports = [from.port().to_be_bytes(), to.port().to_be_bytes()].concat();
        // What may be sent at once is 1400 bytes.
        let mut report =
            [&[kind, code, 0, 0, 0, 0, 5, 120], &ip[..], &ports, &[0, 20, 0, 0]].concat();
        let sum = checksum(&report);
        report[2..4].copy_from_slice(&sum);
        self.0.send_to(&report, &SocketAddr::from((*from.ip(), 0)).into()).unwrap();
    }
}

fn checksum(bytes: &[u8]) -> [u8; 2] {
    let words = bytes.chunks(2).map(|two| u32::from(u16::from_be_bytes([two[0], two[1]])));
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    (!((folded & 0xffff) + (folded >> 16)) as u16).to_be_bytes()
}

#[test]
fn what_routers_say_of_earlier_datagrams_neither_ends_a_port_nor_stops_a_datagram() {
    within(DEADLINE, || {
        let Some(router) = Router::new() else { return };
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        for (kind, code, name) in REPORTS {
            let peer = UdpSocket::bind(own_address()).unwrap();
            peer.set_read_timeout(Some(DEADLINE)).unwrap();
            let port = reactor.listen_udp(own_address(), Listener::new(&log)).unwrap();
            let (host, to) = (port.address(), peer.local_addr().unwrap());
            port.transport().connect(to).unwrap();

            // The next to hear of it is a read …
            router.report((*kind, *code), host, to);
            turn_a_little(&reactor);
            peer.send_to(b"well", host).unwrap();
            turn_until(&reactor, || log.len() > 1);
            assert_eq!(log.take(), ["started", "data well"], "{name}");

            // … or a send.
            router.report((*kind, *code), host, to);
            let sent = port.transport().send(b"hello");
            assert!(sent.is_ok(), "{name}: {sent:?}");
            assert_eq!(peer.recv(&mut [0; 16]).unwrap(), 5);
            drop(port);
            turn_until(&reactor, || has(&log, "stopped: closed"));
            let _ = log.take();
        }
    });
}

/// One that cannot receive at all, and is ready to: a port that listens for connections.
#[test]
fn a_socket_that_has_only_errors_ends_its_port() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let listener = TcpListener::bind(own_address()).unwrap();
        let address = listener.local_addr().unwrap();
        let socket = UdpSocket::from(OwnedFd::from(listener));
        let port = reactor.listen_udp_on(socket, Listener::new(&log)).unwrap();
        let _peer = TcpStream::connect(address).unwrap();
        turn_until(&reactor, || has(&log, "stopped: otherwise"));
        assert!(!port.transport().is_open());
        assert_eq!(reactor.stats().sources, 0);
    });
}
