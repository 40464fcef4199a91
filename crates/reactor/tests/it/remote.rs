//! Values that other threads address and that never leave the reactor thread.

use crate::fixture::{Drops, OnDrop, foreign, run_briefly};
use ropewalk_reactor::{Reactor, Remote};
use ropewalk_testing::{DEADLINE, EventLog, within};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

#[test]
fn a_foreign_thread_addresses_one_value_of_many() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let remotes: Vec<_> = (0..10).map(|_| reactor.share(Cell::new(0))).collect();
        let (third, handle) = (remotes[3].clone(), reactor.handle());
        let thread = foreign(move || {
            for _ in 0..5 {
                third.call_from_thread(|cell, _| cell.set(cell.get() + 1)).unwrap();
            }
            handle.stop();
        });
        reactor.run().unwrap();
        thread.join().unwrap();
        let values: Vec<_> = remotes.iter().map(|one| one.get(&reactor).unwrap().get()).collect();
        assert_eq!(values, [0, 0, 0, 5, 0, 0, 0, 0, 0, 0]);
    });
}

/// It comes as an `Rc`, which what the call starts can keep.
#[test]
fn what_a_call_starts_keeps_the_value() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let remote = reactor.share(log.clone());
        remote
            .call_from_thread(|log, reactor| {
                let log = Rc::clone(log);
                reactor.call_soon(move |reactor| {
                    log.add("timer");
                    reactor.stop();
                });
            })
            .unwrap();
        drop(remote);
        reactor.run().unwrap();
        assert_eq!(log.take(), ["timer"]);
    });
}

/// `drop` on the reactor thread would be a compile error otherwise: the payload is an `Rc`.
#[test]
fn a_value_is_dropped_on_its_thread_after_its_last_remote() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let here = std::thread::current().id();
        let dropped = Rc::new(Cell::new(None));
        let note = Rc::clone(&dropped);
        let remote = reactor.share(OnDrop(move || note.set(Some(std::thread::current().id()))));
        let (first, handle) = (remote.clone(), reactor.handle());
        drop(remote);
        let thread = foreign(move || {
            drop(first.clone());
            drop(first);
            handle.stop();
        });
        assert_eq!(dropped.get(), None);
        reactor.run().unwrap();
        thread.join().unwrap();
        assert_eq!(dropped.get(), Some(here));
    });
}

/// A slot is used again, but not under the old name.
#[test]
fn a_reused_slot_is_another_value() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let old = reactor.share(1_u8);
        let value = old.get(&reactor).unwrap();
        drop(old);
        reactor.turn(Some(Duration::ZERO)).unwrap();
        let new = reactor.share(2_u8);
        assert_eq!((*value, *new.get(&reactor).unwrap()), (1, 2));
    });
}

#[test]
fn a_remote_is_a_stranger_to_another_reactor() {
    let (one, other) = (Reactor::new().unwrap(), Reactor::new().unwrap());
    let (here, _there) = (one.share(1), other.share(2));
    assert_eq!(here.get(&one).as_deref(), Some(&1));
    assert_eq!(here.get(&other), None);
    assert!(here.handle().same_reactor(&one.handle()));
}

#[test]
fn i2_a_refused_call_of_a_remote_comes_back() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let remote = reactor.share(());
        run_briefly(&reactor);
        let drops = Drops::default();
        let payload = drops.payload();
        let error = remote.call_from_thread(move |_, _| drop(payload)).unwrap_err();
        assert_eq!(drops.count(), 0);
        drop(error.into_inner());
        drop(reactor);
        remote.call_from_thread(|_, _| ()).unwrap_err();
        assert_eq!(drops.count(), 1);
    });
}

/// The last remote goes while nobody runs, in a crash, or in a call that a crash drops.
#[test]
fn values_are_released_around_the_ends_of_runs() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let drops = Drops::default();
        let share = || reactor.share(drops.payload());

        let stopped = share();
        run_briefly(&reactor);
        drop(stopped);
        assert_eq!(drops.count(), 0, "the next run releases it");
        run_briefly(&reactor);
        assert_eq!(drops.count(), 1);

        let (in_crash, in_call) = (share(), share());
        reactor.call_soon(move |reactor| {
            reactor.crash();
            drop(in_crash);
            reactor.handle().call_from_thread(move |_| drop(in_call)).unwrap();
        });
        reactor.run().unwrap();
        run_briefly(&reactor);
        assert_eq!(drops.count(), 3);
    });
}

#[test]
fn i3_i5_values_whose_drop_panics_or_uses_the_reactor_are_released_all() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let drops = Drops::default();
        let remotes: Vec<_> = (0..10)
            .map(|number| {
                let (payload, weak) = (drops.payload(), reactor.downgrade());
                reactor.share(OnDrop(move || {
                    let _ = &payload;
                    weak.with(|reactor| drop(reactor.share(()))).unwrap();
                    assert!(number % 2 == 0, "on purpose");
                }))
            })
            .collect();
        run_briefly(&reactor);
        drop(remotes);
        run_briefly(&reactor);
        assert_eq!((drops.count(), reactor.stats().panics), (10, 5));
    });
}

