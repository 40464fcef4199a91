//! How an encrypted connection ends, on each side and in each state.

use super::certificates::{client, server};
use super::peer::{self, Peer};
use crate::fixture::{
    Probe, Slot, has, own_address, pair, result_of, thread, turn_a_little, turn_until,
};
use ropewalk_net::tls::TlsError;
use ropewalk_net::{ConnectionLost, ListeningPort, ReactorTls as _, Transport};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, within};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;

const MIB: usize = 1024 * 1024;

/// A port that takes one probe.
fn port_of(reactor: &Reactor, probe: Probe) -> (ListeningPort, Slot) {
    let (slot, mut probe) = (probe.slot(), Some(probe));
    let port = reactor.listen_tls(own_address(), server(), move |_| probe.take().unwrap());
    (port.unwrap(), slot)
}

/// A peer whose handshake is complete, in a thread, which then does `work`.
fn with_peer<T: Send + 'static>(
    port: &ListeningPort,
    work: impl FnOnce(Peer) -> T + Send + 'static,
) -> JoinHandle<T> {
    let address = port.address();
    thread(move || {
        let mut peer = peer::connect(address);
        peer.conn.complete_io(&mut peer.sock).unwrap();
        work(peer)
    })
}

#[test]
fn a_connection_that_ends_here_says_goodbye() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let probe = Probe::new(&log).made(|transport| {
            transport.write(b"that is all");
            transport.lose_connection();
        });
        let (port, _) = port_of(&reactor, probe);
        let peer = with_peer(&port, |mut peer| {
            let mut text = String::new();
            // Without the goodbye this would be an error.
            peer.read_to_string(&mut text).unwrap();
            text
        });
        turn_until(&reactor, || peer.is_finished() && has(&log, "lost done"));
        assert_eq!(peer.join().unwrap(), "that is all");
    });
}

/// What the peer says after that is still heard, and what it hears is complete.
#[test]
fn b205_one_half_can_end_by_itself() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let probe = Probe::new(&log).made(|transport| {
            transport.write(b"a question");
            transport.lose_write_connection();
        });
        let (port, _) = port_of(&reactor, probe);
        let peer = with_peer(&port, |mut peer| {
            let mut text = String::new();
            peer.read_to_string(&mut text).unwrap();
            peer.write_all(b"an answer").unwrap();
            peer.conn.send_close_notify();
            peer.flush().unwrap();
            text
        });
        turn_until(&reactor, || has(&log, "lost done"));
        assert_eq!(peer.join().unwrap(), "a question");
        let told = log.take();
        assert!(told.iter().any(|entry| entry == "data an answer"), "{told:?}");
    });
}

#[test]
fn b205_a_half_that_ends_in_the_handshake_waits_for_it() {
    within(DEADLINE, || {
        let (reactor, log, seen) = (Reactor::new().unwrap(), EventLog::new(), EventLog::new());
        let (port, _) = port_of(&reactor, Probe::new(&log));
        let address = port.address();
        let (host, number) = (address.ip().to_string(), address.port());
        let connected = {
            use ropewalk_net::ReactorNet as _;
            reactor.connect_tcp(&host, number, Probe::new(&seen))
        };
        let transport = result_of(&reactor, connected).unwrap();
        let secured = transport.start_tls_client(client(), "localhost");
        transport.lose_write_connection();
        result_of(&reactor, secured).unwrap();
        turn_until(&reactor, || has(&log, "lost done") && has(&seen, "lost done"));
    });
}

/// In TLS 1.3 the goodbye of one side does not end what the other one says.
#[test]
fn a_peer_that_says_goodbye_still_hears() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let probe = Probe::new(&log).peer_done(|transport| {
            transport.write(&vec![7; MIB]);
            transport.lose_connection();
        });
        let (port, _) = port_of(&reactor, probe);
        let peer = with_peer(&port, |mut peer| {
            peer.conn.send_close_notify();
            peer.flush().unwrap();
            peer.read_to_end(&mut Vec::new()).unwrap()
        });
        turn_until(&reactor, || peer.is_finished() && has(&log, "lost done"));
        assert_eq!(peer.join().unwrap(), MIB);
    });
}

/// Whoever can cut a connection must not be able to make a part look like the whole.
#[test]
fn an_end_without_a_goodbye_is_no_clean_end() {
    within(DEADLINE, || {
        let (reactor, log, kinds) = (Reactor::new().unwrap(), EventLog::new(), EventLog::new());
        let seen = kinds.clone();
        let probe = Probe::new(&log).lost(move |_, reason| match reason {
            ConnectionLost::Lost(error) => seen.add(format!("{:?}", error.kind())),
            other => seen.add(format!("{other:?}")),
        });
        let (port, _) = port_of(&reactor, probe);
        let peer = with_peer(&port, |mut peer| {
            peer.write_all(b"pay 10").unwrap();
            peer.sock.shutdown(Shutdown::Write).unwrap();
            let _ = peer.sock.read(&mut [0; 100]);
        });
        turn_until(&reactor, || has(&log, "lost broken"));
        peer.join().unwrap();
        assert_eq!(log.take(), ["made", "secured", "data pay 10", "lost broken"]);
        assert_eq!(kinds.take(), [format!("{:?}", ErrorKind::UnexpectedEof)]);
    });
}

