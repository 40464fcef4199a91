//! A peer that resets, in each state that its connection can be in.
//!
//! Whatever the state, the connection ends once and with a typed reason, nothing is left of it, and
//! the one beside it goes on. Over Unix sockets, a peer resets by closing with something unread.

use crate::fixture::{Probe, Slot, count, has, own_address, turn_a_little, turn_until};
#[cfg(unix)]
use crate::unix::Directory;
use ropewalk_net::{ConnectionLost, Producer, ReactorNet as _, Transport};
#[cfg(unix)]
use ropewalk_net::{ReactorUnix as _, UnixAddress};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, within};
use socket2::{Domain, SockAddr, Socket, Type};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;
use std::thread::Builder;
use std::time::Duration;

/// A port of either kind.
struct Server {
    domain: Domain,
    address: SockAddr,
    _port: Box<dyn Any>,
}

type Open = fn(&Reactor, Box<dyn FnMut() -> Probe>) -> Server;

fn tcp(reactor: &Reactor, mut build: Box<dyn FnMut() -> Probe>) -> Server {
    let port = reactor.listen_tcp(own_address(), move |_: SocketAddr| build()).unwrap();
    Server { domain: Domain::IPV4, address: port.address().into(), _port: Box::new(port) }
}

#[cfg(unix)]
fn unix(reactor: &Reactor, mut build: Box<dyn FnMut() -> Probe>) -> Server {
    let directory = Directory::new();
    let path = directory.path("a.sock");
    let port = reactor.listen_unix(&path, move |_: UnixAddress| build()).unwrap();
    let address = SockAddr::unix(&path).unwrap();
    Server { domain: Domain::UNIX, address, _port: Box::new((port, directory)) }
}

const SERVERS: &[(&str, Open)] = &[
    ("TCP", tcp),
    #[cfg(unix)]
    ("Unix", unix),
];

impl Server {
    fn connect(&self) -> Socket {
        let socket = Socket::new(self.domain, Type::STREAM, None).unwrap();
        socket.connect(&self.address).unwrap();
        socket
    }
}

fn reset(peer: Socket) {
    peer.set_linger(Some(Duration::ZERO)).unwrap();
    drop(peer);
}

/// A connection that will be reset.
struct Scene {
    reactor: Reactor,
    log: EventLog,
    transport: Transport,
    peer: Socket,
    beside: Transport,
}

impl Scene {
    fn fill(&self) {
        while self.transport.buffered() == 0 {
            self.transport.write(&[7; 65_536]);
        }
    }

    fn wait_for(&self, entry: &str) {
        turn_until(&self.reactor, || has(&self.log, entry));
    }
}

/// Where a connection is when its peer resets it.
struct State {
    name: &'static str,
    probe: fn(Probe) -> Probe,
    reach: fn(&mut Scene),
    /// What is done until the connection has noticed.
    notice: fn(&Transport),
    ends: &'static str,
    /// How many are stopped.
    producers: usize,
}

impl State {
    const fn new(name: &'static str, reach: fn(&mut Scene), ends: &'static str) -> Self {
        Self { name, probe: |probe| probe, reach, notice: |_| (), ends, producers: 0 }
    }

    const fn fed(mut self) -> Self {
        self.producers = 1;
        self
    }

    const fn probe(mut self, probe: fn(Probe) -> Probe) -> Self {
        self.probe = probe;
        self
    }

    const fn notice(mut self, notice: fn(&Transport)) -> Self {
        self.notice = notice;
        self
    }
}

/// Says that it was stopped.
struct Source(EventLog);

impl Producer for Source {
    fn resume_producing(&mut self, transport: &Transport) {
        transport.write(&[7; 1_000_000]);
    }

    fn stop_producing(&mut self, _: &Transport) {
        self.0.add("stopped");
    }
}

fn stays(probe: Probe) -> Probe {
    probe.peer_done(|_| ())
}

fn pauses_once(probe: Probe) -> Probe {
    let first = Cell::new(true);
    probe.data(move |transport, _| {
        if first.take() {
            transport.pause_producing();
        }
    })
}

fn still_there(transport: &Transport) {
    transport.write(b"still there?");
}