#[test]
fn i5_a_value_may_share_and_let_go_of_itself_in_its_own_call() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let drops = Drops::default();
        let remote = reactor.share(RefCell::new(None::<Remote<()>>));
        let (own, payload) = (remote.clone(), drops.payload());
        remote
            .call_from_thread(move |slot, reactor| {
                slot.replace(Some(reactor.share(())));
                drop(own);
                drop(payload);
                assert!(slot.borrow().is_some());
            })
            .unwrap();
        drop(remote);
        run_briefly(&reactor);
        run_briefly(&reactor);
        assert_eq!((drops.count(), reactor.stats().panics), (1, 0));
    });
}

/// Every look at the clock finds the time over: one value in each turn.
fn hasty() -> Reactor {
    Reactor::builder().time_budget(Duration::ZERO).build().unwrap()
}

fn numbered(reactor: &Reactor, log: &EventLog) -> Vec<Remote<impl Sized + use<>>> {
    let share = |number: u32| {
        let log = log.clone();
        reactor.share(OnDrop(move || log.add(format!("{number}"))))
    };
    (0..5).map(share).collect()
}

/// A value that owns the last way to another one.
fn nested(reactor: &Reactor, log: &EventLog) -> Remote<impl Sized + use<>> {
    let (inner, outer) = (log.clone(), log.clone());
    let mut inner = Some(reactor.share(OnDrop(move || inner.add("inner"))));
    reactor.share(OnDrop(move || {
        outer.add("outer");
        drop(inner.take());
    }))
}

#[test]
fn i7_w12_released_values_leave_time_for_the_others_and_none_is_forgotten() {
    within(DEADLINE, || {
        let (reactor, log) = (hasty(), EventLog::new());
        let remotes = numbered(&reactor, &log);
        foreign(move || drop(remotes)).join().unwrap();
        for turn in 1..=5 {
            // It does not sleep on those that are left.
            reactor.turn(None).unwrap();
            assert_eq!(log.take(), [format!("{}", turn - 1)], "one in each turn, in order");
            assert_eq!(reactor.stats().calls, turn);
        }
        assert_eq!(reactor.stats().pending_calls, 0);

        // One call is enough again, also for what a value itself lets go of.
        drop(nested(&reactor, &log));
        drop(numbered(&reactor, &log));
        for expected in ["outer", "0", "1", "2", "3", "4", "inner"] {
            reactor.turn(None).unwrap();
            assert_eq!(log.take(), [expected]);
        }
        assert_eq!((reactor.stats().calls, reactor.stats().pending_calls), (12, 0));
    });
}

/// There is no later turn: neither of the end of a run, nor of a crash.
#[test]
fn i2_the_end_of_a_run_drops_all_released_values() {
    within(DEADLINE, || {
        let (reactor, log) = (hasty(), EventLog::new());
        let remotes = numbered(&reactor, &log);
        reactor.call_later(Duration::ZERO, move |reactor| {
            drop(remotes);
            reactor.stop();
        });
        reactor.run().unwrap();
        assert_eq!(log.take(), ["0", "1", "2", "3", "4"]);

        let remotes = numbered(&reactor, &log);
        reactor.call_soon(move |reactor| {
            drop(remotes);
            reactor.crash();
        });
        reactor.run().unwrap();
        assert!(log.take().is_empty(), "the call was dropped");
        let seen = log.clone();
        reactor.call_soon(move |reactor| {
            seen.add("turn");
            reactor.stop();
        });
        reactor.run().unwrap();
        assert_eq!(log.take(), ["0", "1", "2", "3", "4", "turn"], "the next run begins with it");

        // The list works as before the crash.
        drop(numbered(&reactor, &log));
        reactor.accept_calls();
        drop(numbered(&reactor, &log));
        reactor.call_soon(Reactor::stop);
        reactor.run().unwrap();
        assert_eq!(log.take().len(), 10);
        reactor.accept_calls();
        drop(numbered(&reactor, &log));
        (0..5).for_each(|_| reactor.turn(Some(Duration::ZERO)).unwrap());
        assert_eq!(log.take(), ["0", "1", "2", "3", "4"]);

        // What is let go of while a run begins goes with it.
        reactor.call_soon(Reactor::stop);
        reactor.run().unwrap();
        drop(nested(&reactor, &log));
        reactor.call_soon(Reactor::stop);
        reactor.run().unwrap();
        assert_eq!(log.take(), ["outer", "inner"]);
    });
}

#[test]
fn its_text_and_that_of_a_handle_name_the_thread() {
    within(DEADLINE, || {
        let texts = || {
            let reactor = Reactor::new().unwrap();
            let remote = reactor.share(Cell::new(0_u8));
            [format!("{:?}", reactor.handle()), format!("{remote:?}")]
        };
        let thread = std::thread::Builder::new().name("network".to_owned());
        let [handle, remote] = thread.spawn(texts).unwrap().join().unwrap();
        assert_eq!(handle, "ReactorHandle { thread: \"network\", accepts_calls: true }");
        let of = std::any::type_name::<Cell<u8>>();
        assert_eq!(remote, format!("Remote {{ value: {of}, reactor: {handle} }}"));
        let unnamed = std::thread::Builder::new().spawn(texts).unwrap().join().unwrap();
        assert!(unnamed[0].contains("thread: ThreadId("), "{unnamed:?}");
    });
}