#[test]
fn what_is_changed_on_its_way_ends_the_connection_and_is_not_heard() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let errors = EventLog::new();
        let seen = errors.clone();
        let probe = Probe::new(&log)
            .lost(move |_, reason| seen.add(TlsError::of(reason).unwrap().to_string()));
        let (port, _) = port_of(&reactor, probe);
        let peer = with_peer(&port, |mut peer| {
            // A record that nobody has encrypted.
            peer.sock.write_all(&[23, 3, 3, 0, 20]).unwrap();
            peer.sock.write_all(&[b'x'; 20]).unwrap();
            peer.read_to_end(&mut Vec::new()).unwrap_err().to_string()
        });
        turn_until(&reactor, || peer.is_finished() && has(&log, "lost broken"));
        let heard = peer.join().unwrap();
        assert!(heard.contains("BadRecordMac"), "{heard}");
        assert_eq!(log.take(), ["made", "secured", "lost broken"]);
        let error = &errors.take()[0];
        let text = "TLS broke off: something that cannot be understood came from the peer: ";
        assert!(error.starts_with(text), "{error}");
    });
}

/// A fault of the peer, whatever it comes behind, and none of the protocol's.
#[test]
fn i3_what_is_changed_behind_this_sides_goodbye_is_no_panic() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let probe = Probe::new(&log).made(|transport| transport.lose_write_connection());
        let (port, _) = port_of(&reactor, probe);
        let peer = with_peer(&port, |mut peer| {
            assert_eq!(peer.read(&mut [0; 9]).unwrap(), 0, "the goodbye");
            peer.sock.write_all(&[23, 3, 3, 0, 20]).unwrap();
            peer.sock.write_all(&[b'x'; 20]).unwrap();
            let _ = peer.sock.read(&mut [0; 100]);
        });
        turn_until(&reactor, || peer.is_finished() && log.entries().len() == 4);
        peer.join().unwrap();
        assert_eq!(log.take(), ["made", "secured", "write done", "lost broken"]);
    });
}

#[test]
fn an_abort_is_a_reset() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let probe = Probe::new(&log).data(|transport, _| {
            transport.write(&vec![7; 32 * MIB]);
            transport.abort_connection();
        });
        let (port, slot) = port_of(&reactor, probe);
        let peer = with_peer(&port, |mut peer| {
            peer.write_all(b"x").unwrap();
            peer.read_to_end(&mut Vec::new()).unwrap_err().kind()
        });
        turn_until(&reactor, || peer.is_finished() && has(&log, "lost aborted"));
        assert_eq!(peer.join().unwrap(), ErrorKind::ConnectionReset);
        assert_eq!(slot.get().buffered(), 0);
    });
}

#[test]
fn w18_a_reactor_that_stops_says_goodbye() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let handle = reactor.handle();
        let probe = Probe::new(&log).data(move |transport, _| {
            transport.write(&vec![7; 8 * MIB]);
            handle.stop();
        });
        let (port, _) = port_of(&reactor, probe);
        let peer = with_peer(&port, |mut peer| {
            peer.write_all(b"x").unwrap();
            peer.read_to_end(&mut Vec::new()).unwrap()
        });
        reactor.run().unwrap();
        assert_eq!(peer.join().unwrap(), 8 * MIB);
        assert_eq!(log.take().last().unwrap(), "lost done");
        assert_eq!((reactor.stats().sources, reactor.stats().pending_timers), (0, 0));
    });
}

/// Its handshake goes nowhere, and does not hold the shutdown.
#[test]
fn i9_a_handshake_does_not_delay_the_stop() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = pair(&reactor, Probe::new(&log));
        let secured = pair.transport.start_tls_server(server());
        reactor.stop();
        reactor.run().unwrap();
        let error = secured.try_take().unwrap().unwrap_err().downcast::<TlsError>().unwrap();
        assert!(error.to_string().contains("the reactor stopped"), "{error}");
        assert_eq!(log.take(), ["made", "lost done"]);
        assert_eq!((reactor.stats().sources, reactor.stats().pending_timers), (0, 0));
    });
}

#[test]
fn a_reset_is_noticed_in_the_handshake_and_after_it() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        for is_after in [false, true] {
            let (port, _) = port_of(&reactor, Probe::new(&log).data(|_, _| ()));
            let address = port.address();
            let peer = thread(move || {
                let mut peer = peer::connect(address);
                if is_after {
                    peer.write_all(b"x").unwrap();
                } else {
                    peer.sock.write_all(&[22, 3]).unwrap();
                }
                let socket = socket2::SockRef::from(&peer.sock);
                socket.set_linger(Some(std::time::Duration::ZERO)).unwrap();
                drop(peer);
            });
            turn_until(&reactor, || peer.is_finished());
            turn_until(&reactor, || !is_after || has(&log, "lost broken"));
            turn_until(&reactor, || reactor.stats().sources == 1);
            peer.join().unwrap();
            assert_eq!(log.is_empty(), !is_after);
        }
        assert_eq!(reactor.stats().pending_timers, 0);
    });
}