const BROKEN: &str = "lost broken";

const STATES: &[State] = &[
    State::new("idle", |_| (), BROKEN),
    State::new("paused", |scene| scene.transport.pause_producing(), BROKEN)
        .notice(Transport::resume_producing),
    State::new("paused, and written to", |scene| scene.transport.pause_producing(), BROKEN)
        .notice(still_there),
    State::new(
        "paused in the middle of reading",
        |scene| {
            scene.peer.write_all(b"one").unwrap();
            scene.wait_for("data one");
            scene.peer.write_all(b"two").unwrap();
        },
        BROKEN,
    )
    .probe(pauses_once)
    .notice(Transport::resume_producing),
    State::new("with something unsent", |scene| scene.fill(), BROKEN),
    State::new(
        "to end, with something unsent",
        |scene| {
            scene.fill();
            scene.transport.lose_connection();
        },
        BROKEN,
    ),
    State::new(
        "half closed here",
        |scene| {
            scene.transport.lose_write_connection();
            scene.wait_for("write done");
        },
        BROKEN,
    ),
    State::new(
        "to be half closed here, with something unsent",
        |scene| {
            scene.fill();
            scene.transport.lose_write_connection();
        },
        BROKEN,
    ),
    State::new(
        "half closed by the peer",
        |scene| {
            scene.peer.shutdown(Shutdown::Write).unwrap();
            scene.wait_for("peer done");
        },
        BROKEN,
    )
    .probe(stays)
    .notice(still_there),
    State::new(
        "half closed by the peer, with something unsent",
        |scene| {
            scene.fill();
            scene.peer.shutdown(Shutdown::Write).unwrap();
            scene.wait_for("peer done");
        },
        BROKEN,
    )
    .probe(stays),
    State::new(
        "half closed by the peer and to be half closed here",
        |scene| {
            scene.fill();
            scene.transport.lose_write_connection();
            scene.peer.shutdown(Shutdown::Write).unwrap();
            scene.wait_for("peer done");
        },
        BROKEN,
    )
    .probe(stays),
    State::new(
        "closed by both",
        |scene| {
            scene.transport.lose_write_connection();
            scene.peer.shutdown(Shutdown::Write).unwrap();
            scene.wait_for("lost done");
        },
        "lost done",
    )
    .probe(stays),
    State::new(
        "lingering",
        |scene| {
            scene.transport.lose_connection();
            scene.wait_for("lost done");
        },
        "lost done",
    ),
    State::new(
        "fed by a producer that pushes",
        |scene| {
            scene.transport.register_producer(Source(scene.log.clone())).unwrap();
            scene.fill();
        },
        BROKEN,
    )
    .fed(),
    State::new(
        "to end after a producer that pushes",
        |scene| {
            scene.transport.register_producer(Source(scene.log.clone())).unwrap();
            scene.transport.lose_connection();
        },
        BROKEN,
    )
    .notice(still_there)
    .fed(),
    State::new(
        "fed by a producer that is pulled",
        |scene| {
            scene.transport.register_pull_producer(Source(scene.log.clone())).unwrap();
            turn_until(&scene.reactor, || scene.transport.buffered() > 0);
        },
        BROKEN,
    )
    .fed(),
    State::new(
        "the producer of the one beside it",
        |scene| scene.beside.register_producer(scene.transport.clone()).unwrap(),
        BROKEN,
    ),
];

