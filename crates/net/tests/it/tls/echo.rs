//! What goes in comes out, whoever is at the other end.

use super::certificates::{client, server};
use super::peer;
use crate::fixture::{Probe, count, has, own_address, thread, turn_until};
use ropewalk_net::tls::HandshakeCounts;
use ropewalk_net::tls::rustls::ProtocolVersion;
use ropewalk_net::tls::rustls::version::{TLS12, TLS13};
use ropewalk_net::{ReactorTls as _, Transport};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, within};
use std::cell::{Cell, RefCell};
use std::io::{Read as _, Write as _};
use std::rc::Rc;
use std::sync::Arc;

#[test]
fn a_client_and_a_server_talk() {
    within(DEADLINE, || {
        let (reactor, log, seen) = (Reactor::new().unwrap(), EventLog::new(), EventLog::new());
        let (tls, log_of_one) = (server(), log.clone());
        let port = reactor
            .listen_tls(own_address(), &tls, move |_| Probe::new(&log_of_one).echo())
            .unwrap();
        let probe = Probe::new(&seen).made(|transport| {
            assert!(transport.tls().is_some(), "the handshake comes first");
            transport.write(b"hello");
        });
        let address = port.address();
        let connected = reactor.connect_tls(
            &address.ip().to_string(),
            address.port(),
            client(),
            probe.data(|transport, _| transport.lose_connection()),
        );
        turn_until(&reactor, || has(&log, "lost done") && has(&seen, "lost done"));
        assert_eq!(log.take(), ["made", "secured", "data hello", "lost done"]);
        assert_eq!(seen.take(), ["made", "secured", "data hello", "lost done"]);
        let transport = connected.try_take().unwrap().unwrap();
        assert!(transport.tls().is_none(), "it is forgotten when all is over");
        let counts = tls.handshakes();
        assert_eq!((counts.pending, counts.completed, counts.failed), (0, 1, 0));
        assert_ne!(counts, HandshakeCounts::default());
    });
}

#[test]
fn both_versions_are_spoken() {
    for version in [&TLS12, &TLS13] {
        within(DEADLINE, move || {
            let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
            let mut probe = Some(Probe::new(&log).echo().made(|transport| {
                let tls = transport.tls().unwrap();
                assert_eq!(tls.server_name(), Some("localhost"));
                assert!(tls.peer_certificates().is_empty() && tls.alpn().is_none());
            }));
            let slot = probe.as_ref().unwrap().slot();
            let port = reactor.listen_tls(own_address(), server(), move |_| probe.take().unwrap());
            let port = port.unwrap();
            let address = port.address();
            let client = thread(move || {
                let mut peer = peer::connect_as(address, &peer::config_for(version));
                peer.write_all(b"hello").unwrap();
                let mut answer = [0; 5];
                peer.read_exact(&mut answer).unwrap();
                peer.conn.send_close_notify();
                peer.flush().unwrap();
                let rest = peer.read_to_end(&mut Vec::new()).unwrap();
                (answer, rest, peer.conn.protocol_version().unwrap())
            });
            turn_until(&reactor, || has(&log, "data hello"));
            let known = slot.get().tls().unwrap().version();
            turn_until(&reactor, || has(&log, "lost done"));
            let (answer, rest, spoken) = client.join().unwrap();
            assert_eq!((&answer, rest), (b"hello", 0), "and a goodbye, for {spoken:?}");
            assert_eq!(known, spoken);
            assert!(matches!(spoken, ProtocolVersion::TLSv1_2 | ProtocolVersion::TLSv1_3));
        });
    }
}

/// No more of it waits at any time than was written in one go.
#[test]
fn b213_large_writes_arrive_whole_in_bounded_memory() {
    const ALL: usize = 100 * 1024 * 1024;
    const PIECE: usize = 1_000_003;
    within(4 * DEADLINE, || {
        let (reactor, log, peak) = (Reactor::new().unwrap(), EventLog::new(), Rc::default());
        let data: Arc<[u8]> = (0..PIECE as u32).map(|n| (n % 249) as u8).collect();
        let (piece, most) = (Arc::clone(&data), Rc::<Cell<usize>>::clone(&peak));
        let mut written = 0;
        let write = Rc::new(RefCell::new(move |transport: &Transport| {
            if written >= ALL {
                return transport.lose_connection();
            }
            written += PIECE;
            assert!(transport.write(&piece).is_high(), "so much is not encrypted at once");
            most.set(most.get().max(transport.buffered()));
        }));
        let again = Rc::clone(&write);
        let mut probe = Some(
            Probe::new(&log)
                .secured(move |transport| write.borrow_mut()(transport))
                .drained(move |transport| again.borrow_mut()(transport)),
        );
        let port = reactor.listen_tls(own_address(), server(), move |_| probe.take().unwrap());
        let address = port.as_ref().unwrap().address();
        let client = thread(move || {
            let mut peer = peer::connect(address);
            let (mut buffer, mut all) = (vec![0; 65_536], 0);
            loop {
                let count = peer.read(&mut buffer).unwrap();
                if count == 0 {
                    return all;
                }
                for byte in &buffer[..count] {
                    assert_eq!(*byte, data[all % PIECE]);
                    all += 1;
                }
            }
        });
        turn_until(&reactor, || count(&log, "lost") == 1);
        assert_eq!(log.take().last().unwrap(), "lost done");
        assert!(client.join().unwrap() >= ALL);
        assert!((1..=PIECE + 100_000).contains(&peak.get()), "{}", peak.get());
    });
}
