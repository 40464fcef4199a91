//! A protocol that logs and does what it is told, peers, and a loop that turns by hand.

use ropewalk_deferred::Deferred;
use ropewalk_net::{
    ConnectionLost, ListeningPort, NetReport, Protocol, ReactorNet as _, Transport,
};
use ropewalk_reactor::{Phase, Reactor, SystemEvent};
use ropewalk_testing::EventLog;
use std::cell::RefCell;
use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::rc::Rc;
#[cfg(target_os = "linux")]
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::channel;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

type OnTransport = Box<dyn FnMut(&Transport)>;
type OnData = Box<dyn FnMut(&Transport, &[u8])>;
type OnLost = Box<dyn FnMut(&Transport, &ConnectionLost)>;

/// A protocol that logs what it is told, and then does what the test wants.
pub(crate) struct Probe {
    log: EventLog,
    transport: Slot,
    made: OnTransport,
    secured: OnTransport,
    data: OnData,
    /// Nothing: the default of the trait, which is not logged.
    peer_done: Option<OnTransport>,
    write_done: OnTransport,
    drained: OnTransport,
    resumed: OnTransport,
    lost: OnLost,
}

/// Where a probe leaves its transport.
#[derive(Clone, Default)]
pub(crate) struct Slot(Rc<RefCell<Option<Transport>>>);

impl Slot {
    pub(crate) fn get(&self) -> Transport {
        self.0.borrow().clone().expect("a connection was made")
    }

    pub(crate) fn set(&self, transport: &Transport) {
        self.0.replace(Some(transport.clone()));
    }
}

impl Probe {
    pub(crate) fn new(log: &EventLog) -> Self {
        Self {
            log: log.clone(),
            transport: Slot::default(),
            made: Box::new(|_| ()),
            secured: Box::new(|_| ()),
            data: Box::new(|_, _| ()),
            peer_done: None,
            write_done: Box::new(|_| ()),
            drained: Box::new(|_| ()),
            resumed: Box::new(|_| ()),
            lost: Box::new(|_, _| ()),
        }
    }

    pub(crate) fn slot(&self) -> Slot {
        self.transport.clone()
    }

    /// Leaves the transport in a slot that is there already.
    pub(crate) fn at(mut self, slot: &Slot) -> Self {
        self.transport = slot.clone();
        self
    }

    pub(crate) fn made(mut self, f: impl FnMut(&Transport) + 'static) -> Self {
        self.made = Box::new(f);
        self
    }

    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "plain connections need it not"))]
    pub(crate) fn secured(mut self, f: impl FnMut(&Transport) + 'static) -> Self {
        self.secured = Box::new(f);
        self
    }

    pub(crate) fn data(mut self, f: impl FnMut(&Transport, &[u8]) + 'static) -> Self {
        self.data = Box::new(f);
        self
    }

    pub(crate) fn peer_done(mut self, f: impl FnMut(&Transport) + 'static) -> Self {
        self.peer_done = Some(Box::new(f));
        self
    }

    pub(crate) fn write_done(mut self, f: impl FnMut(&Transport) + 'static) -> Self {
        self.write_done = Box::new(f);
        self
    }

    pub(crate) fn drained(mut self, f: impl FnMut(&Transport) + 'static) -> Self {
        self.drained = Box::new(f);
        self
    }

    pub(crate) fn resumed(mut self, f: impl FnMut(&Transport) + 'static) -> Self {
        self.resumed = Box::new(f);
        self
    }

    pub(crate) fn lost(mut self, f: impl FnMut(&Transport, &ConnectionLost) + 'static) -> Self {
        self.lost = Box::new(f);
        self
    }

    pub(crate) fn echo(self) -> Self {
        self.data(|transport, data| {
            transport.write(data);
        })
    }
}

impl Protocol for Probe {
    fn connection_made(&mut self, transport: &Transport) {
        self.log.add("made");
        self.transport.set(transport);
        (self.made)(transport);
    }

    fn handshake_completed(&mut self, transport: &Transport) {
        self.log.add("secured");
        (self.secured)(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        self.log.add(format!("data {}", String::from_utf8_lossy(data)));
        (self.data)(transport, data);
    }

    fn peer_done(&mut self, transport: &Transport) {
        match &mut self.peer_done {
            Some(peer_done) => {
                self.log.add("peer done");
                peer_done(transport);
            }
            None => transport.lose_connection(),
        }
    }

    fn write_done(&mut self, transport: &Transport) {
        self.log.add("write done");
        (self.write_done)(transport);
    }

    fn drained(&mut self, transport: &Transport) {
        self.log.add("drained");
        (self.drained)(transport);
    }

    fn resumed(&mut self, transport: &Transport) {
        self.log.add("resumed");
        (self.resumed)(transport);
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &ConnectionLost) {
        self.log.add(format!("lost {}", kind(reason)));
        (self.lost)(transport, reason);
    }
}

pub(crate) fn kind(reason: &ConnectionLost) -> &'static str {
    match reason {
        ConnectionLost::Done => "done",
        ConnectionLost::Lost(_) => "broken",
        ConnectionLost::Aborted => "aborted",
        ConnectionLost::Panicked(_) => "panicked",
        ConnectionLost::PeerTooSlow { .. } => "too slow",
        ConnectionLost::ProtocolError(_) => "protocol error",
        _ => "otherwise",
    }
}

