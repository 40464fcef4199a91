//! Who writes no faster than a connection can send: asked, paused, resumed, stopped.

use crate::fixture::{Pair, Probe, count, has, pair, thread, turn_a_little, turn_until};
use ropewalk_net::{Producer, Transport};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, Ending, EventLog, MemoryTransport, within};
use std::io::{ErrorKind, Read as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

type Action = Box<dyn FnMut(&Transport)>;

/// Logs what it is told, and does what the test wants when it is to go on.
struct Source {
    log: EventLog,
    resume: Action,
    _payload: Rc<()>,
}

impl Source {
    fn new(log: &EventLog, resume: impl FnMut(&Transport) + 'static) -> Self {
        Self { log: log.clone(), resume: Box::new(resume), _payload: Rc::default() }
    }

    fn holding(mut self, payload: &Rc<()>) -> Self {
        self._payload = Rc::clone(payload);
        self
    }
}

impl Producer for Source {
    fn resume_producing(&mut self, transport: &Transport) {
        self.log.add("resume");
        (self.resume)(transport);
    }

    fn pause_producing(&mut self, _: &Transport) {
        self.log.add("pause");
    }

    fn stop_producing(&mut self, _: &Transport) {
        self.log.add("stop");
    }
}

fn connect(log: &EventLog) -> (MemoryTransport, Transport) {
    let peer = MemoryTransport::connect(Probe::new(log));
    let transport = peer.transport();
    drop(log.take());
    (peer, transport)
}

#[test]
fn b197_a_pull_producer_is_asked_at_once_and_whenever_all_is_sent() {
    let log = EventLog::new();
    let (peer, transport) = connect(&log);
    peer.take_only(0);
    let source = Source::new(&log, |transport| {
        transport.write(b"piece ");
    });
    transport.register_pull_producer(source).unwrap();
    assert!(log.is_empty(), "never from inside of its registration");
    peer.turn();
    assert_eq!(log.take(), ["resume"]);
    peer.take_only(5);
    assert!(log.is_empty(), "something is left");
    for _ in 0..3 {
        peer.take_only(6);
        assert_eq!(log.take(), ["resume"]);
    }
    assert_eq!(peer.take_received(), b"piece piece piece piece");
}

#[test]
fn b197_one_producer_at_a_time_and_the_second_comes_back() {
    let log = EventLog::new();
    let (_peer, transport) = connect(&log);
    transport.register_producer(Source::new(&log, |_| ())).unwrap();
    let second = Source::new(&log, |_| ());
    let refused = transport.register_pull_producer(second).unwrap_err();
    assert!(refused.to_string().contains("unregister"), "{refused}");
    let mut second = refused.into_producer();
    second.resume_producing(&transport);
    assert_eq!(log.take(), ["resume"], "it is the one that was given");
    transport.unregister_producer();
    transport.register_producer(second).unwrap();
}

#[test]
fn b197_a_producer_for_a_connection_that_is_gone_is_stopped_at_once() {
    let log = EventLog::new();
    let (peer, transport) = connect(&log);
    peer.close();
    drop(log.take());
    transport.register_producer(Source::new(&log, |_| ())).unwrap();
    assert_eq!(log.take(), ["stop"]);
    transport.register_pull_producer(Source::new(&log, |_| ())).unwrap();
    assert_eq!(log.take(), ["stop"]);
    transport.unregister_producer();
    peer.turn();
    assert!(log.is_empty());
    // One that was asked to end takes none either.
    let (_peer, transport) = connect(&log);
    transport.lose_connection();
    transport.register_producer(Source::new(&log, |_| ())).unwrap();
    assert_eq!(log.take(), ["stop"]);
}

#[test]
fn a_push_producer_is_paused_above_the_high_mark_and_resumed_at_the_low_one() {
    let log = EventLog::new();
    let (peer, transport) = connect(&log);
    transport.set_write_limits(10, 20);
    assert_eq!(transport.write_limits(), (10, 20));
    peer.take_only(0);
    transport.register_producer(Source::new(&log, |_| ())).unwrap();
    transport.write(&[1; 20]);
    peer.turn();
    assert!(log.is_empty(), "the mark itself is allowed");
    transport.write(b"x");
    assert!(log.is_empty(), "never from inside of a write");
    peer.turn();
    transport.write(b"x");
    peer.turn();
    assert_eq!(log.take(), ["pause"], "once");
    peer.take_only(11);
    assert!(log.is_empty(), "11 are left");
    peer.take_only(1);
    assert_eq!(log.take(), ["drained", "resume"]);
    peer.take_only(None);
    assert!(log.is_empty());
    // Also if that is over before the loop came to it: the producer may have heard it from its write.
    peer.take_only(0);
    transport.write(&[1; 30]);
    transport.set_write_limits(50, 100);
    peer.turn();
    assert_eq!(log.take(), ["drained", "pause", "resume"]);
}

#[test]
fn one_that_is_registered_under_pressure_is_paused_first() {
    let log = EventLog::new();
    let (peer, transport) = connect(&log);
    peer.take_only(0);
    transport.write(&[0; 100_000]);
    transport.register_producer(Source::new(&log, |_| ())).unwrap();
    peer.turn();
    assert_eq!(log.take(), ["pause"]);
    peer.take_only(None);
    assert_eq!(log.take(), ["drained", "resume"]);
}

#[test]
fn b202_lose_connection_waits_for_the_producer() {
    let log = EventLog::new();
    let (peer, transport) = connect(&log);
    let mut left = 3;
    let source = Source::new(&log, move |transport| {
        left -= 1;
        transport.write(b"data ");
        if left == 0 {
            transport.unregister_producer();
            transport.write(b"too late");
        }
    });
    peer.take_only(0);
    transport.register_pull_producer(source).unwrap();
    transport.lose_connection();
    assert!(!transport.is_connected() && transport.accepts_writes());
    peer.turn();
    assert_eq!(peer.ending(), None);
    peer.take_only(None);
    assert_eq!(peer.take_received(), b"data data data ");
    assert_eq!(peer.ending(), Some(Ending::Gentle));
    assert_eq!(log.take(), ["resume", "resume", "resume", "lost done"]);
}

#[test]
fn b202_b205_so_does_a_half_close() {
    let log = EventLog::new();
    let (peer, transport) = connect(&log);
    transport.register_producer(Source::new(&log, |_| ())).unwrap();
    transport.lose_write_connection();
    peer.turn();
    transport.write(b"from the producer");
    peer.turn();
    assert!(!peer.sees_end());
    transport.unregister_producer();
    peer.turn();
    assert!(peer.sees_end());
    assert_eq!(peer.take_received(), b"from the producer");
    assert_eq!(log.take(), ["write done"]);
}

#[test]
fn b202_unregistering_after_the_end_does_nothing() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let Pair { peer, transport, port } = pair(&reactor, Probe::new(&log));
        transport.register_producer(Source::new(&log, |_| ())).unwrap();
        while !transport.write(&[0; 65_536]).is_high() {}
        drop((peer, port));
        turn_until(&reactor, || has(&log, "lost broken"));
        let before = reactor.stats();
        transport.unregister_producer();
        turn_a_little(&reactor);
        let after = reactor.stats();
        assert_eq!((after.sources, after.calls), (0, before.calls));
        assert_eq!(count(&log, "stop"), 1);
    });
}

