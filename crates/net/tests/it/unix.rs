//! Unix sockets: their files, their addresses, and connections over them.

use crate::fixture::{Probe, has, result_of, turn_a_little, turn_until};
use ropewalk_net::{
    ConnectError, ConnectErrorKind, ConnectOptions, ListenError, ListeningPort, ReactorUnix as _,
    UnixAddress, UnixListenOptions,
};
use ropewalk_reactor::{ManualClock, Reactor};
use ropewalk_testing::{DEADLINE, EventLog, failure_as, no_result, within};
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A directory of the test's own, removed in the end.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("ropewalk-unix-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn listen(reactor: &Reactor, path: &Path) -> ListeningPort<UnixAddress> {
    reactor.listen_unix(path, |_peer| Probe::new(&EventLog::new()).echo()).unwrap()
}

#[test]
fn b206_both_ends_talk_and_know_their_addresses() {
    within(DEADLINE, || {
        let (reactor, directory) = (Reactor::new().unwrap(), Directory::new());
        let (path, log) = (directory.path("a.sock"), EventLog::new());
        let server = Probe::new(&log).echo();
        let (served, mut server) = (server.slot(), Some(server));
        let port = reactor
            .listen_unix(&path, move |peer: UnixAddress| {
                assert!(peer.is_unnamed());
                server.take().unwrap()
            })
            .unwrap();
        assert_eq!(port.address().as_pathname(), Some(&*path));
        let client = EventLog::new();
        let probe = Probe::new(&client).made(|transport| {
            transport.write(b"hello");
        });
        let transport = result_of(&reactor, reactor.connect_unix(&path, probe)).unwrap();
        turn_until(&reactor, || has(&client, "data hello"));
        assert_eq!(transport.peer().unix_addr(), Some(&UnixAddress::from_path(&path)));
        assert!(transport.host().unix_addr().unwrap().is_unnamed());
        assert_eq!(transport.peer(), served.get().host());
        assert_eq!(transport.host(), served.get().peer());
        assert_eq!((transport.peer().ip(), transport.peer().port()), (None, None));
        transport.lose_connection();
        turn_until(&reactor, || has(&log, "lost done") && has(&client, "lost done"));
    });
}

#[test]
fn the_file_goes_with_the_port_with_the_run_and_with_the_reactor() {
    within(DEADLINE, || {
        let (reactor, directory) = (Reactor::new().unwrap(), Directory::new());
        let path = directory.path("a.sock");
        drop(listen(&reactor, &path));
        assert!(!path.exists());
        let stopped = listen(&reactor, &path).stop_listening();
        assert!(!path.exists());
        result_of(&reactor, stopped).unwrap();

        listen(&reactor, &path).detach();
        reactor.call_when_running(|reactor| reactor.stop());
        reactor.run().unwrap();
        assert!(!path.exists());

        let port = listen(&reactor, &path);
        drop(reactor);
        assert!(!path.exists());
        drop(port);
    });
}

#[test]
fn a_file_that_is_not_the_ports_any_more_stays() {
    let (reactor, directory) = (Reactor::new().unwrap(), Directory::new());
    let path = directory.path("a.sock");
    let port = listen(&reactor, &path);
    fs::remove_file(&path).unwrap();
    let other = UnixListener::bind(&path).unwrap();
    drop(port);
    assert!(path.exists());
    drop(other);
}