/// Turns the loop until `done`; the deadline is the test's.
pub(crate) fn turn_until(reactor: &Reactor, mut done: impl FnMut() -> bool) {
    while !done() {
        reactor.turn(Some(Duration::from_millis(20))).unwrap();
    }
}

/// Turns the loop until there is a result.
pub(crate) fn result_of<T>(
    reactor: &Reactor,
    mut deferred: Deferred<T>,
) -> ropewalk_deferred::Result<T> {
    loop {
        match deferred.try_take() {
            Ok(result) => return result,
            Err(pending) => deferred = pending,
        }
        reactor.turn(Some(Duration::from_millis(20))).unwrap();
    }
}

/// Turns the loop a few times, for what should not happen.
pub(crate) fn turn_a_little(reactor: &Reactor) {
    for _ in 0..5 {
        reactor.turn(Some(Duration::from_millis(2))).unwrap();
    }
}

pub(crate) fn has(log: &EventLog, entry: &str) -> bool {
    log.entries().iter().any(|one| one == entry)
}

/// How often something that begins so was logged.
pub(crate) fn count(log: &EventLog, beginning: &str) -> usize {
    log.entries().iter().filter(|one| one.starts_with(beginning)).count()
}

/// An address at which nobody but who asks for it opens ports: one that is closed stays closed, and is
/// there to be opened again. At the usual address it may be given to another test at any moment.
#[cfg(target_os = "linux")]
pub(crate) fn own_address() -> SocketAddr {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    let [high, low] = GIVEN.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    // Not 0: the usual address is among those.
    let process = 1 + (std::process::id() % 200) as u8;
    SocketAddr::from(([127, process, high, low], 0))
}

/// Elsewhere there is one address of this machine alone.
#[cfg(not(target_os = "linux"))]
pub(crate) fn own_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// A port that takes one probe, and a peer that is connected to it.
pub(crate) struct Pair {
    pub(crate) peer: TcpStream,
    pub(crate) transport: Transport,
    pub(crate) port: ListeningPort,
}

/// Connects a plain socket to `probe`; its `connection_made` has been called.
pub(crate) fn pair(reactor: &Reactor, probe: Probe) -> Pair {
    let (slot, mut probe) = (probe.slot(), Some(probe));
    let port = reactor.listen_tcp(own_address(), move |_| probe.take().unwrap()).unwrap();
    let peer = TcpStream::connect(port.address()).unwrap();
    turn_until(reactor, || slot.0.borrow().is_some());
    Pair { peer, transport: slot.get(), port }
}

/// How many connections a test of many may open, both ends of each: a thousand, if the system lets
/// this process have as many descriptors, and some for the tests beside it.
pub(crate) fn many(what: &str) -> usize {
    const MANY: usize = 1_000;
    let asked = Command::new("sh").args(["-c", "ulimit -n"]).output();
    let answer = asked.ok().and_then(|output| String::from_utf8(output.stdout).ok());
    // Without an answer, or with "unlimited", there are enough.
    let allowed = answer.and_then(|text| text.trim().parse().ok()).unwrap_or(usize::MAX);
    let many = MANY.min(allowed / 8);
    if many < MANY {
        skipped(format_args!("{many} {what} instead of {MANY}: {allowed} descriptors are allowed"));
    }
    many
}

/// Says why a test looks at less than it could, also where the output of tests that pass is not shown.
pub(crate) fn skipped(why: std::fmt::Arguments<'_>) {
    // In one piece, and not `eprintln!`, which the harness would capture.
    let _ = std::io::stderr().write_all(format!("skipped: {why}\n").as_bytes());
}

/// A thread for a peer that blocks.
pub(crate) fn thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    Builder::new().name("peer".to_owned()).spawn(work).unwrap()
}

/// A subscriber that is a bug: it panics at each event of the modules with this name.
pub(crate) struct Spiteful(pub(crate) &'static str);

impl Subscriber for Spiteful {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        assert!(!event.metadata().target().contains(self.0), "a subscriber that panics");
    }
}

/// Stops the reactor; its peer reads from then on. What it has read, and the report.
pub(crate) fn stop_and_read(
    reactor: &Reactor,
    mut peer: impl Read + Send + 'static,
) -> (usize, NetReport) {
    let (begin, begun) = channel();
    let reader = thread(move || {
        begun.recv().unwrap();
        peer.read_to_end(&mut Vec::new()).unwrap()
    });
    reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |_| {
        begin.send(()).unwrap();
    });
    reactor.stop();
    let report = reactor.run().unwrap();
    assert_eq!((reactor.stats().sources, reactor.stats().pending_timers), (0, 0));
    (reader.join().unwrap(), NetReport::of(&report))
}
