//! Connections that begin in plain and are encrypted later.

use super::certificates::{client, server};
use super::peer;
use crate::fixture::{Probe, Slot, has, own_address, pair, result_of, thread, turn_until};
use ropewalk_net::tls::{TlsError, TlsErrorKind, TlsServer};
use ropewalk_net::{
    LineProtocol, LineReceiver, Protocol, ReactorNet as _, ReactorTls as _, Transport,
};
use ropewalk_reactor::{ManualClock, Reactor};
use ropewalk_testing::{
    DEADLINE, Ending, EventLog, MemoryTransport, failure_as, no_result, within,
};
use std::cell::RefCell;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::rc::Rc;
use std::time::Duration;

/// Lets a client in after the word STARTTLS, and logs and repeats all lines.
struct Mail {
    log: EventLog,
    tls: TlsServer,
}

impl LineProtocol for Mail {
    fn line_received(&mut self, transport: &Transport, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        self.log
            .add(format!("{line}, {}", if transport.tls().is_some() { "safe" } else { "open" }));
        if line == "STARTTLS" {
            transport.write(b"go ahead\n");
            transport.start_tls_server(&self.tls).add_errback(|_| ()).detach();
        } else {
            transport.write(format!("{line}\n").as_bytes());
        }
    }

    fn handshake_completed(&mut self, _: &Transport) {
        self.log.add("secured");
    }

    fn connection_lost(&mut self, _: &Transport, reason: &ropewalk_net::ConnectionLost) {
        self.log.add(match TlsError::of(reason) {
            Some(error) => format!("lost: {:?}", error.kind()),
            None => "lost".to_owned(),
        });
    }
}

fn read_line(peer: &mut TcpStream) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while byte != *b"\n" {
        peer.read_exact(&mut byte).unwrap();
        line.extend(byte);
    }
    String::from_utf8(line).unwrap()
}

/// A plain connection to a mail server.
fn mail(reactor: &Reactor, log: &EventLog) -> (TcpStream, ropewalk_net::ListeningPort) {
    let log = log.clone();
    let port = reactor
        .listen_tcp(own_address(), move |_| {
            LineReceiver::new(Mail { log: log.clone(), tls: server() })
        })
        .unwrap();
    (TcpStream::connect(port.address()).unwrap(), port)
}

#[test]
fn a_line_protocol_goes_on_encrypted() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let (mut peer, _port) = mail(&reactor, &log);
        let client = thread(move || {
            peer.write_all(b"HELO\nSTARTTLS\n").unwrap();
            assert_eq!((&*read_line(&mut peer), &*read_line(&mut peer)), ("HELO\n", "go ahead\n"));
            let mut peer = peer::over(peer);
            peer.write_all(b"MAIL\n").unwrap();
            let mut answer = [0; 5];
            peer.read_exact(&mut answer).unwrap();
            peer.conn.send_close_notify();
            peer.flush().unwrap();
            answer
        });
        turn_until(&reactor, || has(&log, "lost"));
        assert_eq!(&client.join().unwrap(), b"MAIL\n");
        assert_eq!(log.take(), ["HELO, open", "STARTTLS, open", "secured", "MAIL, safe", "lost"]);
    });
}

/// Somebody in the middle adds a line behind the one that asks for encryption.
#[test]
fn a_line_that_was_smuggled_in_before_the_handshake_is_not_obeyed() {
    for smuggled in ["RCPT\n", "RC", "RCPT\nDATA\n"] {
        within(DEADLINE, || {
            let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
            let (mut peer, _port) = mail(&reactor, &log);
            peer.write_all(format!("STARTTLS\n{smuggled}").as_bytes()).unwrap();
            assert_eq!(
                {
                    turn_until(&reactor, || !log.is_empty());
                    read_line(&mut peer)
                },
                "go ahead\n"
            );
            // The client goes on as if nothing had happened.
            peer.write_all(&[22, 3, 1, 0, 4, 1, 0, 0, 0]).unwrap();
            turn_until(&reactor, || log.len() == 2);
            assert_eq!(log.take(), ["STARTTLS, open", "lost: NotTls"]);
        });
    }
}

/// Pauses after each line.
struct Slow {
    log: EventLog,
    transport: Rc<RefCell<Option<Transport>>>,
}

impl LineProtocol for Slow {
    fn connection_made(&mut self, transport: &Transport) {
        self.transport.replace(Some(transport.clone()));
    }

    fn line_received(&mut self, transport: &Transport, line: &[u8]) {
        self.log.add(String::from_utf8_lossy(line));
        transport.pause_producing();
    }
}

