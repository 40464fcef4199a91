//! Another implementation at the other end: the program `socat`, where it is installed.

use crate::fixture::{Probe, has, own_address, result_of, thread, turn_until};
use crate::programs::{Running, line_with, program};
use crate::unix::Directory;
use ropewalk_net::{DatagramTransport, ReactorNet as _, ReactorUdp as _, ReactorUnix as _};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, within};
use std::io::{BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::process::ChildStderr;

/// It goes on for so long when one direction has ended, and tells when it listens.
fn socat(arguments: &[&str]) -> Option<Running> {
    program("socat", "-V", &[&["-d", "-d", "-t", "60"], arguments].concat())
}

/// Keeps what it gets until that is all, and then answers: the other half is to be open still.
fn answers_in_the_end(log: &EventLog) -> Probe {
    Probe::new(log).peer_done(|transport| {
        transport.write(b"that was all");
        transport.lose_connection();
    })
}

/// Says something, ends its half, and hears the answer until its end.
fn ask(mut socat: Running) -> (String, bool) {
    socat.0.stdin.take().unwrap().write_all(b"hello").unwrap();
    let mut answer = String::new();
    socat.0.stdout.take().unwrap().read_to_string(&mut answer).unwrap();
    (answer, socat.0.wait().unwrap().success())
}

fn serve(reactor: &Reactor, log: &EventLog, socat: Running) {
    let asking = thread(move || ask(socat));
    turn_until(reactor, || asking.is_finished() && has(log, "lost done"));
    assert_eq!(asking.join().unwrap(), ("that was all".to_owned(), true));
    assert_eq!(log.take(), ["made", "data hello", "peer done", "lost done"]);
}

#[test]
fn our_servers_and_the_clients_of_socat_talk_half_by_half() {
    within(DEADLINE, || {
        let (reactor, log, directory) =
            (Reactor::new().unwrap(), EventLog::new(), Directory::new());
        let seen = log.clone();
        let port = reactor.listen_tcp(own_address(), move |_| answers_in_the_end(&seen)).unwrap();
        let Some(client) = socat(&["-", &format!("TCP:{}", port.address())]) else { return };
        serve(&reactor, &log, client);

        let (seen, path) = (log.clone(), directory.path("a.sock"));
        let port = reactor.listen_unix(&path, move |_| answers_in_the_end(&seen));
        let Some(client) = socat(&["-", &format!("UNIX-CONNECT:{}", path.display())]) else {
            return;
        };
        serve(&reactor, &log, client);
        drop(port);
    });
}

fn says(log: &EventLog) -> Probe {
    Probe::new(log).made(|transport| {
        transport.write(b"hello");
        transport.lose_write_connection();
    })
}

fn talk(reactor: &Reactor, log: &EventLog) {
    turn_until(reactor, || has(log, "lost done"));
    assert_eq!(log.take(), ["made", "write done", "data hello", "lost done"]);
}

/// A server, and where it says that it listens.
struct Server {
    place: String,
    _socat: Running,
    _says: BufReader<ChildStderr>,
}

impl Server {
    fn new(listen: &str) -> Option<Self> {
        let mut socat = socat(&[listen, "PIPE"])?;
        let mut says = BufReader::new(socat.0.stderr.take().unwrap());
        let line = line_with("listening on", &mut says);
        let place = line.rsplit(' ').next().unwrap().to_owned();
        Some(Self { place, _socat: socat, _says: says })
    }

    fn address(&self) -> SocketAddr {
        self.place.parse().unwrap()
    }
}

#[test]
fn our_clients_and_the_servers_of_socat_talk_half_by_half() {
    within(DEADLINE, || {
        let (reactor, log, directory) =
            (Reactor::new().unwrap(), EventLog::new(), Directory::new());
        let Some(server) = Server::new("TCP-LISTEN:0,bind=127.0.0.1") else { return };
        let address = server.address();
        let host = address.ip().to_string();
        reactor.connect_tcp(&host, address.port(), says(&log)).detach();
        talk(&reactor, &log);

        let path = directory.path("a.sock");
        let listen = format!("UNIX-LISTEN:{}", path.display());
        let Some(_server) = Server::new(&listen) else { return };
        reactor.connect_unix(&path, says(&log)).detach();
        talk(&reactor, &log);
    });
}

#[test]
fn datagrams_go_both_ways() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let echo = |port: &DatagramTransport, data: &[u8], peer: SocketAddr| {
            port.send_to(data, peer).unwrap();
        };
        let port = reactor.listen_udp(own_address(), echo).unwrap();
        let Some(mut client) = socat(&["-", &format!("UDP:{}", port.address())]) else { return };
        let asking = thread(move || {
            client.0.stdin.as_mut().unwrap().write_all(b"hello\n").unwrap();
            line_with("hello", &mut BufReader::new(client.0.stdout.take().unwrap()))
        });
        turn_until(&reactor, || asking.is_finished());
        assert_eq!(asking.join().unwrap(), "hello");

        let Some(server) = Server::new("UDP-LISTEN:0,bind=127.0.0.1") else { return };
        let address = server.address();
        let socket = reactor.udp_socket("127.0.0.1:0").unwrap();
        socket.connect(address).unwrap();
        result_of(&reactor, socket.send(b"hello")).unwrap();
        let answer = result_of(&reactor, socket.recv_from()).unwrap();
        assert_eq!(answer, (b"hello".to_vec(), address));
    });
}
