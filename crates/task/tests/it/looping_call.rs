//! `LoopingCall`: when it calls, how it is stopped, and what its function may do.

use crate::signal::{manual, settle};
use ropewalk_deferred::{Deferred, Promise};
use ropewalk_reactor::{ManualClock, Reactor, seconds};
use ropewalk_task::{AlreadyRunning, LoopingCall, NotRunning};
use ropewalk_testing::{DEADLINE, EventLog, no_result, success_of, within};
use std::cell::{Cell, RefCell};
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// A loop that logs the time of each call, since now, and the count.
fn logging(reactor: &Reactor) -> (LoopingCall, EventLog<(Duration, u64)>) {
    let log = EventLog::default();
    let (entries, start) = (log.clone(), reactor.now());
    let looping = LoopingCall::with_count(move |reactor, count| {
        entries.add((reactor.now() - start, count));
    });
    (looping, log)
}

/// A loop whose calls last until their promises are fired, with the times and counts of the calls.
struct Slow {
    looping: LoopingCall,
    promises: Rc<RefCell<Vec<Promise<()>>>>,
    log: EventLog<(Duration, u64)>,
}

fn slow(reactor: &Reactor) -> Slow {
    let promises = Rc::new(RefCell::new(Vec::new()));
    let log = EventLog::default();
    let (places, entries, start) = (Rc::clone(&promises), log.clone(), reactor.now());
    let looping = LoopingCall::with_count(move |reactor, count| {
        entries.add((reactor.now() - start, count));
        let (promise, deferred) = Deferred::new();
        places.borrow_mut().push(promise);
        deferred
    });
    Slow { looping, promises, log }
}

impl Slow {
    fn end_call(&self) {
        let promise = self.promises.borrow_mut().pop().unwrap();
        promise.callback(());
    }
}

#[test]
fn b181_w32_calls_now_and_then_on_the_grid_each_at_its_own_time() {
    let (clock, reactor) = manual();
    let (looping, log) = logging(&reactor);
    let done = looping.start(&reactor, 100 * MS).unwrap();
    assert_eq!(log.entries(), [(Duration::ZERO, 1)], "before it returns");
    clock.advance(250 * MS);
    assert_eq!(log.take(), [(Duration::ZERO, 1), (100 * MS, 1), (200 * MS, 1)]);
    let done = no_result(done);
    looping.stop().unwrap();
    assert_eq!(reactor.delayed_calls(), []);
    assert_eq!(success_of(done).interval(), Some(100 * MS));
    clock.advance(SECOND);
    assert_eq!(log.take(), []);
}

#[test]
fn b181_started_for_later_it_waits_for_the_first_interval() {
    let (clock, reactor) = manual();
    let (looping, log) = logging(&reactor);
    let done = looping.start_later(&reactor, 100 * MS).unwrap();
    clock.advance(250 * MS);
    assert_eq!(log.take(), [(100 * MS, 1), (200 * MS, 1)]);
    looping.stop().unwrap();
    success_of(done);
    assert_eq!(reactor.delayed_calls(), []);
}

#[test]
fn b182_stopped_before_the_first_call_there_is_none() {
    let (clock, reactor) = manual();
    let (looping, log) = logging(&reactor);
    for wait in [0, 99] {
        let done = looping.start_later(&reactor, 100 * MS).unwrap();
        clock.advance(wait * MS);
        looping.stop().unwrap();
        success_of(done);
    }
    clock.advance(SECOND);
    assert_eq!(log.take(), []);
}

#[test]
fn b182_a_negative_interval_cannot_be_made() {
    assert!(seconds(-1.0).is_err());
}

#[test]
fn b185_a_deferred_delays_the_next_call_which_is_told_of_the_points_missed() {
    let (clock, reactor) = manual();
    let slow = slow(&reactor);
    slow.looping.start_later(&reactor, 200 * MS).unwrap().detach();
    clock.advance(200 * MS);
    clock.advance(400 * MS);
    assert_eq!(slow.log.entries(), [(200 * MS, 1)]);
    slow.end_call();
    assert_eq!(slow.log.entries().len(), 1, "600 ms is a point that has passed");
    clock.advance(200 * MS);
    assert_eq!(slow.log.take(), [(200 * MS, 1), (800 * MS, 3)]);
}