/// As above, but the line waits because reading was paused.
#[test]
fn a_line_that_waits_since_before_the_handshake_is_not_obeyed() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let (slot, seen) = (Rc::<RefCell<Option<Transport>>>::default(), log.clone());
        let kept = Rc::clone(&slot);
        let port = reactor
            .listen_tcp(own_address(), move |_| {
                LineReceiver::new(Slow { log: seen.clone(), transport: Rc::clone(&slot) })
            })
            .unwrap();
        let mut peer = TcpStream::connect(port.address()).unwrap();
        peer.write_all(b"one\ntwo\nthr").unwrap();
        turn_until(&reactor, || !log.is_empty());
        let transport = kept.borrow().clone().unwrap();
        let secured = transport.start_tls_server(server());
        let client = thread(move || {
            let mut peer = peer::over(peer);
            peer.write_all(b"four\n").unwrap();
            peer
        });
        // The handshake goes on, also while nothing is read.
        result_of(&reactor, secured).unwrap();
        transport.resume_producing();
        turn_until(&reactor, || log.len() == 2);
        assert_eq!(log.take(), ["one", "four"]);
        drop(client.join().unwrap());
    });
}

/// Both ends are ours; the client asks for it in the middle, with much on its way.
#[test]
fn what_was_written_before_goes_out_first_and_in_plain() {
    const MUCH: usize = 16 * 1024 * 1024;
    within(DEADLINE, || {
        let (reactor, log, seen) = (Reactor::new().unwrap(), EventLog::new(), EventLog::new());
        let (mut received, mut encrypted, counted) = (0, 0, log.clone());
        let probe = Probe::new(&seen).data(move |transport, data| {
            if transport.tls().is_some() {
                encrypted += data.len();
                if encrypted == MUCH {
                    counted.add("everything encrypted");
                }
                return;
            }
            // The client does not wait for an answer: its handshake may begin in the same piece.
            let (plain, rest) = data.split_at(data.len().min(MUCH - received));
            assert!(plain.iter().all(|byte| *byte == b'p'));
            received += plain.len();
            if received == MUCH {
                counted.add("everything plain");
                transport.start_tls_server_after(server(), rest).detach();
            }
        });
        let mut probe = Some(probe);
        let port = reactor.listen_tcp(own_address(), move |_| probe.take().unwrap()).unwrap();
        let address = port.address();
        let (host, number) = (address.ip().to_string(), address.port());
        let connected = reactor.connect_tcp(&host, number, Probe::new(&EventLog::new()));
        let transport = result_of(&reactor, connected).unwrap();
        transport.write(&vec![b'p'; MUCH]);
        assert!(transport.buffered() > 0);
        let secured = transport.start_tls_client(client(), "localhost");
        transport.write(&vec![b'e'; MUCH]);
        let all = MUCH..=2 * MUCH + 1_000;
        assert!(all.contains(&transport.buffered()), "{}", transport.buffered());
        let flushed = transport.flushed();
        result_of(&reactor, secured).unwrap();
        result_of(&reactor, flushed).unwrap();
        turn_until(&reactor, || has(&log, "everything encrypted"));
        assert_eq!(log.take(), ["everything plain", "everything encrypted"]);
        assert_eq!(transport.tls().unwrap().server_name(), Some("localhost"));
    });
}

/// The protocol decides by the first bytes, and the handshake begins with them.
#[test]
fn what_has_come_already_is_the_beginning_of_the_handshake() {
    struct Either(EventLog);
    impl Protocol for Either {
        fn data_received(&mut self, transport: &Transport, data: &[u8]) {
            if data[0] == 22 && transport.tls().is_none() {
                transport.start_tls_server_after(server(), data).detach();
            } else {
                self.0.add(String::from_utf8_lossy(data));
                transport.write(data);
            }
        }
    }
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let seen = log.clone();
        let port = reactor.listen_tcp(own_address(), move |_| Either(seen.clone())).unwrap();
        let address = port.address();
        let client = thread(move || {
            let mut peer = peer::connect(address);
            peer.write_all(b"encrypted").unwrap();
            peer.read_exact(&mut [0; 9]).unwrap();
            let mut peer = TcpStream::connect(address).unwrap();
            peer.write_all(b"plain").unwrap();
            peer.read_exact(&mut [0; 5]).unwrap();
        });
        turn_until(&reactor, || client.is_finished());
        client.join().unwrap();
        assert_eq!(log.take(), ["encrypted", "plain"]);
    });
}

#[test]
fn once_is_enough() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = pair(&reactor, Probe::new(&log));
        let first = pair.transport.start_tls_server(server());
        let error: TlsError = failure_as(pair.transport.start_tls_server(server()));
        assert!(matches!(error.kind(), TlsErrorKind::AlreadyTls), "{error}");
        let text = error.to_string();
        assert!(text.starts_with("no second TLS: the connection is encrypted already"), "{text}");
        let client = thread(move || {
            let mut peer = peer::over(pair.peer);
            peer.write_all(b"hello").unwrap();
            peer
        });
        result_of(&reactor, first).unwrap();
        let error: TlsError =
            failure_as(pair.transport.start_tls_client(super::certificates::client(), "x"));
        assert!(matches!(error.kind(), TlsErrorKind::AlreadyTls), "{error}");
        turn_until(&reactor, || has(&log, "data hello"));
        drop(client.join().unwrap());
    });
}

