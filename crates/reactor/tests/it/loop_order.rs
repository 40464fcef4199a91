//! What a turn runs, in which order: exactly, with time and readiness made by hand.

use crate::rig::Rig;
use ropewalk_reactor::{Interest, Phase, Reactor, Readiness, Registration, SystemEvent};
use ropewalk_testing::{DEADLINE, within};
use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::Duration;

const ZERO: Option<Duration> = Some(Duration::ZERO);

/// Asks for one of each kind; the letter says who has asked.
fn asks(rig: &Rig, letter: char) -> impl FnOnce(&Reactor) + Send + use<> {
    let [call, timer, soon] = ["call", "timer", "soon"].map(|kind| {
        let (log, entry) = (rig.log.clone(), format!("{letter}-{kind}"));
        move |_: &Reactor| log.add(entry)
    });
    let (log, entry) = (rig.log.clone(), letter.to_string());
    move |reactor| {
        log.add(entry);
        reactor.handle().call_from_thread(call).unwrap();
        reactor.call_later(Duration::ZERO, timer);
        reactor.call_soon(soon);
    }
}

/// What is asked of a later step runs in the same turn, all else in the next.
#[test]
fn i7_a_turn_serves_calls_timers_soon_and_io_in_this_order() {
    let rig = Rig::new();
    let asks_once = RefCell::new(Some(asks(&rig, 'E')));
    let source = rig.watch_with("io", Interest::READABLE.edge_triggered(), move |reactor| {
        let asks = asks_once.take();
        asks.unwrap()(reactor);
    });
    // The other way round.
    rig.selector.make_ready(&source, Readiness::READABLE);
    rig.reactor.call_soon(asks(&rig, 'S'));
    rig.reactor.call_later(Duration::ZERO, asks(&rig, 'T'));
    rig.call(asks(&rig, 'C'));
    assert_eq!(rig.turn(), "C T C-timer S C-soon T-soon io E");
    assert_eq!(
        rig.turn(),
        "C-call T-call S-call E-call T-timer S-timer E-timer S-soon E-soon",
        "each kind in the order in which it was asked for"
    );
    assert_eq!(rig.turn(), "");
}

/// What is made ready in a turn before its look is delivered by that look.
#[test]
fn the_look_at_the_sources_comes_last() {
    let rig = Rig::new();
    let source = rig.watch("io", Interest::READABLE.edge_triggered());
    let shared = rig.reactor.share((rig.selector.clone(), source));
    let by = |kind: &str| {
        let shared = shared.clone();
        let ready = move |reactor: &Reactor| {
            let pair = shared.get(reactor).unwrap();
            assert!(pair.0.make_ready(&pair.1, Readiness::READABLE));
        };
        match kind {
            "call" => rig.call(ready),
            "timer" => drop(rig.reactor.call_later(Duration::ZERO, ready)),
            _ => rig.reactor.call_soon(ready),
        }
        rig.turn()
    };
    assert_eq!(["call", "timer", "soon"].map(by), ["io"; 3]);
}

#[test]
fn i7_each_kind_has_a_budget_of_its_own() {
    let rig = Rig::with(|builder| builder.budget(NonZeroUsize::new(2).unwrap()));
    for number in 1..=3 {
        rig.call(rig.adds(&format!("call{number}")));
        rig.reactor.call_later(Duration::ZERO, rig.adds(&format!("timer{number}")));
        rig.reactor.call_soon(rig.adds(&format!("soon{number}")));
    }
    assert_eq!(rig.turn(), "call1 call2 timer1 timer2 soon1 soon2");
    rig.call(rig.adds("call4"));
    assert_eq!(rig.turn(), "call3 timer3 soon3", "call4 came after the calls were taken up");
    assert_eq!(rig.turn(), "call4");
}