/// The reactor is stopped in each callback.
#[test]
fn a_stop_in_each_callback() {
    type Change = fn(Probe, Box<dyn Fn()>) -> Probe;
    let changes: [(Change, &[&str]); 5] = [
        (|probe, stop| probe.made(move |_| stop()), &["made", "secured", "lost done"]),
        (|probe, stop| probe.secured(move |_| stop()), &["made", "secured", "lost done"]),
        (|probe, stop| probe.data(move |_, _| stop()), &["made", "secured", "data x", "lost done"]),
        (
            |probe, stop| probe.peer_done(move |_| stop()),
            &["made", "secured", "data x", "peer done", "lost done"],
        ),
        (|probe, stop| probe.lost(move |_, _| stop()), &["made", "secured", "data x", "lost done"]),
    ];
    for (number, (change, expected)) in changes.into_iter().enumerate() {
        within(DEADLINE, || {
            let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
            let handle = reactor.handle();
            let probe = change(Probe::new(&log), Box::new(move || handle.stop()));
            let (port, _) = port_of(&reactor, probe);
            let peer = with_peer(&port, |mut peer| {
                let _ = peer.write_all(b"x");
                peer.conn.send_close_notify();
                let _ = peer.flush();
                let _ = peer.read_to_end(&mut Vec::new());
            });
            reactor.run().unwrap();
            peer.join().unwrap();
            let told = log.take();
            // What had come with what stopped the reactor may still be heard, or not.
            assert!(number < 2 && told.ends_with(&["lost done".to_owned()]) || told == expected);
        });
    }
}

#[test]
fn i3_a_panic_in_each_callback_ends_that_connection() {
    type Change = fn(Probe) -> Probe;
    let changes: [Change; 3] = [
        |probe| probe.made(|_| panic!("a bug")),
        |probe| probe.secured(|_| panic!("a bug")),
        |probe| probe.data(|_, _| panic!("a bug")),
    ];
    for change in changes {
        within(DEADLINE, || {
            let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
            let (port, slot) = port_of(&reactor, change(Probe::new(&log)));
            let peer = with_peer(&port, |mut peer| {
                let _ = peer.write_all(b"x");
                peer.read_to_end(&mut Vec::new()).is_err()
            });
            turn_until(&reactor, || has(&log, "lost panicked"));
            turn_until(&reactor, || peer.is_finished());
            assert!(peer.join().unwrap(), "no goodbye: this is not how it should end");
            let transport: Transport = slot.get();
            assert!(!transport.is_connected());
            assert_eq!((reactor.stats().sources, reactor.stats().pending_timers), (1, 0));
        });
    }
}

/// A factory that panics, or declines, is asked when the handshake is complete.
#[test]
fn i3_a_panic_of_the_factory_ends_that_connection_only() {
    within(DEADLINE, || {
        let (reactor, log, tls) = (Reactor::new().unwrap(), EventLog::new(), server());
        let mut first = true;
        let port = reactor.listen_tls(own_address(), &tls, move |_| {
            assert!(!std::mem::take(&mut first), "a bug in the factory");
            Probe::new(&log).echo()
        });
        let port = port.unwrap();
        let broken = with_peer(&port, |mut peer| peer.read_to_end(&mut Vec::new()).is_err());
        turn_until(&reactor, || broken.is_finished());
        assert!(broken.join().unwrap());
        let good = with_peer(&port, |mut peer| {
            peer.write_all(b"x").unwrap();
            peer.read_exact(&mut [0]).unwrap();
        });
        turn_until(&reactor, || good.is_finished());
        good.join().unwrap();
        assert_eq!(tls.handshakes().completed, 2);
    });
}

/// As with those that nobody has accepted yet.
#[test]
fn handshakes_end_when_their_port_is_closed() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let (port, _) = port_of(&reactor, Probe::new(&log));
        let address = port.address();
        let silent = TcpStream::connect(address).unwrap();
        turn_until(&reactor, || reactor.stats().sources == 2);
        let stopped = port.stop_listening();
        result_of(&reactor, stopped).unwrap();
        let peer = thread(move || {
            let mut peer = peer::over(silent);
            peer.read_to_end(&mut Vec::new()).unwrap()
        });
        turn_until(&reactor, || peer.is_finished());
        assert_eq!(peer.join().unwrap(), 0, "it is told goodbye");
        turn_a_little(&reactor);
        assert!(log.is_empty());
    });
}

/// A reactor that is dropped tells the protocol, and keeps nothing.
#[test]
fn i2_a_reactor_that_is_dropped_ends_a_handshake() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = pair(&reactor, Probe::new(&log));
        let secured = pair.transport.start_tls_server(server());
        drop((reactor, pair.port));
        let result = catch_unwind(AssertUnwindSafe(|| secured.try_take().unwrap()));
        assert!(result.unwrap().unwrap_err().is::<TlsError>());
        assert_eq!(log.take(), ["made", "lost done"]);
    });
}
