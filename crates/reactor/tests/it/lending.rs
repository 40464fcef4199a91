//! References to a reactor that somebody else owns, and how long they may be kept.

use crate::fixture::{A_FILE, Drops, Log, OnDrop, Payload, foreign, reported, run_briefly};
use ropewalk_reactor::{
    DelayedCall, Interest, ManualClock, ManualSelector, NotPending, Phase, Reactor, ReactorRef,
    RunError, SystemEvent, UnknownTrigger,
};
use ropewalk_testing::{DEADLINE, within};
use std::cell::{Cell, RefCell};
use std::net::UdpSocket;
use std::rc::Rc;
use std::time::Duration;

fn kept(reactor: &Reactor) -> ReactorRef {
    reactor.downgrade().upgrade().unwrap()
}

/// A reactor without its owner.
fn gone() -> ReactorRef {
    let reactor = Reactor::new().unwrap();
    kept(&reactor)
}

#[derive(Default)]
struct Slot(RefCell<Vec<Payload>>);

#[test]
fn there_is_a_current_reactor_in_callbacks_and_nowhere_else() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        assert!(Reactor::current().is_none());
        assert!(foreign(|| Reactor::current().is_none()).join().unwrap());
        let seen = Rc::new(Cell::new(false));
        let sees = Rc::clone(&seen);
        reactor.call_soon(move |lent| {
            let current = Reactor::current().unwrap();
            sees.set(current.handle().same_reactor(&lent.handle()));
            assert!(foreign(|| Reactor::current().is_none()).join().unwrap());
            current.stop();
        });
        reactor.run().unwrap();
        assert!(seen.get() && Reactor::current().is_none());
    });
}

/// And one that was taken before stays what it is, and works.
#[test]
fn w30_the_current_reactor_is_the_inner_one() {
    within(DEADLINE, || {
        let (outer, inner) = (Reactor::new().unwrap(), Reactor::new().unwrap());
        let log = Log::default();
        let (of_outer, of_inner, adds) = (outer.handle(), inner.handle(), log.clone());
        outer.call_soon(move |_| {
            let before = Reactor::current().unwrap();
            inner.call_soon(move |_| {
                let inside = Reactor::current().unwrap();
                assert!(inside.handle().same_reactor(&of_inner));
                assert!(before.handle().same_reactor(&of_outer));
                before.call_soon(adds.adds("outer"));
                inside.call_soon(adds.adds("inner"));
                inside.call_soon(Reactor::stop);
            });
            inner.run().unwrap();
            let after = Reactor::current().unwrap();
            assert!(after.running() && !inner.running());
            after.call_soon(Reactor::stop);
        });
        outer.run().unwrap();
        assert_eq!(log.text(), "inner outer");
    });
}

/// What a closure of `with_current` cannot do: its line would be one of this function.
#[test]
fn what_is_asked_of_a_reference_is_told_with_the_line_of_who_asks() {
    #[track_caller]
    fn soon() -> DelayedCall {
        Reactor::current().unwrap().call_later(DEADLINE, |_| ())
    }
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let line = Rc::new(Cell::new(0));
        let told = Rc::clone(&line);
        reactor.call_soon(move |_| {
            told.set(line!() + 1);
            soon();
        });
        run_briefly(&reactor);
        let [call] = reactor.delayed_calls()[..] else { panic!("one timer") };
        assert_eq!((call.location.file(), call.location.line()), (file!(), line.get()));
    });
}

#[test]
fn a_reference_that_is_kept_does_not_keep_what_is_pending() {
    let reactor = Reactor::new().unwrap();
    let (drops, weak, handle) = (Drops::default(), reactor.downgrade(), reactor.handle());
    let holds = || {
        let payload = drops.payload();
        move |_: &Reactor| drop(payload)
    };
    let lent = kept(&reactor);
    let timer = lent.call_later(DEADLINE, holds());
    lent.call_soon(holds());
    handle.call_from_thread(holds()).unwrap();
    let trigger = lent.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, holds());
    let remote = lent.share(drops.payload());
    lent.local::<Slot>().0.borrow_mut().push(drops.payload());
    drop(reactor);
    assert_eq!(drops.count(), 6);
    assert_eq!(timer.cancel(), Err(NotPending::AlreadyCancelled));
    assert_eq!(lent.remove_system_event_trigger(trigger), Err(UnknownTrigger));
    assert!(remote.get(&lent).is_none() && lent.local::<Slot>().0.borrow().is_empty());
    assert!(weak.upgrade().is_none() && weak.with(|_| ()).is_none());
    assert!(!handle.accepts_calls());
}