fn play(state: &State, open: Open) {
    let (reactor, log, others) = (Reactor::new().unwrap(), EventLog::new(), EventLog::new());
    let reason = Rc::new(RefCell::new(None));
    let seen = Rc::clone(&reason);
    let first = (state.probe)(Probe::new(&log))
        .made(|transport| {
            transport.write(b"unread");
        })
        .lost(move |_, reason| {
            seen.replace(Some(reason.clone()));
        });
    let neighbour = Probe::new(&others).echo();
    let slots: [Slot; 2] = [first.slot(), neighbour.slot()];
    let mut probes = vec![neighbour, first];
    let server = open(&reactor, Box::new(move || probes.pop().unwrap()));
    let (peer, mut beside) = (server.connect(), server.connect());
    turn_until(&reactor, || has(&others, "made"));
    let [transport, neighbour] = slots.map(|slot| slot.get());
    let mut scene = Scene { reactor, log, transport, peer, beside: neighbour };

    (state.reach)(&mut scene);
    let Scene { reactor, log, transport, peer, .. } = scene;
    reset(peer);
    let name = state.name;
    turn_until(&reactor, || {
        (state.notice)(&transport);
        count(&log, "lost") > 0
    });
    // Its own end, the port and the one beside it.
    turn_until(&reactor, || reactor.stats().sources == 2);
    beside.write_all(b"ping").unwrap();
    turn_until(&reactor, || has(&others, "data ping"));
    let mut answer = [0; 4];
    beside.read_exact(&mut answer).unwrap();
    turn_a_little(&reactor);

    assert_eq!(&answer, b"ping", "{name}");
    assert_eq!(log.entries().last().unwrap(), state.ends, "{name}");
    assert_eq!((count(&log, "made"), count(&log, "lost")), (1, 1), "{name}");
    assert_eq!(count(&log, "stopped"), state.producers, "{name}");
    assert_eq!(others.take(), ["made", "data ping"], "{name}");
    assert_eq!((reactor.stats().pending_timers, reactor.stats().panics), (0, 0), "{name}");
    assert!(!transport.is_connected() && transport.buffered() == 0, "{name}");
    if let Some(ConnectionLost::Lost(error)) = reason.take() {
        let kinds = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
        assert!(kinds.contains(&error.kind()), "{name}: {error:?}");
    }
}

/// Each in a thread of that name, which the report of one that hangs gives.
fn each(play: fn(&State, Open)) {
    for (family, open) in SERVERS {
        for state in STATES {
            let played = Builder::new()
                .name(format!("{family}, {}", state.name))
                .spawn(move || within(DEADLINE, || play(state, *open)))
                .unwrap();
            assert!(played.join().is_ok(), "{family}, {}", state.name);
        }
    }
}

#[test]
fn b201_b215_a_reset_in_any_state_is_one_end() {
    each(play);
}

/// The peer is gone before the port has accepted it.
#[test]
fn a_reset_in_the_backlog_is_an_end_like_any_other() {
    for (family, open) in SERVERS {
        within(DEADLINE, || {
            let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
            let seen = log.clone();
            let server = open(&reactor, Box::new(move || Probe::new(&seen).echo()));
            reset(server.connect());
            let mut talkative = server.connect();
            talkative.write_all(b"first").unwrap();
            reset(talkative);
            let mut last = server.connect();
            last.write_all(b"last").unwrap();
            turn_until(&reactor, || has(&log, "data last"));
            turn_until(&reactor, || reactor.stats().sources == 2);
            last.read_exact(&mut [0; 4]).unwrap();
            // A system may take those who are gone out of the backlog.
            assert_eq!(count(&log, "made"), count(&log, "lost") + 1, "{family}");
            assert_eq!(reactor.stats().pending_timers, 0);
        });
    }
}

/// The peer goes while its protocol is made, or told of it.
#[test]
fn a_reset_of_one_that_was_just_accepted_is_an_end_like_any_other() {
    for (family, open) in SERVERS {
        for in_factory in [true, false] {
            within(DEADLINE, || {
                let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
                let peer = Rc::new(RefCell::new(None::<Socket>));
                let (slot, seen) = (Rc::clone(&peer), log.clone());
                let build = move || {
                    if in_factory {
                        slot.take().into_iter().for_each(reset);
                    }
                    let slot = Rc::clone(&slot);
                    Probe::new(&seen).made(move |transport| {
                        transport.write(b"unread");
                        slot.take().into_iter().for_each(reset);
                        transport.write(b"and more");
                    })
                };
                let server = open(&reactor, Box::new(build));
                peer.replace(Some(server.connect()));
                turn_until(&reactor, || count(&log, "lost") > 0);
                turn_until(&reactor, || reactor.stats().sources == 1);
                turn_a_little(&reactor);
                assert_eq!(log.take(), ["made", BROKEN], "{family}, {in_factory}");
                assert_eq!(reactor.stats().pending_timers, 0);
            });
        }
    }
}