#[test]
fn a_file_left_behind_is_replaced_and_one_in_use_is_not() {
    let (reactor, directory) = (Reactor::new().unwrap(), Directory::new());
    let path = directory.path("a.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "what a program that was killed leaves");
    let port = listen(&reactor, &path);

    let refused = reactor.listen_unix(&path, |_| Probe::new(&EventLog::new())).unwrap_err();
    assert!(refused.error().is_in_use());
    assert!(refused.to_string().contains("a program listens there already"), "{refused}");
    UnixStream::connect(port.address().as_pathname().unwrap()).unwrap();

    let file = directory.path("text");
    fs::write(&file, "not a socket").unwrap();
    let refused = reactor.listen_unix(&file, refused.into_inner()).unwrap_err();
    assert!(refused.error().is_in_use());
    assert_eq!(fs::read(&file).unwrap(), b"not a socket");
}

#[test]
fn what_cannot_be_listened_on_is_a_typed_error() {
    let (reactor, directory) = (Reactor::new().unwrap(), Directory::new());
    let error = |path: PathBuf| -> String {
        let refused = reactor.listen_unix(path, |_| Probe::new(&EventLog::new())).unwrap_err();
        ListenError::from(refused).to_string()
    };
    let missing = error(directory.path("nowhere/a.sock"));
    assert!(missing.contains("its directory does not exist"), "{missing}");
    fs::write(directory.path("file"), "").unwrap();
    let inside = error(directory.path("file/a.sock"));
    assert!(inside.contains("its directory does not exist"), "{inside}");
    let long = error(directory.path(&"x".repeat(200)));
    assert!(long.contains("about 100 bytes"), "{long}");
}

/// A name of a file can have a line break, or what a terminal takes for a command.
#[test]
fn a_path_is_printed_without_control_characters() {
    let address = UnixAddress::from_path("a\n\u{1b}[2Jé\\.sock");
    assert_eq!(address.to_string(), r"a\n\u{1b}[2Jé\.sock");
    assert_eq!(format!("{:>10}", UnixAddress::from_path("a.sock")), "    a.sock");
    let (reactor, directory) = (Reactor::new().unwrap(), Directory::new());
    let path = directory.path("no\nwhere/a.sock");
    let refused = reactor.listen_unix(&path, |_| Probe::new(&EventLog::new())).unwrap_err();
    assert!(refused.to_string().contains(r"no\nwhere/a.sock"), "{refused}");
    let connected = reactor.connect_unix(&path, Probe::new(&EventLog::new()));
    let error: ConnectError = failure_as(connected);
    assert!(error.to_string().contains(r"no\nwhere/a.sock"), "{error}");
    assert!(!error.to_string().contains(char::is_control), "{error}");
}

#[test]
fn a_path_with_a_zero_is_not_cut_off_there() {
    within(DEADLINE, || {
        let (reactor, directory) = (Reactor::new().unwrap(), Directory::new());
        let server = UnixListener::bind(directory.path("a")).unwrap();
        for path in [directory.path("a\0b"), directory.path("c\0d"), PathBuf::from("\0abstract")] {
            let refused = reactor.listen_unix(&path, |_| Probe::new(&EventLog::new())).unwrap_err();
            assert!(refused.to_string().contains("zero bytes"), "{refused}");
            let connected = reactor.connect_unix(&path, Probe::new(&EventLog::new()));
            let error: ConnectError = failure_as(connected);
            assert_eq!(error.attempts()[0].error.kind(), io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains("check its path"), "{error}");
        }
        server.set_nonblocking(true).unwrap();
        assert_eq!(server.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert!(!directory.path("c").exists());
    });
}

#[test]
fn the_mode_is_set_before_anybody_can_connect() {
    let (reactor, directory) = (Reactor::new().unwrap(), Directory::new());
    let path = directory.path("a.sock");
    let options = UnixListenOptions::new().mode(0o600).backlog(5);
    let port = reactor.listen_unix_with(&path, options, |_| Probe::new(&EventLog::new())).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    drop(port);
}

#[test]
fn a_socket_of_somebody_elses_keeps_its_file() {
    within(DEADLINE, || {
        let (reactor, directory) = (Reactor::new().unwrap(), Directory::new());
        let (path, log) = (directory.path("a.sock"), EventLog::new());
        let socket = UnixListener::bind(&path).unwrap();
        let factory = {
            let log = log.clone();
            move |_| Probe::new(&log).echo()
        };
        let port = reactor.listen_unix_on(socket, factory).unwrap();
        let mut peer = UnixStream::connect(&path).unwrap();
        peer.write_all(b"hello").unwrap();
        turn_until(&reactor, || has(&log, "data hello"));
        drop(port);
        assert!(path.exists());
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_no_path_is_an_address_too() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let address = UnixAddress::from_abstract_name(format!("ropewalk-{}", std::process::id()));
        let port = reactor.listen_unix(&address, |_| Probe::new(&EventLog::new()).echo()).unwrap();
        assert_eq!(port.address(), address);
        assert!(address.to_string().starts_with("@ropewalk-"));
        let transport =
            result_of(&reactor, reactor.connect_unix(&address, Probe::new(&log))).unwrap();
        transport.write(b"hello");
        turn_until(&reactor, || has(&log, "data hello"));
    });
}

#[test]
fn b210_nobody_there_is_a_typed_error() {
    within(DEADLINE, || {
        let (reactor, directory) = (Reactor::new().unwrap(), Directory::new());
        let (missing, dead) = (directory.path("missing.sock"), directory.path("dead.sock"));
        drop(UnixListener::bind(&dead).unwrap());
        for (path, kind) in
            [(missing, io::ErrorKind::NotFound), (dead, io::ErrorKind::ConnectionRefused)]
        {
            let probe = Probe::new(&EventLog::new());
            let error: ConnectError = failure_as(reactor.connect_unix(&path, probe));
            assert!(matches!(error.kind(), ConnectErrorKind::Unreachable));
            assert_eq!(error.attempts()[0].error.kind(), kind);
            assert_eq!(error.unix_addr(), Some(&UnixAddress::from_path(&path)));
            assert_eq!((error.host(), error.port()), (None, None));
            assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
            assert!(error.to_string().contains("is this its path?"), "{error}");
        }
    });
}

/// Connections that fill the backlog of a socket nobody accepts from.
#[cfg(target_os = "linux")]
fn fill(path: &Path) -> Vec<socket2::Socket> {
    let mut waiting = Vec::new();
    loop {
        let socket =
            socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        if socket.connect(&socket2::SockAddr::unix(path).unwrap()).is_err() {
            return waiting;
        }
        waiting.push(socket);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_that_is_behind_is_waited_for_until_the_deadline() {
    within(DEADLINE, || {
        let clock = ManualClock::new();
        let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
        let (directory, log) = (Directory::new(), EventLog::new());
        let path = directory.path("a.sock");
        let server =
            socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
        server.bind(&socket2::SockAddr::unix(&path).unwrap()).unwrap();
        server.listen(0).unwrap();
        let waiting = fill(&path);
        let options = ConnectOptions::new().timeout(Duration::from_secs(3));
        let patient = reactor.connect_unix(&path, Probe::new(&log));
        let hasty = reactor.connect_unix_with(&path, options, Probe::new(&EventLog::new()));
        turn_a_little(&reactor);
        clock.advance(Duration::from_secs(3));
        turn_a_little(&reactor);
        assert!(failure_as::<ConnectError, _>(hasty).is_timed_out());
        let patient = no_result(patient);
        for _ in &waiting {
            server.accept().unwrap();
        }
        clock.advance(Duration::from_millis(10));
        result_of(&reactor, patient).unwrap();
        assert_eq!(log.take(), ["made"]);
    });
}

#[test]
fn b205_half_a_connection_may_end_first() {
    within(DEADLINE, || {
        let (reactor, directory) = (Reactor::new().unwrap(), Directory::new());
        let (path, log) = (directory.path("a.sock"), EventLog::new());
        let probe = Probe::new(&log).peer_done(|transport| {
            transport.write(b"the answer");
            transport.lose_connection();
        });
        let mut probe = Some(probe);
        let _port = reactor.listen_unix(&path, move |_| probe.take().unwrap()).unwrap();
        let mut peer = UnixStream::connect(&path).unwrap();
        peer.write_all(b"question").unwrap();
        peer.shutdown(std::net::Shutdown::Write).unwrap();
        turn_until(&reactor, || has(&log, "lost done"));
        let mut answer = String::new();
        peer.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "the answer");
    });
}
