//! Another implementation at the other end: the program `openssl`, where it is installed.

use super::certificates::{AUTHORITY, client, server, server_pem};
use crate::fixture::{Probe, has, own_address, thread, turn_until};
use crate::programs::{Running, line_with, program};
use ropewalk_net::ReactorTls as _;
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, within};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::{env, fs};

fn openssl(arguments: &[&str]) -> Option<Running> {
    program("openssl", "version", arguments)
}

/// A file that only lives as long as the test.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let name = format!("ropewalk-{}-{name}.pem", std::process::id());
        let path = env::temp_dir().join(name);
        fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn our_server_and_its_client(version: &str) {
    let roots = File::new(&format!("roots{version}"), &AUTHORITY.pem());
    let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
    let seen = log.clone();
    let port = reactor.listen_tls(own_address(), server().alpn(["http/1.1"]), move |_| {
        Probe::new(&seen).data(|transport, data| {
            assert_eq!(transport.tls().unwrap().alpn(), Some(&b"http/1.1"[..]));
            transport.write(b"you said ");
            transport.write(data);
        })
    });
    let port = port.unwrap();
    let address = port.address().to_string();
    let arguments = [
        "s_client",
        "-connect",
        &address,
        "-servername",
        "localhost",
        "-verify_return_error",
        "-CAfile",
        roots.path(),
        "-alpn",
        "http/1.1",
        "-quiet",
        "-no_ign_eof",
        version,
    ];
    let Some(mut program) = openssl(&arguments) else { return };
    let (mut input, output) = (program.0.stdin.take().unwrap(), program.0.stdout.take().unwrap());
    let talk = thread(move || {
        input.write_all(b"hello\n").unwrap();
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).unwrap();
        // The end of its input makes it say goodbye.
        drop(input);
        line
    });
    turn_until(&reactor, || talk.is_finished());
    assert_eq!(talk.join().unwrap(), "you said hello\n");
    turn_until(&reactor, || has(&log, "lost done"));
    assert_eq!(log.take(), ["made", "secured", "data hello\n", "lost done"]);
    assert!(program.0.wait().unwrap().success());
}

#[test]
fn our_server_and_the_client_of_openssl_talk() {
    for version in ["-tls1_2", "-tls1_3"] {
        within(DEADLINE, || our_server_and_its_client(version));
    }
}

fn our_client_and_its_server(version: &str) {
    let (certificate, key) = server_pem();
    let certificate = File::new(&format!("certificate{version}"), certificate);
    let key = File::new(&format!("key{version}"), key);
    let arguments = [
        "s_server",
        "-accept",
        "127.0.0.1:0",
        "-cert",
        certificate.path(),
        "-key",
        key.path(),
        "-rev",
        version,
    ];
    let Some(mut program) = openssl(&arguments) else { return };
    // It says where: "ACCEPT 127.0.0.1:12345".
    let mut output = BufReader::new(program.0.stdout.take().unwrap());
    let line = line_with("ACCEPT", &mut output);
    let port = line.rsplit(':').next().unwrap().parse().unwrap();
    let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
    let probe = Probe::new(&log).made(|transport| {
        transport.write(b"stressed\n");
    });
    let mut answer = Vec::new();
    let probe = probe.data(move |transport, data| {
        answer.extend_from_slice(data);
        if answer.ends_with(b"\n") {
            assert_eq!(answer, b"desserts\n");
            transport.lose_connection();
        }
    });
    reactor.connect_tls("127.0.0.1", port, client(), probe).detach();
    turn_until(&reactor, || has(&log, "lost done") || has(&log, "lost panicked"));
    assert!(has(&log, "secured") && has(&log, "lost done"), "{:?}", log.take());
}

#[test]
fn our_client_and_the_server_of_openssl_talk() {
    for version in ["-tls1_2", "-tls1_3"] {
        within(DEADLINE, || our_client_and_its_server(version));
    }
}
