//! Who frees what, and when: a dropped reactor drops all that is pending in it.

use crate::fixture::{Drops, Log, OnDrop, Payload, foreign, reported, sockets};
use ropewalk_reactor::{Interest, ManualClock, Phase, Reactor, Registration, Remote, SystemEvent};
use ropewalk_testing::{DEADLINE, within};
use std::cell::{Cell, RefCell};
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

#[derive(Default)]
struct Local(RefCell<Vec<Payload>>);

#[derive(Default)]
struct Shared(std::sync::Mutex<Vec<Payload>>);

/// A value that holds the last remote of itself.
struct Knot(RefCell<Option<Remote<Self>>>, #[expect(dead_code, reason = "for its drop")] Payload);

/// One payload in each place where a reactor can keep one; returns how many.
fn fill(reactor: &Reactor, drops: &Drops) -> usize {
    let holds = |payload: Payload| move |_: &Reactor| drop(payload);
    reactor.call_later(DEADLINE, holds(drops.payload()));
    reactor.call_later(Duration::ZERO, holds(drops.payload()));
    reactor.call_soon(holds(drops.payload()));
    reactor.handle().call_from_thread(holds(drops.payload())).unwrap();
    for event in [SystemEvent::Startup, SystemEvent::Shutdown, SystemEvent::End] {
        reactor.add_system_event_trigger(Phase::During, event, holds(drops.payload()));
    }
    reactor.local::<Local>().0.borrow_mut().push(drops.payload());
    reactor.handle().shared::<Shared>().0.lock().unwrap().push(drops.payload());

    // A source whose callback owns its own registration: a cycle that the reactor breaks.
    let (server, client) = sockets();
    let own: Rc<RefCell<Option<Registration<TcpStream>>>> = Rc::default();
    let (slot, payload) = (Rc::clone(&own), drops.payload());
    let callback = move |_: &Reactor, _: &TcpStream, _| {
        let _ = (&slot, &payload, &client);
    };
    own.replace(Some(reactor.register(server, Interest::READABLE, callback).unwrap()));

    let remote = reactor.share(Knot(RefCell::new(None), drops.payload()));
    let value = remote.get(reactor).unwrap();
    value.0.replace(Some(remote));
    11
}

#[test]
fn a_dropped_reactor_frees_every_payload() {
    let reactor = Reactor::new().unwrap();
    let drops = Drops::default();
    let handle = reactor.handle();
    let payloads = fill(&reactor, &drops);
    assert_eq!(drops.count(), 0);
    drop(reactor);
    assert_eq!(drops.count(), payloads);
    drop(handle);
}

/// The owner goes inside of a callback that was lent the reactor: the run ends, and everything is
/// freed, also what is handed in after that.
#[test]
fn a_reactor_that_is_dropped_by_its_own_callback_ends_its_run() {
    within(DEADLINE, || {
        for turns_by_hand in [false, true] {
            let drops = Drops::default();
            let owner = Rc::new(RefCell::new(Some(Reactor::new().unwrap())));
            let weak = owner.borrow().as_ref().map(Reactor::downgrade).unwrap();
            let (own, inner) = (Rc::clone(&owner), drops.clone());
            let payloads = weak.with(|reactor| {
                reactor.handle().call_from_thread(|_| ()).unwrap();
                reactor.call_soon(move |reactor| {
                    let owner = own.take();
                    drop(owner);
                    // It is as good as gone for the others, but lent to us to the end.
                    reactor.handle().call_from_thread(|_| ()).unwrap_err();
                    let late = inner.payload();
                    reactor.call_later(Duration::ZERO, |_| drop(late));
                });
                let payloads = fill(reactor, &drops);
                if turns_by_hand {
                    reactor.turn(Some(Duration::ZERO)).unwrap();
                } else {
                    reactor.run().unwrap();
                }
                payloads
            });
            assert_eq!(drops.count(), payloads.unwrap() + 1);
            assert!(weak.with(|_| ()).is_none());
        }
    });
}

/// Whatever kind of callback has dropped it, the rest of that turn runs nothing.
#[test]
fn what_is_handed_in_after_the_end_never_runs() {
    type HandIn = fn(&Reactor, Box<dyn FnOnce(&Reactor)>);
    let kinds: [HandIn; 2] = [
        |reactor, f| drop(reactor.call_later(Duration::ZERO, f)),
        |reactor, f| reactor.call_soon(f),
    ];
    for (number, drop_in) in kinds.into_iter().enumerate() {
        let clock = ManualClock::new();
        let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
        let weak = reactor.downgrade();
        let ran = Rc::new(Cell::new(false));
        let (owner, runs) = (Rc::new(RefCell::new(Some(reactor))), Rc::clone(&ran));
        let own = Rc::clone(&owner);
        let ends: Box<dyn FnOnce(&Reactor)> = Box::new(move |reactor| {
            let owner = own.take();
            drop(owner);
            reactor.call_soon(move |_| runs.set(true));
        });
        weak.with(|reactor| {
            drop_in(reactor, ends);
            // So that the batch of this turn has room for one more.
            reactor.call_soon(|_| ());
        });
        clock.advance(Duration::ZERO);
        assert!(!ran.get(), "kind {number}");
        assert!(owner.take().is_none() && weak.with(|_| ()).is_none());
    }
}

/// Not even the last borrower meets the panics of what it has handed in after the end.
#[test]
fn i3_what_is_handed_in_after_the_end_is_contained_too() {
    let owner = Reactor::new().unwrap();
    let weak = owner.downgrade();
    let report = reported(|| {
        let lent = |reactor: &Reactor| {
            drop(owner);
            let bomb = OnDrop(|| panic!("on purpose"));
            reactor.call_soon(move |_| drop(bomb));
        };
        weak.with(lent).unwrap();
    });
    assert_eq!(report.matches("on purpose").count(), 1, "{report}");
}

/// A reactor can be dropped by a callback of another one.
#[test]
fn a_reactor_may_be_dropped_in_a_nested_position() {
    within(DEADLINE, || {
        let (outer, inner) = (Reactor::new().unwrap(), Reactor::new().unwrap());
        let drops = Drops::default();
        let payloads = fill(&inner, &drops);
        outer.call_soon(move |outer| {
            drop(inner);
            outer.stop();
        });
        outer.run().unwrap();
        assert_eq!((drops.count(), outer.stats().panics), (payloads, 0));
    });
}

/// What is dropped with a reactor can tell whose end it is, even inside of a callback of another.
#[test]
fn a_reactor_is_the_current_one_while_it_is_dropped() {
    within(DEADLINE, || {
        let (outer, inner) = (Reactor::new().unwrap(), Reactor::new().unwrap());
        let log = Log::default();
        let tells = |name: &'static str, whose: &Reactor| {
            let (handle, log) = (whose.handle(), log.clone());
            let own = move |reactor: &Reactor| reactor.handle().same_reactor(&handle);
            OnDrop(move || log.add(format!("{name}:{:?}", Reactor::with_current(&own))))
        };
        let (of_inner, of_outer) = (tells("inner", &inner), tells("outer", &outer));
        inner.call_soon(move |_| drop(of_inner));
        let (inside, after) = (tells("inside", &outer), tells("after", &outer));
        outer.call_soon(move |_| {
            drop(inner);
            drop(inside);
        });
        outer.turn(Some(Duration::ZERO)).unwrap();
        outer.call_soon(move |_| drop(of_outer));
        drop(outer);
        drop(after);
        assert_eq!(log.text(), "inner:Some(true) inside:Some(true) outer:Some(true) after:None");
    });
}

