//! What is handed over whole is not copied, however often it is sent in parts.

use crate::fixture::{Pair, Probe, has, pair, thread, turn_until};
use allocation_counter::measure;
use bytes::Bytes;
use ropewalk_net::Transport;
use ropewalk_net::carrier::{Carrier, Close};
use ropewalk_net::connection::Connection;
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, MemoryTransport, within};
use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice, Read as _};
use std::net::SocketAddr;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

const MIB: usize = 1024 * 1024;

/// Bytes without a period that a buffer could share.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n % 251) as u8).collect()
}

#[test]
fn w31_what_is_owned_is_queued_without_a_copy() {
    let peer = MemoryTransport::connect(Probe::new(&EventLog::new()));
    peer.take_only(0);
    let transport = peer.transport();
    transport.write(b"something waits");
    let data = pattern(8 * MIB);
    let shared = Bytes::from(pattern(8 * MIB));
    let text = "x".repeat(MIB);
    let info = measure(|| {
        transport.write_owned(data);
        transport.write_owned(shared.clone());
        transport.write_owned(text);
        transport.write_owned_sequence([shared.slice(5..MIB), shared.slice(MIB..)]);
    });
    assert!(info.bytes_total < 4096, "{info:?}");
    assert_eq!(transport.buffered(), 15 + 8 * MIB + 8 * MIB + MIB + (8 * MIB - 5));
    peer.take_only(None);
    let received = peer.take_received();
    assert!(received[15..].starts_with(&pattern(8 * MIB)));
    assert!(received.ends_with(&shared[5..]));
}

#[test]
fn w31_nothing_is_copied_again_when_a_send_is_partial() {
    const MANY: usize = 16 * MIB;
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let Pair { mut peer, transport, port: _port } = pair(&reactor, Probe::new(&log));
        for piece in pattern(MANY).chunks(10_000) {
            transport.write(piece); // gathered
        }
        transport.write_owned(pattern(MANY));
        transport.lose_write_connection();
        let reader = thread(move || {
            let (mut all, mut buffer) = (Vec::new(), [0; 3_001]);
            while all.len() < 2 * MANY {
                let count = peer.read(&mut buffer).unwrap();
                all.extend_from_slice(&buffer[..count]);
            }
            (peer, all)
        });
        let (mut sends, mut allocated, mut before) = (0, 0, transport.buffered());
        while transport.buffered() > 0 {
            let turn = || drop(reactor.turn(Some(Duration::from_millis(20))));
            allocated += measure(turn).bytes_total;
            sends += u32::from(transport.buffered() != before);
            before = transport.buffered();
        }
        // The buffer for reading, once.
        assert!(sends > 10 && allocated < 100 * 1024, "{allocated} bytes in {sends} sends");
        let (_peer, all) = reader.join().unwrap();
        assert!(all[..MANY] == pattern(MANY) && all[MANY..] == pattern(MANY));
    });
}

#[test]
fn whatever_is_bytes_is_accepted_and_i8_in_order() {
    let peer = MemoryTransport::connect(Probe::new(&EventLog::new()));
    for room in [0, 3, 7, 1000] {
        peer.take_only(room);
        let transport = peer.transport();
        transport.write(b"a");
        transport.write_owned("static ");
        transport.write_owned(String::from("string "));
        transport.write_owned(vec![b'v'; 600]);
        transport.write_sequence(&[b"b", b"c"]);
        transport.write_owned_sequence([Bytes::from_static(b" e "), Bytes::new()]);
        transport.write_owned(b"".as_slice());
        peer.take_only(None);
        let expected = format!("astatic string {}bc e ", "v".repeat(600));
        assert_eq!(peer.take_received(), expected.into_bytes());
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Transport>> = const { RefCell::new(None) };
    static DROPPED: Cell<u32> = const { Cell::new(0) };
}

/// A value of the application, lent as bytes: when it is dropped, it writes.
struct Page(Vec<u8>);

impl AsRef<[u8]> for Page {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        DROPPED.set(DROPPED.get() + 1);
        CURRENT.with_borrow(|transport| {
            if let Some(transport) = transport {
                transport.write(b".");
            }
        });
    }
}