#[test]
fn i6_i7_a_pull_producer_that_writes_nothing_is_not_asked_again() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = pair(&reactor, Probe::new(&log));
        let idle = Source::new(&log, |transport| {
            transport.write(b"");
        });
        pair.transport.register_pull_producer(idle).unwrap();
        turn_until(&reactor, || has(&log, "resume"));
        turn_a_little(&reactor);
        let before = reactor.stats().calls;
        turn_a_little(&reactor);
        assert_eq!((reactor.stats().calls, count(&log, "resume")), (before, 1));
        // Later it has something, wherever that is written.
        pair.transport.write(b"now");
        turn_until(&reactor, || count(&log, "resume") == 2);
    });
}

#[test]
fn i7_a_producer_without_an_end_starves_nobody() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let Pair { mut peer, transport, port } = pair(&reactor, Probe::new(&log));
        let endless = Source::new(&EventLog::new(), |transport| {
            transport.write(b"x");
        });
        transport.register_pull_producer(endless).unwrap();
        let reader = thread(move || while peer.read(&mut [0; 65_536]).is_ok_and(|n| n > 0) {});
        let seen = log.clone();
        reactor.call_later(Duration::from_millis(20), move |_| seen.add("timer"));
        turn_until(&reactor, || has(&log, "timer"));
        transport.abort_connection();
        turn_until(&reactor, || has(&log, "lost aborted"));
        drop(port);
        reader.join().unwrap();
    });
}

