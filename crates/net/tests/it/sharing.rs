//! Ports that several reactors share, and listeners that were opened elsewhere.
//!
//! Most reactors here are turned by hand, on one thread: so a test says which of them is first.

use crate::fixture::{Probe, count, own_address, thread, turn_a_little, turn_until};
use ropewalk_deferred::Failure;
use ropewalk_net::{
    Factory, ListenError, ListenErrorKind, ListenOptions, ListeningPort, ReactorNet,
};
use ropewalk_reactor::{Interest, Phase, Reactor, SystemEvent};
use ropewalk_testing::{DEADLINE, EventLog, capture_tracing, no_result, success_of, within};
use std::cell::RefCell;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::time::Duration;
use tracing::Level;

const ANY: &str = "127.0.0.1:0";

fn shared() -> ListenOptions {
    ListenOptions::new().reuse_port(true)
}

fn turn(reactor: &Reactor) {
    reactor.turn(Some(Duration::ZERO)).unwrap();
}

/// A reactor with a port, and what its connections log.
struct Server {
    log: EventLog,
    port: ListeningPort,
    reactor: Reactor,
}

impl Server {
    fn new(open: impl FnOnce(&Reactor, Probes) -> ListeningPort) -> Self {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let port = open(&reactor, Probes(log.clone()));
        Self { log, port, reactor }
    }

    fn on(listener: TcpListener) -> Self {
        Self::new(|reactor, probes| reactor.listen_on(listener, probes).unwrap())
    }

    fn sharing(address: SocketAddr) -> Self {
        Self::new(|reactor, probes| reactor.listen_tcp_with(address, shared(), probes).unwrap())
    }

    fn made(&self) -> usize {
        count(&self.log, "made")
    }

    fn turn_until_made(&self, connections: usize) {
        turn_until(&self.reactor, || self.made() == connections);
    }
}

/// A factory of probes that echo.
struct Probes(EventLog);

impl Factory for Probes {
    type Protocol = Probe;

    fn build_protocol(&mut self, _: &Reactor, _: SocketAddr) -> Option<Probe> {
        Some(Probe::new(&self.0).echo())
    }
}