type LastWords = OnDrop<Box<dyn FnMut()>>;

#[derive(Default)]
struct Lasting(RefCell<Option<LastWords>>);

#[derive(Default)]
struct Early(RefCell<Option<LastWords>>);

/// A lasting slot is there until everything else is gone, and what its own drop hands in goes too.
#[test]
fn a_lasting_slot_outlives_what_is_pending() {
    let reactor = Reactor::new().unwrap();
    let drops = Drops::default();
    let log = Log::default();
    let says = |word: &'static str| -> LastWords {
        let log = log.clone();
        OnDrop(Box::new(move || log.add(word)))
    };
    let (late, adds) = (drops.payload(), log.clone());
    let mut late = Some(late);
    let last = OnDrop(Box::new(move || {
        adds.add("lasting");
        let late = late.take();
        Reactor::with_current(|reactor| reactor.call_soon(|_| drop(late))).unwrap();
    }) as Box<dyn FnMut()>);
    reactor.lasting::<Lasting>().0.replace(Some(last));
    reactor.local::<Early>().0.replace(Some(says("local")));
    let timer = says("timer");
    reactor.call_later(DEADLINE, move |_| drop(timer));
    drop(reactor);
    assert_eq!(log.text(), "local timer lasting");
    assert_eq!(drops.count(), 1);
}

#[test]
fn i5_payloads_may_use_the_handle_and_the_reactor_while_they_are_dropped() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let drops = Drops::default();
        let (handle, weak, payload) = (reactor.handle(), reactor.downgrade(), drops.payload());
        let guard = OnDrop(move || {
            handle.call_from_thread(|_| ()).unwrap_err();
            handle.stop();
            assert!(!handle.accepts_calls());
            drop(handle.shared::<u8>());
            // It is still there, and takes what is dropped in the next round.
            weak.with(|reactor| {
                let late = drops.payload();
                reactor.call_later(Duration::ZERO, move |_| drop(late));
                assert_eq!(reactor.delayed_calls().len(), 1);
                drop(reactor.hold(SystemEvent::Shutdown));
            })
            .unwrap();
            let _ = &payload;
        });
        let all = reactor.share(());
        reactor.call_soon(move |_| drop((guard, all)));
        let report = reported(|| drop(reactor));
        // Nothing but the calls that came too late: the guard's, and that of the last `Remote`.
        assert_eq!(
            report.matches("a call was refused").count(),
            report.lines().count(),
            "{report}"
        );
        assert_eq!(report.lines().count(), 2, "{report}");
    });
}

