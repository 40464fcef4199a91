//! What one pass over the delayed calls runs.
//!
//! In the reference a turn moves new timers into the heap, and then runs all that are due at one
//! time, which it looks at once (0, order 3).

use crate::rig::{Rig, secs};
use ropewalk_reactor::{DelayedCall, Reactor};
use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::Duration;

/// A handle that is known only after the callback that uses it.
#[derive(Clone, Default)]
struct Later(Rc<RefCell<Option<DelayedCall>>>);

impl Later {
    fn is(&self, call: DelayedCall) {
        self.0.replace(Some(call));
    }

    fn with<R>(&self, f: impl FnOnce(&DelayedCall) -> R) -> R {
        f(self.0.borrow().as_ref().unwrap())
    }
}

/// Two timers that are due at once; the first does `f` to the second.
fn first_to_second(rig: &Rig, f: impl FnOnce(&DelayedCall) + 'static) -> Later {
    let second = Later::default();
    let (theirs, log) = (second.clone(), rig.log.clone());
    rig.reactor.call_later(secs(1), move |_| {
        log.add("first");
        theirs.with(f);
    });
    second.is(rig.reactor.call_later(secs(1), rig.adds("second")));
    rig.reactor.call_later(secs(1), rig.adds("third"));
    second
}

#[test]
fn b93_one_that_is_cancelled_in_its_own_pass_does_not_run() {
    let rig = Rig::new();
    let second = first_to_second(&rig, |call| call.cancel().unwrap());
    rig.clock.advance(secs(5));
    assert_eq!(rig.logged(), "first third");
    assert!(!second.with(DelayedCall::active));
    assert_eq!(rig.reactor.stats().panics, 0);
}

#[test]
fn b96_one_that_is_moved_later_in_its_own_pass_runs_later() {
    let rig = Rig::new();
    let second = first_to_second(&rig, |call| call.reset(secs(1)).unwrap());
    rig.clock.advance(secs(1));
    assert_eq!(rig.logged(), "first third");
    assert!(second.with(DelayedCall::active));
    rig.clock.advance(secs(1));
    assert_eq!(rig.logged(), "second");
}

#[test]
fn b105_one_that_is_delayed_by_nothing_goes_to_the_end_and_into_the_next_pass() {
    let rig = Rig::new();
    first_to_second(&rig, |call| call.delay(Duration::ZERO).unwrap());
    let timers = rig.log.clone();
    rig.reactor.call_later(secs(1), move |reactor| reactor.call_soon(move |_| timers.add("soon")));
    rig.clock.advance(secs(1));
    assert_eq!(rig.logged(), "first third soon second");
}

/// Whoever is set, or moved here from a later time, waits for the next pass: what is asked for soon
/// comes between.
#[test]
fn b91_w32_what_a_callback_sets_for_now_waits_for_a_later_pass_of_the_same_instant() {
    let rig = Rig::new();
    let far = Later::default();
    let (theirs, log, set) = (far.clone(), rig.log.clone(), rig.adds("set"));
    let soon = rig.adds("soon");
    rig.reactor.call_later(secs(1), move |reactor| {
        log.add("begin");
        reactor.call_later(Duration::ZERO, set);
        theirs.with(|call| call.hasten(secs(100))).unwrap();
        reactor.call_soon(soon);
        log.add("end");
    });
    far.is(rig.reactor.call_later(secs(50), rig.adds("far")));
    let start = rig.reactor.now();
    rig.clock.advance(secs(1));
    assert_eq!(rig.logged(), "begin end soon set far");
    assert_eq!((rig.reactor.now(), rig.reactor.stats().panics), (start + secs(1), 0));
}

/// A timer that sets itself again is one of many in each pass (1.2, `callLater`).
#[test]
fn i7_a_timer_that_sets_itself_again_leaves_the_pass_to_the_others() {
    fn again(log: ropewalk_testing::EventLog, left: u32, reactor: &Reactor) {
        log.add("again");
        if left > 0 {
            reactor.call_later(Duration::ZERO, move |reactor| again(log, left - 1, reactor));
        }
    }
    let rig = Rig::new();
    let log = rig.log.clone();
    rig.reactor.call_later(Duration::ZERO, move |reactor| again(log, 3, reactor));
    rig.reactor.call_later(Duration::ZERO, rig.adds("other"));
    assert_eq!(rig.turn(), "again other");
    assert_eq!(rig.turn(), "again");
    assert_eq!(rig.turn(), "again");
    assert_eq!(rig.turn(), "again");
    assert_eq!(rig.turn(), "");
}

/// Who was due first runs first, also if it did not find room in the pass in which it came up, and
/// others were set for then in between.
#[test]
fn i7_i8_what_a_budget_leaves_over_comes_first_in_the_next_pass() {
    let rig = Rig::with(|builder| builder.budget(NonZeroUsize::new(3).unwrap()));
    for name in ["a", "b", "c", "d", "e"] {
        let (later, log) = (rig.adds(&name.to_uppercase()), rig.log.clone());
        rig.reactor.call_later(Duration::ZERO, move |reactor| {
            log.add(name);
            reactor.call_later(Duration::ZERO, later);
        });
    }
    assert_eq!(rig.turn(), "a b c");
    assert_eq!(rig.turn(), "d e A");
    assert_eq!(rig.turn(), "B C D");
    assert_eq!(rig.turn(), "E");
}

/// A cancelled one takes nobody's place in the budget.
#[test]
fn i7_the_budget_counts_what_runs() {
    let rig = Rig::with(|builder| builder.budget(NonZeroUsize::new(2).unwrap()));
    let others: Rc<RefCell<Vec<DelayedCall>>> = Rc::default();
    let (theirs, log) = (Rc::clone(&others), rig.log.clone());
    rig.reactor.call_later(Duration::ZERO, move |_| {
        log.add("first");
        theirs.borrow().iter().for_each(|call| call.cancel().unwrap());
    });
    for _ in 0..10 {
        others.borrow_mut().push(rig.reactor.call_later(Duration::ZERO, rig.adds("cancelled")));
    }
    rig.reactor.call_later(Duration::ZERO, rig.adds("last"));
    assert_eq!(rig.turn(), "first last");
    assert_eq!(rig.reactor.stats().panics, 0);
}

#[test]
fn i3_a_panic_in_one_leaves_the_pass_to_the_others() {
    let rig = Rig::new();
    rig.reactor.call_later(Duration::ZERO, |_| panic!("on purpose"));
    rig.reactor.call_later(Duration::ZERO, rig.adds("other"));
    assert_eq!((rig.turn().as_str(), rig.reactor.stats().panics), ("other", 1));
}