#[test]
fn b185_a_function_that_blocks_misses_points_too() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let log = EventLog::default();
        let (entries, start) = (log.clone(), Instant::now());
        let looping = LoopingCall::with_count(move |reactor, count| {
            if entries.is_empty() {
                let begun = Instant::now();
                while begun.elapsed() < 12 * MS {
                    std::hint::spin_loop();
                }
            } else {
                reactor.stop();
            }
            entries.add((start.elapsed(), count));
        });
        looping.start(&reactor, 5 * MS).unwrap().detach();
        reactor.run().unwrap();
        let [(_, first), (time, second)] = log.take()[..] else { panic!("two calls") };
        assert_eq!(first, 1);
        assert!(time >= 15 * MS && second >= 3, "{time:?} {second}");
    });
}

#[test]
fn b188_no_interval_is_a_call_in_each_turn_until_the_stop() {
    let reactor = Reactor::new().unwrap();
    let (looping, log) = logging(&reactor);
    let done = looping.start(&reactor, Duration::ZERO).unwrap();
    for turns in 1..=5 {
        assert_eq!(log.len(), turns);
        reactor.turn(Some(Duration::ZERO)).unwrap();
    }
    looping.stop().unwrap();
    reactor.turn(Some(Duration::ZERO)).unwrap();
    assert!(log.take().iter().map(|(_, count)| *count).eq([1; 6]));
    success_of(done);
}

#[test]
fn i7_a_loop_without_interval_leaves_the_others_their_share() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().budget(NonZeroUsize::MIN).build().unwrap();
        let (looping, log) = logging(&reactor);
        let (other, other_log) = logging(&reactor);
        for looping in [&looping, &other] {
            looping.start(&reactor, Duration::ZERO).unwrap().detach();
        }
        let handle = reactor.handle();
        for _ in 0..10 {
            handle.call_from_thread(|_| ()).unwrap();
        }
        reactor.call_later(MS, move |_| {
            handle.call_from_thread(|reactor| reactor.call_soon(Reactor::stop)).unwrap();
        });
        reactor.run().unwrap();
        assert!(log.len().abs_diff(other_log.len()) <= 1, "{} {}", log.len(), other_log.len());
    });
}

#[test]
fn the_manual_clock_passes_a_loop_without_interval() {
    let (clock, reactor) = manual();
    let (looping, log) = logging(&reactor);
    looping.start(&reactor, Duration::ZERO).unwrap().detach();
    clock.advance(SECOND);
    assert_eq!(clock.elapsed(), SECOND);
    assert!(log.len() >= 2);
}

#[test]
fn the_finest_and_the_longest_interval_are_exact() {
    let (clock, reactor) = manual();
    let (finest, log) = logging(&reactor);
    let nano = Duration::from_nanos(1);
    finest.start(&reactor, nano).unwrap().detach();
    clock.advance(1_000 * nano);
    finest.stop().unwrap();
    let expected = (0..=1_000).map(|n| (n * nano, 1));
    assert!(log.take().into_iter().eq(expected));

    let (longest, log) = logging(&reactor);
    longest.start(&reactor, Duration::MAX).unwrap().detach();
    // Longer than a timer can be set for; that it rings must not look like a point.
    let century = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    (0..3).for_each(|_| clock.advance(century));
    assert_eq!(log.len(), 1);
    assert!(longest.running());
}

#[test]
fn a_reset_begins_the_grid_anew() {
    let (clock, reactor) = manual();
    let (looping, log) = logging(&reactor);
    looping.start(&reactor, 100 * MS).unwrap().detach();
    clock.advance(170 * MS);
    looping.reset().unwrap();
    let due: Vec<_> = reactor.delayed_calls().iter().map(|call| call.time).collect();
    assert_eq!(due, [reactor.now() + 100 * MS]);
    clock.advance(230 * MS);
    let times = [0, 100, 270, 370].map(|time| (time * MS, 1));
    assert_eq!(log.take(), times);
}

#[test]
fn a_reset_during_a_call_counts_from_then() {
    let (clock, reactor) = manual();
    let slow = slow(&reactor);
    slow.looping.start(&reactor, 100 * MS).unwrap().detach();
    // One point is missed before the reset, and one after it.
    clock.advance(130 * MS);
    slow.looping.reset().unwrap();
    clock.advance(120 * MS);
    slow.end_call();
    clock.advance(200 * MS);
    assert_eq!(slow.log.take(), [(Duration::ZERO, 1), (330 * MS, 2)]);
}