#[test]
fn a_connection_that_ends_or_has_no_socket_cannot_be_encrypted() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = pair(&reactor, Probe::new(&log));
        pair.transport.lose_connection();
        for _ in 0..2 {
            let error: TlsError = failure_as(pair.transport.start_tls_server(server()));
            assert!(matches!(error.kind(), TlsErrorKind::Ended(_)), "{error}");
            turn_until(&reactor, || has(&log, "lost done"));
        }
        let memory = MemoryTransport::connect(Probe::new(&log));
        let error: TlsError = failure_as(memory.transport().start_tls_server(server()));
        assert!(matches!(error.kind(), TlsErrorKind::Unsupported), "{error}");
        memory.transport().write(b"secret");
        memory.turn();
        assert_eq!((&*memory.take_received(), memory.ending()), (&[][..], Some(Ending::Broken)));
    });
}

/// As the first time.
#[test]
fn who_asks_again_after_a_handshake_that_failed_is_told_why_it_did() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let mut pair = pair(&reactor, Probe::new(&log));
        let first = pair.transport.start_tls_server(server());
        pair.peer.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        let first = result_of(&reactor, first).unwrap_err().downcast::<TlsError>().unwrap();
        let second: TlsError = failure_as(pair.transport.start_tls_server(server()));
        assert!(matches!(second.kind(), TlsErrorKind::NotTls), "{second}");
        assert_eq!(second.to_string(), first.to_string());
    });
}

#[test]
fn a_peer_that_does_not_answer_is_not_waited_for_for_ever() {
    within(DEADLINE, || {
        let (clock, log) = (ManualClock::new(), EventLog::new());
        let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
        let pair = pair(&reactor, Probe::new(&log));
        let client = client().handshake_timeout(Duration::from_secs(2));
        let secured = pair.transport.start_tls_client(client, "localhost");
        clock.advance(Duration::from_millis(1_999));
        crate::fixture::turn_a_little(&reactor);
        let secured = no_result(secured);
        clock.advance(Duration::from_millis(1));
        let error = result_of(&reactor, secured).unwrap_err().downcast::<TlsError>().unwrap();
        assert!(error.is_timed_out(), "{error}");
        assert_eq!(log.take(), ["made", "lost broken"]);
        assert_eq!(reactor.stats().pending_timers, 0);
    });
}

#[test]
fn cancelling_ends_the_connection() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = pair(&reactor, Probe::new(&log));
        let secured = pair.transport.start_tls_server(server());
        secured.cancel();
        let _: ropewalk_deferred::Cancelled = failure_as(secured);
        turn_until(&reactor, || has(&log, "lost aborted"));
        assert_eq!(reactor.stats().pending_timers, 0);
    });
}

/// The handshake of a connection that was asked to end goes on, for the sake of what was written.
#[test]
fn what_was_written_is_sent_before_the_end() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let port = reactor
            .listen_tls(own_address(), server(), {
                let log = log.clone();
                move |_| Probe::new(&log)
            })
            .unwrap();
        let address = port.address();
        let (host, number) = (address.ip().to_string(), address.port());
        let connected = reactor.connect_tcp(&host, number, Probe::new(&EventLog::new()));
        let transport = result_of(&reactor, connected).unwrap();
        let secured = transport.start_tls_client(client(), "localhost");
        transport.write(b"goodbye");
        transport.lose_connection();
        assert!(!transport.is_connected());
        result_of(&reactor, secured).unwrap();
        turn_until(&reactor, || has(&log, "lost done"));
        assert_eq!(log.take(), ["made", "secured", "data goodbye", "lost done"]);
    });
}

#[test]
fn the_result_of_a_handshake_can_be_asked_for_in_a_callback() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let noted = log.clone();
        let probe = Probe::new(&log).data(move |transport, _| {
            let noted = noted.clone();
            transport.write(b"ok");
            transport
                .start_tls_server(server())
                .add_callback(move |()| noted.add("fired"))
                .detach();
        });
        let slot: Slot = probe.slot();
        let mut probe = Some(probe);
        let port = reactor.listen_tcp(own_address(), move |_| probe.take().unwrap()).unwrap();
        let address = port.address();
        let (host, number) = (address.ip().to_string(), address.port());
        let asking = Probe::new(&EventLog::new()).made(|t| {
            t.write(b"please");
        });
        let asking = asking.data(|t, _| t.start_tls_client(client(), "localhost").detach());
        reactor.connect_tcp(&host, number, asking).detach();
        turn_until(&reactor, || has(&log, "fired"));
        assert_eq!(log.take(), ["made", "data please", "secured", "fired"]);
        assert!(slot.get().tls().is_some());
    });
}