/// Something that makes more of itself whenever it is dropped does not hang the drop.
#[test]
fn i9_a_payload_that_comes_back_for_ever_does_not_hold_the_drop() {
    fn phoenix(weak: ropewalk_reactor::WeakReactor) -> impl FnOnce(&Reactor) {
        let guard = OnDrop(move || {
            weak.with(|reactor| reactor.call_soon(phoenix_box(weak.clone())));
        });
        move |_| drop(guard)
    }
    fn phoenix_box(weak: ropewalk_reactor::WeakReactor) -> Box<dyn FnOnce(&Reactor)> {
        Box::new(phoenix(weak))
    }
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor.call_soon(phoenix(reactor.downgrade()));
        drop(reactor);
    });
}

/// The others are freed all the same (B74 in the reference: one that raises at the shutdown).
#[test]
fn b74_i3_payloads_that_panic_while_they_are_dropped_are_contained() {
    let reactor = Reactor::new().unwrap();
    let drops = Drops::default();
    let bombs = 3;
    for _ in 0..bombs {
        let bomb = OnDrop(|| panic!("on purpose"));
        reactor.call_later(Duration::ZERO, move |_| drop(bomb));
    }
    let payloads = fill(&reactor, &drops);
    let report = reported(|| drop(reactor));
    assert_eq!(drops.count(), payloads);
    assert_eq!(report.matches("on purpose").count(), bombs, "{report}");
}

/// Not inside of the queue's lock, nor on the caller's back.
#[test]
fn closures_are_freed_where_they_end() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let drops = Drops::default();
        let payload = drops.payload();
        let call = reactor.call_later(DEADLINE, move |_| drop(payload));
        call.cancel().unwrap();
        assert_eq!(drops.count(), 1, "cancelled: at once");
        let payload = drops.payload();
        let trigger =
            reactor.add_system_event_trigger(Phase::Before, SystemEvent::Startup, move |_| {
                drop(payload);
            });
        reactor.remove_system_event_trigger(trigger).unwrap();
        assert_eq!(drops.count(), 2, "removed: at once");
        let (handle, payload) = (reactor.handle(), drops.payload());
        let thread = foreign(move || handle.call_from_thread(|_| drop(payload)).unwrap());
        thread.join().unwrap();
        reactor.turn(Some(Duration::ZERO)).unwrap();
        assert_eq!(drops.count(), 3, "run: in its turn");
    });
}

/// On a thread whose stack would not hold a recursion.
#[test]
fn i10_a_million_of_each_kind_are_dropped_without_stack_growth() {
    within(DEADLINE, || {
        let small = std::thread::Builder::new().stack_size(64 * 1024);
        let thread = small.spawn(|| {
            let reactor = Reactor::new().unwrap();
            let count = Arc::new(());
            for _ in 0..1_000_000 {
                let one = Arc::clone(&count);
                reactor.call_later(DEADLINE, move |_| drop(one));
                let one = Arc::clone(&count);
                reactor.call_soon(move |_| drop(one));
                let one = Arc::clone(&count);
                reactor.handle().call_from_thread(move |_| drop(one)).unwrap();
            }
            assert_eq!(Arc::strong_count(&count), 3_000_001);
            drop(reactor);
            Arc::strong_count(&count)
        });
        assert_eq!(thread.unwrap().join().unwrap(), 1);
    });
}

/// A value in a thread's own statics may ask for the reactor when it is too late.
#[test]
fn the_end_of_a_thread_has_no_current_reactor() {
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            assert!(Reactor::with_current(|_| ()).is_none());
            let reactor = Reactor::new().unwrap();
            reactor.call_soon(Reactor::stop);
            reactor.run().unwrap();
        }
    }
    thread_local!(static LATE: RefCell<Option<Late>> = const { RefCell::new(None) });
    within(DEADLINE, || {
        let thread = foreign(|| {
            // Made first, so that it is dropped after the reactor's own static.
            LATE.set(Some(Late));
            let reactor = Reactor::new().unwrap();
            reactor.call_soon(Reactor::stop);
            reactor.run().unwrap();
        });
        thread.join().unwrap();
    });
}

/// Whoever was lent a reactor that its owner has dropped cannot open it again, nor run it.
#[test]
fn i9_nobody_brings_a_dropped_reactor_to_life() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (weak, handle) = (reactor.downgrade(), reactor.handle());
        let was_lent = weak.with(|lent| {
            drop(reactor);
            lent.accept_calls();
            let refused = handle.call_from_thread(|_| ()).is_err();
            refused && !handle.accepts_calls() && lent.run().is_err()
        });
        assert_eq!(was_lent, Some(true));
    });
}