#[test]
fn i5_its_function_may_call_all_its_methods() {
    let (clock, reactor) = manual();
    let calls = Rc::new(Cell::new(0));
    let count = Rc::clone(&calls);
    let looping = LoopingCall::new(move |reactor| {
        let this = LoopingCall::current().unwrap();
        count.set(count.get() + 1);
        assert!(this.running());
        assert_eq!(this.interval(), Some(SECOND));
        assert_eq!(this.start(reactor, MS).unwrap_err(), AlreadyRunning);
        this.reset().unwrap();
        assert!(format!("{this:?}").starts_with("LoopingCall { running: true, interval: "));
        if count.get() == 2 {
            this.stop().unwrap();
            assert!(!this.running());
            assert_eq!(this.stop(), Err(NotRunning));
            assert_eq!(this.reset(), Err(NotRunning));
            assert_eq!(this.start_later(reactor, MS).unwrap_err(), AlreadyRunning);
        }
    });
    let done = looping.start(&reactor, SECOND).unwrap();
    assert!(LoopingCall::current().is_none());
    clock.advance(10 * SECOND);
    assert_eq!(calls.get(), 2);
    assert!(!success_of(done).running());
}

#[test]
fn the_current_loop_is_that_of_the_innermost_call() {
    let (_clock, reactor) = manual();
    let (inner, log) = logging(&reactor);
    let looping = LoopingCall::new(move |reactor| {
        inner.start(reactor, MS).unwrap().detach();
        LoopingCall::current().unwrap().stop().unwrap();
        assert!(inner.running());
    });
    success_of(looping.start(&reactor, SECOND).unwrap());
    assert_eq!(log.len(), 1);
}

#[test]
fn a_stop_waits_for_the_call_that_is_under_way() {
    let (clock, reactor) = manual();
    let slow = slow(&reactor);
    let done = slow.looping.start(&reactor, SECOND).unwrap();
    slow.looping.stop().unwrap();
    assert!(!slow.looping.running());
    assert_eq!(slow.looping.stop(), Err(NotRunning));
    assert_eq!(slow.looping.start(&reactor, SECOND).unwrap_err(), AlreadyRunning);
    clock.advance(3 * SECOND);
    let done = no_result(done);
    assert!(!slow.promises.borrow()[0].is_cancelled());
    slow.end_call();
    success_of(done);
    clock.advance(SECOND);
    assert_eq!(slow.log.len(), 1);
}

#[test]
fn a_loop_can_be_started_again_also_from_where_its_end_is_told() {
    let (clock, reactor) = manual();
    let (looping, log) = logging(&reactor);
    let weak = reactor.downgrade();
    let done = looping.start_later(&reactor, SECOND).unwrap().add_callback(move |looping| {
        weak.with(|reactor| Ok(looping.start(reactor, 2 * SECOND)?)).unwrap()
    });
    clock.advance(SECOND);
    looping.stop().unwrap();
    assert_eq!(looping.interval(), Some(2 * SECOND));
    clock.advance(2 * SECOND);
    let times = [1, 1, 3].map(|time| (time * SECOND, 1));
    assert_eq!(log.take(), times);
    looping.stop().unwrap();
    let again = success_of(done).add_callback(|_| ());
    success_of(again);

    // On another reactor, too.
    let (clock, reactor) = manual();
    looping.start_later(&reactor, SECOND).unwrap().detach();
    clock.advance(SECOND);
    assert_eq!(log.len(), 1);
}

#[test]
fn a_loop_goes_on_from_run_to_run() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let calls = Rc::new(Cell::new(0));
        let count = Rc::clone(&calls);
        let looping = LoopingCall::new(move |reactor| {
            count.set(count.get() + 1);
            reactor.stop();
        });
        looping.start_later(&reactor, MS).unwrap().detach();
        (0..3).for_each(|_| drop(reactor.run().unwrap()));
        assert_eq!(calls.get(), 3);
    });
}

#[test]
fn its_timer_names_the_line_that_made_the_loop() {
    let (_clock, reactor) = manual();
    let line = line!() + 1;
    let looping = LoopingCall::new(|_| ());
    looping.start(&reactor, SECOND).unwrap().detach();
    let location = reactor.delayed_calls()[0].location;
    assert_eq!((location.file(), location.line()), (file!(), line));
}

#[test]
fn i8_equal_loops_keep_their_order() {
    let (clock, reactor): (ManualClock, _) = manual();
    let log = EventLog::<u32>::default();
    for n in 0..5_u32 {
        let log = log.clone();
        let looping = LoopingCall::new(move |_| log.add(n));
        looping.start_later(&reactor, SECOND).unwrap().detach();
    }
    clock.advance(3 * SECOND);
    settle(&clock);
    assert_eq!(log.take(), [0, 1, 2, 3, 4].repeat(3));
}
