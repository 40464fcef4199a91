//! Peers that read slowly, or never: memory stays bounded, and the others have theirs.

use crate::fixture::{
    Probe, Slot, count, has, many, own_address, thread, turn_a_little, turn_until,
};
#[cfg(unix)]
use crate::unix::Directory;
use allocation_counter::measure;
use bytes::Bytes;
#[cfg(unix)]
use ropewalk_net::ReactorUnix as _;
use ropewalk_net::{Producer, ReactorNet as _, Transport};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, within};
use std::cell::Cell;
use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::rc::Rc;

const MIB: usize = 1024 * 1024;
const GIB: usize = 1024 * MIB;

/// A gibibyte, one piece after the other.
#[derive(Clone)]
struct Gibibyte {
    piece: Bytes,
    left: Rc<Cell<usize>>,
    pauses: Rc<Cell<u32>>,
}

impl Gibibyte {
    fn new() -> Self {
        let piece = Bytes::from(vec![7; MIB]);
        Self { piece, left: Rc::new(Cell::new(GIB)), pauses: Rc::default() }
    }

    fn write(&self, transport: &Transport) -> bool {
        self.left.set(self.left.get() - self.piece.len());
        let is_high = transport.write_owned(self.piece.clone()).is_high();
        if self.left.get() == 0 {
            transport.unregister_producer();
        }
        is_high
    }
}

/// Writes one piece when it is asked.
struct Pulled(Gibibyte);

impl Producer for Pulled {
    fn resume_producing(&mut self, transport: &Transport) {
        self.0.write(transport);
    }
}

/// Writes until it is told to pause.
struct Pushing(Gibibyte, Rc<Cell<bool>>);

impl Pushing {
    fn push(&self, transport: &Transport) {
        while !self.1.get() && self.0.left.get() > 0 && !self.0.write(transport) {}
    }
}

impl Producer for Pushing {
    fn resume_producing(&mut self, transport: &Transport) {
        self.1.set(false);
        self.push(transport);
    }

    fn pause_producing(&mut self, _: &Transport) {
        self.1.set(true);
        self.0.pauses.set(self.0.pauses.get() + 1);
    }
}

fn pulled(transport: &Transport, gibibyte: &Gibibyte) {
    assert!(transport.register_pull_producer(Pulled(gibibyte.clone())).is_ok());
}

fn pushed(transport: &Transport, gibibyte: &Gibibyte) {
    let pushing = Pushing(gibibyte.clone(), Rc::default());
    let begin = Pushing(gibibyte.clone(), Rc::clone(&pushing.1));
    assert!(transport.register_producer(pushing).is_ok());
    begin.push(transport);
}

/// Reads a little at a time, and then the rest.
fn sip(mut peer: impl Read) -> usize {
    let (mut sips, mut gulps) = (vec![0; 4096], vec![0; MIB]);
    let mut all = 0;
    loop {
        let buffer = if all < 4 * MIB { &mut sips } else { &mut gulps };
        match peer.read(buffer).unwrap() {
            0 => return all,
            count => all += count,
        }
    }
}

/// Sends it to a slow reader. The pieces are shared: what is allocated is what is kept of them.
fn send<R: Read + Send + 'static>(
    feed: fn(&Transport, &Gibibyte),
    connect: fn(&Reactor, Probe) -> (R, Slot),
) -> Gibibyte {
    let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
    let (peer, slot) = connect(&reactor, Probe::new(&log));
    turn_until(&reactor, || has(&log, "made"));
    let (gibibyte, most, transport) = (Gibibyte::new(), Cell::new(0), slot.get());
    let reader = thread(move || sip(peer));
    let used = measure(|| {
        feed(&transport, &gibibyte);
        transport.lose_connection();
        turn_until(&reactor, || {
            most.set(most.get().max(transport.buffered()));
            has(&log, "lost done")
        });
    });
    assert_eq!(reader.join().unwrap(), GIB);
    assert!(most.get() <= 2 * MIB, "{} bytes waited", most.get());
    // The buffer for reading, and little else.
    assert!(used.bytes_max < 256 * 1024, "{used:?}");
    gibibyte
}