/// 600 sources that are always ready: each has been served before one is served again.
#[test]
fn i7_w12_a_turn_delivers_256_events_and_the_others_come_first_in_the_next() {
    let rig = Rig::new();
    let sources: Vec<_> =
        (0..600).map(|number| rig.watch(&number.to_string(), Interest::READABLE)).collect();
    for source in &sources {
        rig.selector.make_ready(source, Readiness::READABLE);
    }
    let numbers = |from: usize, count: usize| {
        let numbers = (from..from + count).map(|number| (number % 600).to_string());
        numbers.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(rig.turn(), numbers(0, 256));
    assert_eq!(rig.turn(), numbers(256, 256));
    assert_eq!(rig.turn(), numbers(512, 256));
}

#[test]
fn i7_w12_with_100_000_calls_queued_all_else_is_served_in_the_first_turn() {
    within(DEADLINE, || {
        let rig = Rig::new();
        for _ in 0..100_000 {
            rig.call(|_| ());
        }
        let source = rig.watch("io", Interest::READABLE.edge_triggered());
        rig.selector.make_ready(&source, Readiness::READABLE);
        rig.reactor.call_later(Duration::ZERO, rig.adds("timer"));
        rig.reactor.call_soon(rig.adds("soon"));
        rig.call(rig.adds("last call"));
        assert_eq!(rig.turn(), "timer soon io");
        assert_eq!(rig.reactor.stats().calls, 256);
        let mut turns = 1;
        while rig.turn().is_empty() {
            turns += 1;
        }
        assert_eq!(turns, 100_001_usize.div_ceil(256) - 1);
    });
}

/// Nobody can keep the loop from its look at the sources, nor be passed over by it.
#[test]
fn i7_what_asks_for_itself_again_is_served_once_in_each_turn() {
    fn call(rig: &Rig) -> impl FnOnce(&Reactor) + Send + use<> {
        fn again(log: ropewalk_testing::EventLog, reactor: &Reactor) {
            log.add("call");
            let _ = reactor.handle().call_from_thread(move |reactor| again(log, reactor));
        }
        let log = rig.log.clone();
        move |reactor| again(log, reactor)
    }
    fn timer(log: ropewalk_testing::EventLog, reactor: &Reactor) {
        log.add("timer");
        reactor.call_later(Duration::ZERO, move |reactor| timer(log, reactor));
    }
    fn soon(log: ropewalk_testing::EventLog, reactor: &Reactor) {
        log.add("soon");
        reactor.call_soon(move |reactor| soon(log, reactor));
    }
    let rig = Rig::new();
    rig.call(call(&rig));
    timer(rig.log.clone(), &rig.reactor);
    soon(rig.log.clone(), &rig.reactor);
    let source = rig.watch("io", Interest::READABLE);
    rig.selector.make_ready(&source, Readiness::READABLE);
    rig.logged();
    for _ in 0..10 {
        assert_eq!(rig.turn(), "call timer soon io");
    }
    assert_eq!(rig.selector.waits(), [ZERO; 10]);
}

/// The event of b was fetched before a's callback dropped b; c has taken b's slot.
#[test]
fn i5_an_event_is_not_delivered_to_who_is_gone_nor_to_who_came_after_it() {
    let rig = Rc::new(Rig::new());
    let b: Rc<RefCell<Option<Registration<_>>>> = Rc::default();
    let (victim, weak) = (Rc::clone(&b), Rc::downgrade(&rig));
    let a = rig.watch_with("a", Interest::READABLE.edge_triggered(), move |_| {
        let rig = weak.upgrade().unwrap();
        drop(victim.take());
        victim.replace(Some(rig.watch("c", Interest::READABLE)));
    });
    b.replace(Some(rig.watch("b", Interest::READABLE)));
    rig.selector.make_ready(&a, Readiness::READABLE);
    rig.selector.make_ready(b.borrow().as_ref().unwrap(), Readiness::READABLE);
    assert_eq!(rig.turn(), "a");
    assert_eq!(rig.turn(), "");
    rig.selector.make_ready(b.borrow().as_ref().unwrap(), Readiness::READABLE);
    assert_eq!(rig.turn(), "c");
    assert_eq!(rig.reactor.stats().events, 2);
    b.take();
}

/// The same, with b still there but watched for something else.
#[test]
fn i5_an_event_that_was_fetched_before_the_interest_changed_is_dropped() {
    let rig = Rig::new();
    let b = Rc::new(rig.watch("b", Interest::READABLE));
    let changed = Rc::clone(&b);
    let a = rig.watch_with("a", Interest::READABLE.edge_triggered(), move |_| {
        changed.set_interest(Interest::WRITABLE).unwrap();
    });
    rig.selector.make_ready(&a, Readiness::READABLE);
    rig.selector.make_ready(&b, Readiness::READABLE);
    assert_eq!(rig.turn(), "a");
    assert_eq!(rig.turn(), "");
    b.set_interest(Interest::BOTH).unwrap();
    assert_eq!(rig.turn(), "b");
}

#[test]
fn the_phases_of_a_run_stand_around_its_turns() {
    within(DEADLINE, || {
        let rig = Rig::new();
        for (event, name) in [(SystemEvent::Startup, "start"), (SystemEvent::Shutdown, "stop")] {
            for phase in [Phase::Before, Phase::During, Phase::After] {
                let entry = format!("{name}-{phase:?}").to_lowercase();
                rig.reactor.add_system_event_trigger(phase, event, rig.adds(&entry));
            }
        }
        let source = rig.watch_with("io", Interest::READABLE, Reactor::stop);
        rig.selector.make_ready(&source, Readiness::READABLE);
        rig.reactor.call_soon(rig.adds("soon"));
        rig.reactor.run().unwrap();
        assert_eq!(
            rig.logged(),
            "start-before start-during start-after soon io stop-before stop-during stop-after"
        );
    });
}