/// The listener blocks, and would block the second look for a connection.
#[test]
fn a_listener_that_was_handed_over_is_served_as_any_port() {
    within(DEADLINE, || {
        let listener = TcpListener::bind(own_address()).unwrap();
        let address = listener.local_addr().unwrap();
        // It waits since before.
        let mut peer = TcpStream::connect(address).unwrap();
        let server = Server::on(listener);
        assert_eq!(server.port.address(), address);
        server.turn_until_made(1);
        peer.write_all(b"hello").unwrap();
        turn_until(&server.reactor, || count(&server.log, "data") == 1);
        let mut echoed = [0; 5];
        peer.read_exact(&mut echoed).unwrap();
        assert_eq!(&echoed, b"hello");
        let stopped = no_result(server.port.stop_listening());
        turn_a_little(&server.reactor);
        success_of(stopped);
        let refused = TcpStream::connect(address).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn reactors_with_clones_of_one_listener_share_its_connections() {
    within(DEADLINE, || {
        let listener = TcpListener::bind(own_address()).unwrap();
        let address = listener.local_addr().unwrap();
        let first = Server::on(listener.try_clone().unwrap());
        let second = Server::on(listener);
        let mut peers = Vec::new();
        for round in 1..=3 {
            for server in [&first, &second] {
                peers.push(TcpStream::connect(address).unwrap());
                server.turn_until_made(round);
            }
        }
        drop(first.port);
        turn_a_little(&first.reactor);
        peers.push(TcpStream::connect(address).unwrap());
        second.turn_until_made(4);
        assert_eq!(count(&first.log, "made"), 3, "its port alone is closed");
        drop(second.port);
        assert!(TcpStream::connect(address).is_err(), "that was the last");
    });
}

/// Both were woken for one connection, and this one comes too late.
#[test]
fn a_reactor_that_is_woken_for_nothing_goes_on() {
    within(DEADLINE, || {
        let listener = TcpListener::bind(ANY).unwrap();
        let address = listener.local_addr().unwrap();
        let first = Rc::new(Server::on(listener.try_clone().unwrap()));
        let late = Server::on(listener);

        // A source of the late one, ready before the port is: in its callback the other one takes
        // the connection, of which the late one has been told by then.
        let (source, mut other_end) = sockets();
        let takes = Rc::clone(&first);
        let callback = move |_: &Reactor, mut source: &TcpStream, _| {
            assert_eq!(source.read(&mut [0; 1]).unwrap(), 1);
            takes.turn_until_made(1);
        };
        let registration = late.reactor.register(source, Interest::READABLE, callback).unwrap();
        other_end.write_all(b"x").unwrap();
        let peer = TcpStream::connect(address).unwrap();
        let logged = capture_tracing(|| turn(&late.reactor));
        assert_eq!((first.made(), late.made()), (1, 0));
        assert_eq!(late.reactor.stats().events, 2, "the source and the port");
        assert!(logged.iter().all(|event| event.level > Level::WARN), "{logged:?}");

        // It does not rest from that.
        let another = TcpStream::connect(address).unwrap();
        turn(&late.reactor);
        assert_eq!(late.made(), 1);
        drop((registration, peer, another));
    });
}

fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(ANY).unwrap();
    let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (other, _) = listener.accept().unwrap();
    one.set_nonblocking(true).unwrap();
    (one, other)
}

/// The system chooses by the peer's port. So with each attempt one of the two gets nothing with a
/// chance of a half, and with all of them never.
#[cfg(target_os = "linux")]
#[test]
fn reactors_that_share_a_port_each_have_connections() {
    const ATTEMPTS: usize = 200;
    within(DEADLINE, || {
        let first = Server::sharing(own_address());
        let address = first.port.address();
        let second = Server::sharing(address);
        assert_eq!(second.port.address(), address);
        let mut peers = Vec::new();
        let mut attempt = || {
            peers.push(TcpStream::connect(address).unwrap());
            while first.made() + second.made() < peers.len() {
                turn(&first.reactor);
                turn(&second.reactor);
            }
            first.made() > 0 && second.made() > 0
        };
        assert!((0..ATTEMPTS).any(|_| attempt()));

        // The other one has all of them now.
        drop(first.port);
        let (before, all) = (count(&first.log, "made"), second.made() + 10);
        let more: Vec<_> = (0..10).map(|_| TcpStream::connect(address).unwrap()).collect();
        second.turn_until_made(all);
        turn_a_little(&first.reactor);
        assert_eq!(count(&first.log, "made"), before);
        drop((second.port, more));
        assert!(TcpStream::connect(address).is_err());
    });
}

#[cfg(target_os = "linux")]
#[test]
fn b210_a_port_is_shared_only_by_those_who_all_ask_for_it() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        for (one, other) in [(true, false), (false, true)] {
            let options = |share| ListenOptions::new().reuse_port(share).backlog(3);
            let probes = || Probes(EventLog::new());
            let port = reactor.listen_tcp_with(ANY, options(one), probes()).unwrap();
            let again = reactor.listen_tcp_with(port.address(), options(other), probes());
            let error = again.unwrap_err();
            assert!(error.error().is_in_use(), "{error}");
            let Probes(_) = error.into_inner();
        }
    });
}

/// The connection that this end has closed first would keep the port for a minute.
#[test]
fn a_port_can_be_opened_again_right_after_its_end() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let mut address = own_address();
        for _ in 0..5 {
            let log = EventLog::new();
            let logs = log.clone();
            let factory = move |_| Probe::new(&logs).made(|transport| transport.lose_connection());
            let options = ListenOptions::new().backlog(50);
            let port = reactor.listen_tcp_with(address, options, factory).unwrap();
            address = port.address();
            let mut peer = TcpStream::connect(address).unwrap();
            turn_until(&reactor, || count(&log, "lost") == 1);
            assert_eq!(peer.read(&mut [0; 1]).unwrap(), 0);
            drop(peer);
            let closed = log.clone();
            port.stop_listening().map(move |()| closed.add("closed")).detach();
            turn_until(&reactor, || count(&log, "closed") == 1);
        }
    });
}

/// Peers that do not wait: the system answers them while they try, or not at all.
#[cfg(target_os = "linux")]
#[test]
fn a_backlog_bounds_how_many_connections_wait() {
    use socket2::{Domain, Socket, Type};
    const PEERS: usize = 16;
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let connected = |options: ListenOptions| {
            let probes = Probes(EventLog::new());
            let port = reactor.listen_tcp_with(ANY, options, probes).unwrap();
            let connect = |_| {
                let peer = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
                peer.set_nonblocking(true).unwrap();
                assert!(peer.connect(&port.address().into()).is_err(), "in progress");
                peer
            };
            let peers: Vec<_> = (0..PEERS).map(connect).collect();
            peers.iter().filter(|peer| peer.peer_addr().is_ok()).count()
        };
        // Two would do, but the system may answer a few while it is busy.
        let few = connected(ListenOptions::new().backlog(1));
        assert!(few < PEERS / 2, "{few} of {PEERS}");
        while connected(ListenOptions::new().reuse_port(true)) < PEERS {}
    });
}