fn over_tcp(reactor: &Reactor, probe: Probe) -> (TcpStream, Slot) {
    let (slot, mut probe) = (probe.slot(), Some(probe));
    let port = reactor.listen_tcp(own_address(), move |_| probe.take().unwrap()).unwrap();
    let peer = TcpStream::connect(port.address()).unwrap();
    port.detach();
    (peer, slot)
}

#[cfg(unix)]
fn over_unix(reactor: &Reactor, probe: Probe) -> (std::os::unix::net::UnixStream, Slot) {
    let (slot, mut probe, directory) = (probe.slot(), Some(probe), Directory::new());
    let path = directory.path("a.sock");
    let port = reactor.listen_unix(&path, move |_| probe.take().unwrap()).unwrap();
    let peer = std::os::unix::net::UnixStream::connect(&path).unwrap();
    port.detach();
    (peer, slot)
}

#[test]
fn b213_a_gibibyte_that_is_pulled_by_a_slow_reader_is_never_in_memory() {
    within(DEADLINE, || send(pulled, over_tcp));
}

#[cfg(unix)]
#[test]
fn b213_a_gibibyte_that_is_pushed_at_a_slow_reader_is_never_in_memory() {
    let sent = within(DEADLINE, || send(pushed, over_unix));
    assert!(sent.pauses.get() > 0);
}

#[cfg(not(unix))]
#[test]
fn b213_a_gibibyte_that_is_pushed_at_a_slow_reader_is_never_in_memory() {
    let sent = within(DEADLINE, || send(pushed, over_tcp));
    assert!(sent.pauses.get() > 0);
}

/// Each is sent as much as the one that never reads has room for, and more.
#[test]
fn i7_one_that_never_reads_keeps_nothing_from_a_thousand_others() {
    const EACH: usize = 100_000;
    within(2 * DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let (piece, seen, mut first) = (Bytes::from(vec![7; EACH]), log.clone(), true);
        let stuck = Slot::default();
        let slot = stuck.clone();
        let port = reactor
            .listen_tcp(own_address(), move |_| {
                let (piece, probe) = (piece.clone(), Probe::new(&seen));
                if std::mem::take(&mut first) {
                    return probe.made(|transport| pulled(transport, &Gibibyte::new())).at(&slot);
                }
                probe.data(move |transport, _| {
                    transport.write_owned(piece.clone());
                    transport.lose_connection();
                })
            })
            .unwrap();
        let never = TcpStream::connect(port.address()).unwrap();
        turn_until(&reactor, || has(&log, "made"));
        let stuck = stuck.get();
        let (others, address) = (many("connections"), port.address());
        let readers = thread(move || {
            let mut peers: Vec<_> =
                (0..others).map(|_| TcpStream::connect(address).unwrap()).collect();
            for peer in &mut peers {
                peer.write_all(b"x").unwrap();
            }
            let mut all = 0;
            for mut peer in peers {
                let mut received = Vec::new();
                all += peer.read_to_end(&mut received).unwrap();
            }
            all
        });
        turn_until(&reactor, || readers.is_finished());
        assert_eq!(readers.join().unwrap(), others * EACH);
        turn_until(&reactor, || count(&log, "lost done") == others);
        // Their sockets linger until the peers close, too: left are the port and the one.
        turn_until(&reactor, || reactor.stats().sources == 2);

        assert!(stuck.is_connected());
        assert!((1..=MIB).contains(&stuck.buffered()), "{}", stuck.buffered());
        turn_a_little(&reactor);
        let events = reactor.stats().events;
        turn_a_little(&reactor);
        assert_eq!(reactor.stats().events, events, "it does not keep the loop busy");
        drop(never);
        turn_until(&reactor, || has(&log, "lost broken"));
        assert_eq!(reactor.stats().sources, 1);
    });
}