#[test]
fn every_end_stops_the_producer_once_and_drops_it() {
    type End = fn(&MemoryTransport);
    let ends: [(&str, End); 6] = [
        ("lost done", |peer| peer.transport().unregister_producer()),
        ("lost aborted", |peer| peer.transport().abort_connection()),
        ("lost broken", |peer| peer.break_with(ErrorKind::ConnectionReset)),
        ("lost panicked", |peer| {
            catch_unwind(AssertUnwindSafe(|| peer.send(b"panic"))).unwrap_err();
        }),
        ("lost too slow", |peer| {
            peer.take_only(0);
            peer.transport().set_max_buffered(5);
            peer.transport().write(b"123456");
        }),
        ("lost done", |_| ()),
    ];
    for (number, (reason, end)) in ends.into_iter().enumerate() {
        let (log, payload) = (EventLog::new(), Rc::new(()));
        let peer = MemoryTransport::connect(Probe::new(&log).data(|_, _| panic!("a bug")));
        let source = Source::new(&log, |_| ()).holding(&payload);
        peer.transport().register_producer(source).unwrap();
        end(&peer);
        peer.turn();
        let kept = peer.transport();
        drop(peer);
        let stops = usize::from(number > 0);
        assert_eq!(count(&log, "stop"), stops, "{reason}");
        assert_eq!(log.entries().last().map(String::as_str), Some(reason));
        assert_eq!(Rc::strong_count(&payload), 1, "{reason}");
        drop(kept);
    }
}

#[test]
fn i3_a_panic_of_a_producer_ends_its_connection_only() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let other = pair(&reactor, Probe::new(&EventLog::new()));
        let sick = pair(&reactor, Probe::new(&log));
        let source = Source::new(&log, |_| panic!("a bug in a producer"));
        sick.transport.register_pull_producer(source).unwrap();
        turn_until(&reactor, || has(&log, "lost panicked"));
        turn_a_little(&reactor);
        assert_eq!(log.entries(), ["made", "resume", "stop", "lost panicked"]);
        assert_eq!(reactor.stats().panics, 1);
        assert!(other.transport.is_connected());
    });
}

#[test]
fn i3_a_panic_in_stop_producing_keeps_nobody_from_connection_lost() {
    struct Stubborn;
    impl Producer for Stubborn {
        fn resume_producing(&mut self, _: &Transport) {}
        fn stop_producing(&mut self, _: &Transport) {
            panic!("no")
        }
    }
    let log = EventLog::new();
    let (peer, transport) = connect(&log);
    transport.register_producer(Stubborn).unwrap();
    transport.abort_connection();
    catch_unwind(AssertUnwindSafe(|| peer.turn())).unwrap_err();
    assert_eq!(log.take(), ["lost aborted"]);
}

#[test]
fn i5_a_producer_may_hand_over_to_another_while_it_runs() {
    let (log, payload) = (EventLog::new(), Rc::new(()));
    let (peer, transport) = connect(&log);
    let seen = log.clone();
    let first = Source::new(&log, move |transport| {
        transport.unregister_producer();
        let second = Source::new(&seen, |transport| {
            transport.write(b"second");
            transport.unregister_producer();
        });
        transport.register_pull_producer(second).unwrap();
        transport.write(b"first ");
    });
    transport.register_pull_producer(first.holding(&payload)).unwrap();
    peer.turn();
    assert_eq!(peer.take_received(), b"first second");
    assert_eq!(log.take(), ["resume", "resume"]);
    assert_eq!(Rc::strong_count(&payload), 1, "the first is dropped");
}

/// All is sent before the loop comes to telling it of the pressure that its write has told of.
#[test]
fn a_push_producer_that_waits_because_a_write_said_so_is_resumed() {
    const PIECE: usize = 100_000;
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let Pair { mut peer, transport, .. } = pair(&reactor, Probe::new(&EventLog::new()));
        transport.register_producer(Source::new(&log, |_| ())).unwrap();
        turn_a_little(&reactor);
        let writing = transport.clone();
        reactor.call_soon(move |_| {
            let mut written = PIECE;
            while !writing.write(&[7; PIECE]).is_high() {
                written += PIECE;
            }
            // The peer's system, and ours, have room for all of the rest.
            peer.read_exact(&mut vec![0; written - writing.buffered()]).unwrap();
            drop(thread(move || peer.read_to_end(&mut Vec::new())));
        });
        turn_until(&reactor, || has(&log, "resume"));
        assert_eq!(log.take(), ["pause", "resume"]);
        assert_eq!(transport.buffered(), 0);
    });
}