/// I2: nothing is lost of what was handed in.
#[test]
fn i2_a_listener_that_cannot_be_used_comes_back_with_the_factory() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let listener = TcpListener::bind(ANY).unwrap();
        let address = listener.local_addr().unwrap();
        let (log, refused) = (EventLog::new(), Rc::new(RefCell::new(None)));
        drop(reactor.listen_tcp(ANY, Probes(log.clone())));
        let (factory, keeps) = (Probes(log.clone()), Rc::clone(&refused));
        reactor.add_system_event_trigger(Phase::After, SystemEvent::Shutdown, move |reactor| {
            keeps.replace(reactor.listen_on(listener, factory).err());
        });
        reactor.stop();
        reactor.run().unwrap();
        let error = refused.take().unwrap();
        assert!(matches!(error.error().kind(), ListenErrorKind::Stopping));
        assert_eq!(error.error().address(), address.to_string());
        let (listener, factory) = error.into_inner();

        // Between two runs it is of use.
        let port = reactor.listen_on(listener, factory).unwrap();
        let peer = TcpStream::connect(address).unwrap();
        turn_until(&reactor, || count(&log, "made") == 1);
        drop((port, peer));
    });
}

#[cfg(unix)]
#[test]
fn what_is_no_socket_cannot_be_listened_on() {
    use std::os::fd::OwnedFd;
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let listen = || -> Result<ListeningPort, Failure> {
            let file = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
            let listener = TcpListener::from(OwnedFd::from(file));
            Ok(reactor.listen_on(listener, Probes(EventLog::new()))?)
        };
        let failure = listen().unwrap_err();
        let error = failure.downcast_ref::<ListenError>().unwrap();
        assert!(matches!(error.kind(), ListenErrorKind::Io(_)), "{error}");
    });
}

/// The system would refuse each connection of it, for ever.
#[cfg(target_os = "linux")]
#[test]
fn a_socket_that_does_not_listen_comes_back() {
    use socket2::{Domain, Socket, Type};
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&own_address().into()).unwrap();
        let listener = TcpListener::from(socket.try_clone().unwrap());
        let refused = reactor.listen_on(listener, Probes(EventLog::new())).err().unwrap();
        assert!(refused.to_string().contains("does not listen"), "{refused}");
        let (listener, factory) = refused.into_inner();
        socket.listen(5).unwrap();
        assert!(reactor.listen_on(listener, factory).is_ok());
    });
}

/// Three reactors in threads of their own, on one listener, and more peers than they are.
#[test]
fn i2_each_connection_to_clones_of_a_listener_has_one_server() {
    const SERVERS: usize = 3;
    const PEERS: usize = 8;
    const EACH: usize = 25;
    within(DEADLINE, || {
        let listener = TcpListener::bind(ANY).unwrap();
        let address = listener.local_addr().unwrap();
        let servers: Vec<_> = (0..SERVERS)
            .map(|_| {
                let listener = listener.try_clone().unwrap();
                let (started, begins) = channel();
                let server = thread(move || {
                    let Server { log, port, reactor } = Server::on(listener);
                    let handle = reactor.handle();
                    reactor.call_when_running(move |_| started.send(handle).unwrap());
                    let logged = capture_tracing(|| drop(reactor.run().unwrap()));
                    assert!(logged.iter().all(|event| event.level > Level::WARN), "{logged:?}");
                    drop(port);
                    count(&log, "made")
                });
                (begins.recv().unwrap(), server)
            })
            .collect();
        drop(listener);
        let peers = (0..PEERS).map(|_| {
            thread(move || {
                for number in 0..EACH {
                    let mut peer = TcpStream::connect(address).unwrap();
                    let (sent, mut echoed) = ([number as u8; 7], [0; 7]);
                    peer.write_all(&sent).unwrap();
                    peer.read_exact(&mut echoed).unwrap();
                    assert_eq!(sent, echoed);
                }
            })
        });
        peers.collect::<Vec<_>>().into_iter().for_each(|peer| peer.join().unwrap());
        let stop = servers.into_iter().map(|(handle, server)| {
            handle.stop();
            server.join().unwrap()
        });
        assert_eq!(stop.sum::<usize>(), PEERS * EACH);
    });
}