/// However it goes: sent at once, copied because it is small, sent later, or thrown away.
#[test]
fn i5_what_is_handed_over_may_use_the_transport_when_it_is_dropped() {
    let peer = MemoryTransport::connect(Probe::new(&EventLog::new()));
    CURRENT.set(Some(peer.transport()));
    let page = |length| Bytes::from_owner(Page(vec![b'p'; length]));
    let transport = peer.transport();
    transport.write_owned(page(3));
    assert_eq!((peer.take_received(), DROPPED.take()), (b"ppp.".to_vec(), 1));
    peer.take_only(0);
    transport.write_owned(page(2));
    assert_eq!(DROPPED.take(), 1, "copied");
    transport.write_owned(page(1000));
    transport.write_owned_sequence([page(1000), page(1)]);
    assert_eq!(DROPPED.take(), 1);
    peer.take_only(2500);
    assert_eq!(DROPPED.take(), 2);
    let received = peer.take_received();
    assert_eq!(received.iter().filter(|byte| **byte == b'.').count(), 4);
    peer.take_only(0);
    transport.write_owned(page(1000));
    transport.abort_connection();
    assert_eq!(DROPPED.take(), 1);
    transport.write_owned(page(1));
    assert_eq!(DROPPED.take(), 1, "dropped with the write");
    CURRENT.take();
}

/// Takes notes of how it is written to.
struct Counted(Rc<RefCell<Vec<usize>>>);

impl Carrier for Counted {
    fn read(&self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
    fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.borrow_mut().push(slices.len());
        Ok(slices.iter().map(|slice| slice.len()).sum::<usize>().min(2_500))
    }
    fn watch(&self, _: bool, _: bool) -> io::Result<()> {
        Ok(())
    }
    fn close(&self, _: &Rc<Connection>, _: Close) {}
    fn later(&self, _: &Rc<Connection>) {}
}

#[test]
fn w31_pieces_go_out_in_one_go() {
    let calls = Rc::default();
    let end = ropewalk_net::Address::from(SocketAddr::from(([127, 0, 0, 1], 1)));
    let connection: Rc<Connection> = Rc::new(Connection::new(
        Counted(Rc::clone(&calls)),
        Box::new(Probe::new(&EventLog::new())),
        (end.clone(), end),
        Location::caller(),
    ));
    connection.start();
    let transport = Transport::new(Rc::clone(&connection));
    transport.write_owned_sequence(["head", "body"]);
    transport.write_owned_sequence([vec![1; 2_000], vec![2; 2_000], vec![3; 2_000]]);
    transport.write(b"small");
    transport.write_owned("small, too");
    transport.write_owned(vec![4; 1_000]);
    connection.ready(false, true, &mut [0; 9]);
    connection.ready(false, true, &mut [0; 9]);
    // Two and three pieces; then the rest of two, the small ones together, and the last; and so on.
    assert_eq!(*calls.borrow(), [2, 3, 4, 3]);
    assert_eq!(transport.buffered(), 0);
}

#[test]
fn w7_a_peer_that_never_reads_does_not_take_the_memory() {
    const LIMIT: usize = MIB;
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let Pair { mut peer, transport, port: _port } = pair(&reactor, Probe::new(&log));
        transport.set_max_buffered(LIMIT);
        assert_eq!(transport.max_buffered(), LIMIT);
        let (block, mut most) = (vec![7; 64 * 1024], 0);
        // A gibibyte, by a protocol that does not look at the answers.
        for _ in 0..16 * 1024 {
            transport.write(&block);
            most = most.max(transport.buffered());
        }
        assert!(most <= LIMIT && most > LIMIT / 2, "{most}");
        assert_eq!(transport.buffered(), 0, "it is freed at once");
        turn_until(&reactor, || has(&log, "lost too slow"));
        let mut buffer = vec![0; 64 * 1024];
        let error = std::iter::repeat_with(|| peer.read(&mut buffer)).find_map(Result::err);
        assert_eq!(error.unwrap().kind(), io::ErrorKind::ConnectionReset);
    });
}

#[test]
fn the_hard_limit_is_for_what_waits() {
    let log = EventLog::new();
    let peer = MemoryTransport::connect(Probe::new(&log));
    let transport = peer.transport();
    transport.set_max_buffered(10);
    assert!(!transport.write(&[0; 1_000]).is_high(), "nothing of it waits");
    peer.take_only(5);
    assert!(!transport.write_owned(vec![0; 15]).is_high(), "ten wait");
    assert!(transport.write(b"x").is_high());
    assert!(!transport.is_connected());
    peer.turn();
    assert_eq!(log.take(), ["made", "lost too slow"]);
}
