//! Addresses that are listened on again at once, whatever is left of those who were there before.

use crate::fixture::{Probe, count, has, own_address, result_of, turn_until};
#[cfg(unix)]
use crate::unix::Directory;
#[cfg(unix)]
use ropewalk_net::ReactorUnix as _;
use ropewalk_net::{ListeningPort, ReactorNet as _};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, within};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;

fn listen(reactor: &Reactor, address: SocketAddr, log: &EventLog) -> ListeningPort {
    let log = log.clone();
    let probe = move |_| {
        Probe::new(&log).data(|transport, data| {
            transport.write(data);
            transport.lose_connection();
        })
    };
    reactor.listen_tcp(address, probe).unwrap()
}

/// This side closes first, and so the system remembers the connection here for a minute or so.
fn talk(reactor: &Reactor, address: SocketAddr, log: &EventLog) {
    drop(log.take());
    let mut peer = TcpStream::connect(address).unwrap();
    peer.write_all(b"x").unwrap();
    turn_until(reactor, || has(log, "lost done"));
    let mut all = Vec::new();
    assert_eq!(peer.read_to_end(&mut all).unwrap(), 1);
    drop(peer);
    turn_until(reactor, || reactor.stats().sources == 1);
}

/// Who does not ask for more than the address is refused.
#[cfg(target_os = "linux")]
fn assert_is_remembered(address: SocketAddr) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let error = socket.bind(&address.into()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}

#[test]
fn b210_a_port_whose_connections_have_just_ended_here_can_be_opened_again() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let port = listen(&reactor, own_address(), &log);
        let address = port.address();
        talk(&reactor, address, &log);
        result_of(&reactor, port.stop_listening()).unwrap();
        #[cfg(target_os = "linux")]
        assert_is_remembered(address);
        let again = listen(&reactor, address, &log);
        talk(&reactor, address, &log);

        // So can one that was dropped, and in another reactor.
        drop(again);
        let other = Reactor::new().unwrap();
        let third = listen(&other, address, &log);
        talk(&other, third.address(), &log);

        // And one that went with a run.
        third.detach();
        other.call_when_running(Reactor::stop);
        other.run().unwrap();
        let last = listen(&other, address, &log);
        talk(&other, last.address(), &log);
    });
}

#[cfg(unix)]
#[test]
fn a_path_whose_connections_live_on_can_be_listened_on_again() {
    within(DEADLINE, || {
        let (reactor, log, directory) =
            (Reactor::new().unwrap(), EventLog::new(), Directory::new());
        let path = directory.path("a.sock");
        let mut peers = Vec::new();
        for round in 1..=3 {
            let seen = log.clone();
            let port = reactor.listen_unix(&path, move |_| Probe::new(&seen).echo()).unwrap();
            peers.push(UnixStream::connect(&path).unwrap());
            turn_until(&reactor, || count(&log, "made") == round);
            let stopped = port.stop_listening();
            if round == 2 {
                result_of(&reactor, stopped).unwrap();
            }
        }
        for peer in &mut peers {
            peer.write_all(b"x").unwrap();
        }
        turn_until(&reactor, || count(&log, "data x") == 3);
        for mut peer in peers {
            peer.read_exact(&mut [0]).unwrap();
        }
        turn_until(&reactor, || count(&log, "lost done") == 3);
        assert_eq!(reactor.stats().sources, 0);
    });
}
