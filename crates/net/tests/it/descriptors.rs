//! A process that has no descriptor left: what goes on, and what the errors say.
//!
//! Each test is in a process of its own, with few descriptors, so that no other test lacks them.

use crate::fixture::{Probe, has, result_of, turn_until};
use ropewalk_deferred::Failure;
use ropewalk_net::{
    ConnectError, DatagramProtocol, DatagramTransport, ListenErrorKind, ReactorNet as _,
    ReactorUdp as _, ReactorUnix as _, ResolveError, ResolveErrorKind,
};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, capture_tracing, within};
use std::env;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::thread::Builder;
use std::time::Duration;

const CHILD: &str = "ROPEWALK_DESCRIPTORS_CHILD";

/// Runs `body`, which belongs to the test with this name, in a process with few descriptors.
fn with_few_descriptors(test: &str, body: impl FnOnce()) {
    if env::var_os(CHILD).is_some() {
        return within(DEADLINE, body);
    }
    let mut child = Command::new("sh");
    child.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""]);
    let name = format!("descriptors::{test}");
    child.arg(env::current_exe().unwrap()).args(["--exact", &name, "--nocapture"]);
    let output = child.env(CHILD, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "{text}");
}

/// All the descriptors that there are.
fn the_rest() -> Vec<File> {
    let files: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    assert!(files.len() > 20);
    files
}

#[test]
fn without_descriptors_the_port_lives_and_those_who_wait_are_told() {
    with_few_descriptors("without_descriptors_the_port_lives_and_those_who_wait_are_told", || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let factory = {
            let log = log.clone();
            move |_| Probe::new(&log).echo()
        };
        let port = reactor.listen_tcp("127.0.0.1:0", factory).unwrap();
        let waiting = [(); 3].map(|()| TcpStream::connect(port.address()).unwrap());
        let files = the_rest();
        // The first one of them finds no descriptor, and a moment later they are all told.
        for mut peer in waiting {
            peer.set_nonblocking(true).unwrap();
            turn_until(&reactor, || match peer.read(&mut [0]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => false,
                answer => {
                    assert_eq!(answer.unwrap_err().kind(), ErrorKind::ConnectionReset);
                    true
                }
            });
        }
        assert_eq!(log.len(), 0);

        drop(files);
        let address = port.address();
        let client = move || {
            let mut peer = TcpStream::connect(address).unwrap();
            peer.write_all(b"hello").unwrap();
            let mut answer = [0; 5];
            peer.read_exact(&mut answer).unwrap();
            answer
        };
        let client = Builder::new().spawn(client).unwrap();
        turn_until(&reactor, || has(&log, "lost done"));
        assert_eq!(client.join().unwrap(), *b"hello");
    });
}

/// The system calls a name unknown that it could ask nobody for.
#[test]
fn w23_a_name_is_not_called_unknown_for_want_of_descriptors() {
    with_few_descriptors("w23_a_name_is_not_called_unknown_for_want_of_descriptors", || {
        let reactor = Reactor::new().unwrap();
        let files = the_rest();
        let failure = result_of(&reactor, reactor.resolve("256.256.256.256", 80)).unwrap_err();
        let error: ResolveError = failure.downcast().unwrap();
        let ResolveErrorKind::Io(system) = error.kind() else { panic!("{error:?}") };
        assert_eq!(system.raw_os_error(), Some(24), "EMFILE, on all systems: {system}");
        assert!(error.is_temporary() && !error.is_not_found());
        assert!(error.to_string().contains("raise its limit"), "{error}");

        drop(files);
        assert!(result_of(&reactor, reactor.resolve("localhost", 80)).is_ok());
    });
}

struct Quiet;

impl DatagramProtocol for Quiet {
    fn datagram_received(&mut self, _: &DatagramTransport, _: &[u8], _: SocketAddr) {}
}

#[test]
fn errors_for_want_of_descriptors_say_what_to_do() {
    with_few_descriptors("errors_for_want_of_descriptors_say_what_to_do", || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let probe = |log: &EventLog| {
            let log = log.clone();
            move || Probe::new(&log)
        };
        let files = the_rest();
        let (tcp, unix) = (probe(&log), probe(&log));
        let tcp = reactor.listen_tcp("127.0.0.1:0", move |_| tcp()).unwrap_err().into_error();
        let unix = reactor.listen_unix("no.sock", move |_| unix()).unwrap_err().into_error();
        let udp = reactor.listen_udp("127.0.0.1:0", Quiet).unwrap_err().into_error();
        for error in [tcp, unix, udp] {
            let text = error.to_string();
            assert!(matches!(error.kind(), ListenErrorKind::Io(_)), "{text}");
            assert!(text.contains("raise its limit"), "{text}");
            let whole = format!("{:#}", Failure::from(error));
            assert_eq!(whole.matches("os error").count(), 1, "as the system says it: {whole}");
        }
        let failure = result_of(&reactor, reactor.connect_tcp("127.0.0.1", 9, Probe::new(&log)));
        let error: ConnectError = failure.unwrap_err().downcast().unwrap();
        assert!(error.to_string().contains("raise its limit"), "{error}");
        drop(files);
    });
}

/// The descriptor in reserve may be lost to another thread. Here there is none from the beginning.
#[test]
fn a_port_without_a_descriptor_in_reserve_takes_one_when_it_can() {
    with_few_descriptors("a_port_without_a_descriptor_in_reserve_takes_one_when_it_can", || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let factory = {
            let log = log.clone();
            move |_| Probe::new(&log)
        };
        let mut files = the_rest();
        files.pop();
        let port = reactor.listen_tcp("127.0.0.1:0", factory).unwrap();
        assert!(File::open("/dev/null").is_err(), "none is left for the reserve");
        files.pop();
        let mut first = TcpStream::connect(port.address()).unwrap();
        let warnings = capture_tracing(|| {
            (0..5).for_each(|_| reactor.turn(Some(Duration::from_millis(2))).unwrap());
        });
        assert!(warnings.iter().any(|event| event.message.contains("cannot be accepted")));
        // One for the connection, and one for the reserve.
        files.truncate(files.len() - 2);
        turn_until(&reactor, || has(&log, "made"));
        assert!(File::open("/dev/null").is_err(), "the reserve has it");

        files.pop();
        let mut second = TcpStream::connect(port.address()).unwrap();
        second.set_nonblocking(true).unwrap();
        turn_until(&reactor, || {
            second.read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
        });
        first.write_all(b"hello").unwrap();
        turn_until(&reactor, || has(&log, "data hello"));
    });
}