#[test]
fn i9_a_reference_that_is_kept_does_not_bring_its_reactor_to_life() {
    within(DEADLINE, || {
        let lent = gone();
        lent.accept_calls();
        assert!(lent.handle().call_from_thread(|_| ()).is_err());
        assert!(matches!(lent.run(), Err(RunError::AlreadyRunning)));
        assert!(matches!(lent.start_running(), Err(RunError::AlreadyRunning)));
        assert!(matches!(lent.turn(None), Err(RunError::AlreadyRunning)));
        lent.stop();
        lent.crash();
        assert!(!lent.running() && lent.delayed_calls().is_empty());
        assert!(lent.downgrade().upgrade().is_none() && Reactor::current().is_none());
        assert!(format!("{lent:?}").contains("timers: 0"), "{lent:?}");
    });
}

/// At once, since the reference may be kept for ever.
#[test]
fn i2_what_a_reactor_is_asked_for_when_it_is_gone_is_dropped_or_handed_back() {
    let lent = gone();
    let drops = Drops::default();
    let holds = || {
        let payload = drops.payload();
        move |_: &Reactor| drop(payload)
    };
    let timer = lent.call_later(Duration::ZERO, holds());
    assert_eq!((drops.count(), timer.active()), (1, false));
    assert_eq!(timer.reset(DEADLINE), Err(NotPending::AlreadyCancelled));
    lent.call_soon(holds());
    assert_eq!(drops.count(), 2);
    lent.add_system_event_trigger(Phase::After, SystemEvent::Startup, holds());
    lent.call_when_running(holds()).unwrap();
    assert_eq!(drops.count(), 4);
    let remote = lent.share(drops.payload());
    assert_eq!((drops.count(), remote.get(&lent).is_some()), (5, false));
    lent.local::<Slot>().0.borrow_mut().push(drops.payload());
    assert_eq!(drops.count(), 6);

    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (address, payload) = (socket.local_addr().unwrap(), drops.payload());
    let refused = lent.register(socket, Interest::READABLE, move |_, _, _| {
        let _ = &payload;
    });
    let (socket, error) = refused.unwrap_err().into_parts();
    assert_eq!((drops.count(), error.kind()), (7, std::io::ErrorKind::NotConnected));
    assert_eq!(socket.local_addr().unwrap(), address);
    let file = std::fs::File::open(A_FILE).unwrap();
    let refused = lent.register(file, Interest::READABLE, |_, _, _| ());
    assert!(std::io::Error::from(refused.unwrap_err()).to_string().contains("dropped"));
}

/// By what is dropped then, all the same may be asked for again.
#[test]
fn i5_what_is_dropped_by_a_reactor_that_is_gone_may_use_it() {
    fn ask(lent: &Rc<ReactorRef>, log: &Log, depth: usize) {
        let Some(below) = depth.checked_sub(1) else { return };
        let (inner, adds) = (Rc::clone(lent), log.clone());
        let guard = OnDrop(move || {
            ask(&inner, &adds, below);
            adds.add(depth.to_string());
        });
        lent.call_soon(move |_| drop(guard));
    }
    let (lent, log) = (Rc::new(gone()), Log::default());
    ask(&lent, &log, 3);
    assert_eq!(log.text(), "3 2 1");
    assert_eq!(Rc::strong_count(&lent), 1);
}

#[test]
fn i3_a_panic_in_the_drop_of_what_comes_too_late_is_contained() {
    let lent = gone();
    let report = reported(|| {
        let bomb = OnDrop(|| panic!("on purpose"));
        lent.call_soon(move |_| drop(bomb));
    });
    assert_eq!(report.matches("on purpose").count(), 1, "{report}");
    let drops = Drops::default();
    let payload = drops.payload();
    lent.call_soon(move |_| drop(payload));
    assert_eq!(drops.count(), 1);
}

/// Even with a reference that it takes along. It is let go of when it has had enough.
#[test]
fn i9_what_comes_back_for_ever_does_not_hold_a_reactor_that_is_gone() {
    struct Phoenix(Rc<ReactorRef>, Rc<Cell<bool>>, Drops);
    impl Drop for Phoenix {
        fn drop(&mut self) {
            drop(self.2.payload());
            if self.1.get() {
                let again = Self(Rc::clone(&self.0), Rc::clone(&self.1), self.2.clone());
                self.0.call_soon(move |_| drop(again));
            }
        }
    }
    within(DEADLINE, || {
        let (comes_back, lives) = (Rc::new(Cell::new(true)), Drops::default());
        let reactor = Reactor::new().unwrap();
        let lent = Rc::new(kept(&reactor));
        let phoenix = Phoenix(Rc::clone(&lent), Rc::clone(&comes_back), lives.clone());
        reactor.call_soon(move |_| drop(phoenix));
        drop(reactor);
        lent.call_soon(|_| ());
        assert!((100..1000).contains(&lives.count()), "{}", lives.count());
        comes_back.set(false);
        lent.call_soon(|_| ());
        assert_eq!(Rc::strong_count(&lent), 1);
    });
}

