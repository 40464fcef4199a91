//! Transports as the producers of other transports: back-pressure from end to end.

use crate::fixture::{Pair, Probe, has, pair, thread, turn_until};
use ropewalk_net::Transport;
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, Ending, EventLog, MemoryTransport, within};
use std::cell::{Cell, RefCell};
use std::io::{ErrorKind, Read as _, Write as _};
use std::rc::Rc;

/// Two connections, of which the first writes what it receives to the second.
fn linked(log: &EventLog) -> (MemoryTransport, MemoryTransport) {
    let to = MemoryTransport::connect(Probe::new(log));
    let target = to.transport();
    let from = MemoryTransport::connect(Probe::new(&EventLog::new()).data(move |_, data| {
        target.write(data);
    }));
    to.transport().register_producer(from.transport()).unwrap();
    (from, to)
}

#[test]
fn a_slow_transport_stops_the_reading_of_its_producer() {
    let log = EventLog::new();
    let (from, to) = linked(&log);
    to.take_only(0);
    (0..10).for_each(|_| from.send(&[7; 50_000]));
    assert!(from.transport().is_paused());
    assert_eq!(to.transport().buffered(), 100_000, "at once: not one read more");
    to.take_only(None);
    from.turn();
    to.turn();
    assert!(!from.transport().is_paused());
    assert_eq!(to.take_received().len(), 500_000);
}

#[test]
fn one_that_is_registered_under_pressure_does_not_read() {
    let to = MemoryTransport::connect(Probe::new(&EventLog::new()));
    to.take_only(0);
    to.transport().write(&[0; 100_000]);
    let from = MemoryTransport::connect(Probe::new(&EventLog::new()));
    to.transport().register_producer(from.transport()).unwrap();
    assert!(from.transport().is_paused());
    to.take_only(None);
    assert!(!from.transport().is_paused());
}

#[test]
fn a_pause_of_ones_own_is_another_one() {
    let log = EventLog::new();
    let (from, to) = linked(&log);
    to.take_only(0);
    from.send(&[7; 100_000]);
    from.transport().pause_producing();
    to.take_only(None);
    assert!(from.transport().is_paused(), "still, by its owner");
    to.take_only(0);
    from.transport().resume_producing();
    from.send(&[7; 100_000]);
    from.transport().resume_producing();
    assert!(from.transport().is_paused(), "still, by the slow one");
}

#[test]
fn the_slowest_of_several_decides() {
    let (first, second) = (EventLog::new(), EventLog::new());
    let (from, one) = linked(&first);
    let two = MemoryTransport::connect(Probe::new(&second));
    two.transport().register_producer(from.transport()).unwrap();
    for to in [&one, &two] {
        to.take_only(0);
        to.transport().write(&[0; 100_000]);
    }
    one.take_only(None);
    assert!(from.transport().is_paused());
    two.transport().unregister_producer();
    assert!(!from.transport().is_paused(), "an end of the registration lets it go, too");
}

#[test]
fn the_end_of_the_slow_one_ends_its_producer() {
    let log = EventLog::new();
    let (from, to) = linked(&log);
    to.take_only(0);
    from.send(&[7; 100_000]);
    from.transport().write(b"before");
    to.break_with(ErrorKind::ConnectionReset);
    from.turn();
    assert_eq!(from.take_received(), b"before");
    assert_eq!(from.ending(), Some(Ending::Gentle));
    assert!(has(&log, "lost broken"));
}

/// Whoever writes knows when that was all: nothing is waited for but the sending.
#[test]
fn b202_a_transport_is_no_producer_that_an_end_waits_for() {
    let log = EventLog::new();
    let (from, to) = linked(&log);
    from.send(b"all of it");
    to.transport().lose_connection();
    to.turn();
    assert_eq!(to.take_received(), b"all of it");
    assert_eq!(to.ending(), Some(Ending::Gentle));
}

#[test]
fn the_place_of_one_that_is_gone_is_free() {
    let log = EventLog::new();
    let (from, to) = linked(&log);
    assert!(to.transport().register_producer(from.transport()).is_err());
    from.close();
    let next = MemoryTransport::connect(Probe::new(&log));
    to.transport().register_producer(next.transport()).unwrap();
}

/// Each is the producer of the other, and each protocol has the other's transport.
#[test]
fn two_that_feed_each_other_are_freed_at_the_end_of_either() {
    let payload = Rc::new(());
    let end = |peer: &Rc<RefCell<Option<Transport>>>| {
        let (peer, held) = (Rc::clone(peer), Rc::clone(&payload));
        Probe::new(&EventLog::new()).data(move |_, data| {
            let _payload = &held;
            peer.borrow().as_ref().unwrap().write(data);
        })
    };
    let (to_a, to_b) = (Rc::default(), Rc::default());
    let (a, b) = (MemoryTransport::connect(end(&to_b)), MemoryTransport::connect(end(&to_a)));
    to_a.replace(Some(a.transport()));
    to_b.replace(Some(b.transport()));
    a.transport().register_producer(b.transport()).unwrap();
    b.transport().register_producer(a.transport()).unwrap();
    drop((to_a, to_b));
    assert_eq!(Rc::strong_count(&payload), 3);
    a.close();
    assert!(!b.transport().is_connected());
    b.turn();
    assert_eq!(Rc::strong_count(&payload), 1);
    assert_eq!((a.ending(), b.ending()), (Some(Ending::Gentle), Some(Ending::Gentle)));
}

/// A proxy between a sender that is fast and a reader that is slow.
#[test]
fn w7_the_memory_of_a_proxy_is_bounded() {
    const MANY: usize = 32 * 1024 * 1024;
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let Pair { peer: mut slow, transport: to, port: _one } =
            pair(&reactor, Probe::new(&EventLog::new()));
        let (target, ended, most) = (to.clone(), to.clone(), Rc::new(Cell::new(0)));
        let seen = Rc::clone(&most);
        let probe = Probe::new(&EventLog::new())
            .data(move |_, data| {
                target.write(data);
                seen.set(seen.get().max(target.buffered()));
            })
            .lost(move |_, _| ended.lose_connection());
        let Pair { peer: mut fast, transport: from, port: _two } = pair(&reactor, probe);
        to.register_producer(from).unwrap();
        let sender = thread(move || fast.write_all(&vec![7; MANY]).unwrap());
        let reader = thread(move || {
            let mut all = Vec::new();
            slow.read_to_end(&mut all).map(|_| all.len()).unwrap()
        });
        turn_until(&reactor, || reader.is_finished());
        sender.join().unwrap();
        assert_eq!(reader.join().unwrap(), MANY);
        // The high mark, and one read.
        assert!(most.get() <= 200 * 1024, "{}", most.get());
    });
}