/// The circle that an owner's drop opens.
#[test]
fn a_callback_may_keep_a_reference_to_its_own_reactor() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let drops = Drops::default();
        let (lent, payload) = (kept(&reactor), drops.payload());
        let (again, late) = (kept(&reactor), drops.payload());
        reactor.call_soon(move |_| {
            lent.call_later(DEADLINE, move |_| drop((again, late)));
            lent.stop();
            drop(payload);
        });
        reactor.run().unwrap();
        assert_eq!(drops.count(), 1);
        drop(reactor);
        assert_eq!(drops.count(), 2);
    });
}

/// The callback that drops its own reactor has a reference to the end, and finds it dropped.
#[test]
fn a_reference_outlives_the_reactor_in_the_callback_that_drops_it() {
    within(DEADLINE, || {
        let owner = Rc::new(RefCell::new(Some(Reactor::new().unwrap())));
        let lent = owner.borrow().as_ref().map(kept).unwrap();
        let (drops, own) = (Drops::default(), Rc::clone(&owner));
        let payload = drops.payload();
        let counts = drops.clone();
        lent.call_soon(move |reactor| {
            let weak = reactor.downgrade();
            drop(own.take());
            let current = Reactor::current().unwrap();
            assert!(weak.upgrade().is_none() && current.stopping());
            let (circle, late) = (Reactor::current(), counts.payload());
            reactor.call_soon(move |_| drop((circle, late)));
            assert_eq!(counts.count(), 1);
            drop(payload);
        });
        lent.run().unwrap();
        assert_eq!(drops.count(), 2);
        assert!(matches!(lent.run(), Err(RunError::AlreadyRunning)));
    });
}

/// What a `Deferred` calls then, for one.
#[test]
fn a_reactor_that_is_being_dropped_is_still_the_current_one() {
    let reactor = Reactor::new().unwrap();
    let (handle, drops) = (reactor.handle(), Drops::default());
    let (seen, payload) = (Rc::new(Cell::new(false)), drops.payload());
    let sees = Rc::clone(&seen);
    let mut late = Some(payload);
    let guard = OnDrop(move || {
        let current = Reactor::current().unwrap();
        let payload = late.take();
        current.call_later(DEADLINE, move |_| drop(payload));
        sees.set(current.handle().same_reactor(&handle) && current.delayed_calls().len() == 1);
    });
    reactor.call_soon(move |_| drop(guard));
    drop(reactor);
    assert!(seen.get());
    assert_eq!(drops.count(), 1);
}

#[test]
fn a_clock_passes_by_a_reactor_that_is_gone() {
    within(DEADLINE, || {
        let clock = ManualClock::new();
        let dead = Reactor::builder().manual_clock(&clock).build().unwrap();
        let living = Reactor::builder().manual_clock(&clock).build().unwrap();
        let lent = kept(&dead);
        drop(dead);
        lent.call_later(Duration::ZERO, |_| panic!("it runs"));
        let log = Log::default();
        living.call_later(Duration::from_secs(1), log.adds("timer"));
        clock.advance(Duration::from_secs(2));
        assert_eq!((log.text().as_str(), clock.elapsed()), ("timer", Duration::from_secs(2)));
    });
}

/// And its function is dropped, whatever that has captured.
#[test]
fn a_manual_selector_is_free_when_its_reactor_is_gone() {
    within(DEADLINE, || {
        let selector = ManualSelector::new();
        let with = |selector| Reactor::builder().manual_selector(selector).build();
        let first = with(&selector).unwrap();
        let (lent, drops) = (kept(&first), Drops::default());
        let (inside, payload, itself) = (kept(&first), drops.payload(), selector.clone());
        selector.on_wait(move |_| {
            let _ = (&inside, &payload, &itself);
        });
        with(&selector).unwrap_err();
        drop(first);
        assert_eq!(drops.count(), 1);

        let second = with(&selector).unwrap();
        drop(lent);
        with(&selector).unwrap_err();
        let payload = drops.payload();
        selector.on_wait(move |_| {
            let _ = &payload;
            Reactor::current().unwrap().stop();
        });
        second.run().unwrap();
        drop(second);
        assert_eq!(drops.count(), 2);
    });
}

#[test]
fn a_manual_selector_drops_the_function_that_drops_its_reactor() {
    within(DEADLINE, || {
        let selector = ManualSelector::new();
        let owner = Reactor::builder().manual_selector(&selector).build().unwrap();
        let (lent, drops) = (kept(&owner), Drops::default());
        let (mut owner, payload, itself) = (Some(owner), drops.payload(), selector.clone());
        selector.on_wait(move |_| {
            let _ = (&payload, &itself);
            drop(owner.take());
        });
        lent.run().unwrap();
        assert_eq!(drops.count(), 1);
    });
}
