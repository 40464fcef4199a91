//! The selector that a test drives by hand: what it promises to the test.

use crate::fixture::{Drops, foreign};
use crate::rig::{Rig, secs, source};
use ropewalk_reactor::{Interest, ManualSelector, Reactor, Readiness};
use ropewalk_testing::{DEADLINE, EventLog, within};
use std::cell::Cell;
use std::io::{Error, ErrorKind};
use std::net::UdpSocket;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::time::Duration;

#[test]
fn a_level_triggered_source_is_ready_until_the_test_says_otherwise() {
    let rig = Rig::new();
    let a = rig.watch("a", Interest::READABLE);
    assert_eq!(rig.turn(), "");
    assert!(rig.selector.make_ready(&a, Readiness::READABLE));
    assert!(rig.selector.make_ready(&a, Readiness::READABLE), "again, which changes nothing");
    assert_eq!(rig.turn(), "a");
    assert_eq!(rig.turn(), "a");
    rig.selector.make_ready(&a, Readiness::NONE);
    assert_eq!(rig.turn(), "");
}

#[test]
fn an_edge_triggered_source_is_told_once_of_each_change() {
    let rig = Rig::new();
    let a = rig.watch("a", Interest::BOTH.edge_triggered());
    rig.selector.make_ready(&a, Readiness::READABLE);
    rig.selector.make_ready(&a, Readiness::BOTH);
    assert_eq!(rig.turn(), "a", "one event for what came before the look");
    assert_eq!(rig.turn(), "");
    rig.selector.make_ready(&a, Readiness::BOTH);
    assert_eq!(rig.turn(), "a", "more has come, of the same kind");
    rig.selector.make_ready(&a, Readiness::WRITABLE);
    rig.selector.make_ready(&a, Readiness::NONE);
    assert_eq!(rig.turn(), "", "it was gone before the loop looked");
    rig.selector.make_ready(&a, Readiness::WRITABLE);
    assert_eq!(rig.turn(), "a");
    // A new interest tells of what is there.
    a.set_interest(Interest::WRITABLE.edge_triggered()).unwrap();
    assert_eq!(rig.turn(), "a");
    a.set_interest(Interest::WRITABLE.edge_triggered()).unwrap();
    assert_eq!(rig.turn(), "a", "also the same one, set anew");
    assert_eq!(rig.turn(), "");
}

#[test]
fn only_what_the_interest_asks_for_is_delivered_and_the_rest_is_remembered() {
    let (rig, told) = (Rig::new(), EventLog::<Readiness>::default());
    let tells = told.clone();
    let a = rig
        .reactor
        .register(source(), Interest::READABLE, move |_, _, readiness| tells.add(readiness))
        .unwrap();
    let look = || {
        rig.turn();
        told.take()
    };
    rig.selector.make_ready(&a, Readiness::WRITABLE);
    assert_eq!(look(), []);
    rig.selector.make_ready(&a, Readiness::BOTH);
    assert_eq!(look(), [Readiness::READABLE]);
    a.set_interest(Interest::BOTH).unwrap();
    assert_eq!(look(), [Readiness::BOTH]);
    a.set_interest(Interest::WRITABLE).unwrap();
    assert_eq!(look(), [Readiness::WRITABLE]);
    a.set_interest(Interest::NONE).unwrap();
    assert_eq!(look(), []);

    // The end of the stream makes it ready for both, and is not heard of while it rests.
    let mut ended = Readiness::NONE;
    ended.hung_up = true;
    rig.selector.make_ready(&a, ended);
    assert_eq!(look(), []);
    a.set_interest(Interest::READABLE).unwrap();
    let mut both = Readiness::BOTH;
    both.hung_up = true;
    assert_eq!(look(), [both]);
}

#[test]
fn events_come_in_the_order_in_which_they_were_made() {
    let rig = Rig::new();
    let [a, b, c] = ["a", "b", "c"].map(|name| rig.watch(name, Interest::READABLE));
    for one in [&c, &a, &b] {
        rig.selector.make_ready(one, Readiness::READABLE);
    }
    assert_eq!(rig.turn(), "c a b");
    rig.selector.make_ready(&c, Readiness::NONE);
    rig.selector.make_ready(&c, Readiness::READABLE);
    assert_eq!(rig.turn(), "a b c");
    drop(a);
    assert_eq!(rig.turn(), "b c");
}

#[test]
fn no_source_is_handed_to_the_system_nor_asked_for_its_descriptor() {
    struct Secret;
    #[cfg(unix)]
    impl std::os::fd::AsFd for Secret {
        fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
            unreachable!()
        }
    }
    #[cfg(windows)]
    impl std::os::windows::io::AsSocket for Secret {
        fn as_socket(&self) -> std::os::windows::io::BorrowedSocket<'_> {
            unreachable!()
        }
    }
    let (rig, calls) = (Rig::new(), Rc::new(Cell::new(0)));
    let counts = Rc::clone(&calls);
    let count = move |_: &Reactor, _: &Secret, _| counts.set(counts.get() + 1);
    let secret = rig.reactor.register(Secret, Interest::READABLE, count).unwrap();
    rig.selector.make_ready(&secret, Readiness::READABLE);
    rig.turn();
    assert_eq!(calls.get(), 1);
}

#[test]
fn what_is_not_its_own_is_not_made_ready() {
    let (one, other) = (Rig::new(), Rig::new());
    let a = one.watch("a", Interest::READABLE);
    assert!(!other.selector.make_ready(&a, Readiness::READABLE));
    let reactor = Reactor::new().unwrap();
    let real = reactor.register(source(), Interest::READABLE, |_, _, _| ()).unwrap();
    assert!(!one.selector.make_ready(&real, Readiness::READABLE));
    let selector = one.selector.clone();
    drop(one.reactor);
    assert!(!selector.make_ready(&a, Readiness::READABLE), "its reactor is gone");
}

#[test]
fn it_is_for_one_reactor_at_a_time() {
    let rig = Rig::new();
    let build = |selector| Reactor::builder().manual_selector(selector).build();
    assert_eq!(build(&rig.selector).unwrap_err().kind(), ErrorKind::ResourceBusy);
    let (a, selector) = (rig.watch("a", Interest::READABLE), rig.selector.clone());
    selector.make_ready(&a, Readiness::READABLE);
    selector.fail_next_wait(Error::other("of the first one"));
    drop(rig.reactor);

    // Nothing is left over for the next one.
    let reactor = build(&selector).unwrap();
    let _registration = reactor.register(source(), Interest::READABLE, |_, _, _| unreachable!());
    reactor.turn(Some(Duration::ZERO)).unwrap();
    assert_eq!(reactor.stats().events, 0);
}

/// Without a function the thread sleeps, and the handle wakes it.
#[test]
fn b52_another_thread_wakes_a_loop_that_waits_by_hand() {
    within(DEADLINE, || {
        let selector = ManualSelector::new();
        let reactor = Reactor::builder().manual_selector(&selector).build().unwrap();
        let handle = reactor.handle();
        let (sender, asleep) = channel();
        reactor.call_soon(move |_| sender.send(()).unwrap());
        let thread = foreign(move || {
            asleep.recv().unwrap();
            for _ in 0..100 {
                let (sender, ran) = channel();
                handle.call_from_thread(move |_| sender.send(()).unwrap()).unwrap();
                ran.recv().unwrap();
            }
            handle.stop();
        });
        reactor.run().unwrap();
        thread.join().unwrap();
        let waits = selector.waits();
        assert!(waits.iter().all(Option::is_none), "{waits:?}");
    });
}

#[test]
fn a_sleep_with_the_real_clock_ends_by_itself() {
    within(DEADLINE, || {
        let selector = ManualSelector::new();
        let reactor = Reactor::builder().manual_selector(&selector).build().unwrap();
        reactor.call_later(Duration::from_millis(5), Reactor::stop);
        reactor.run().unwrap();
        let waits = selector.waits();
        let longest = waits.iter().flatten().max().unwrap();
        assert!(*longest <= Duration::from_millis(5), "{waits:?}");
        // A turn by hand, too.
        reactor.turn(Some(Duration::from_millis(1))).unwrap();
        assert!(selector.waits().iter().flatten().all(|time| *time <= Duration::from_millis(1)));
    });
}

#[test]
fn the_function_is_called_only_where_the_loop_would_sleep() {
    within(DEADLINE, || {
        let rig = Rig::new();
        let a = rig.watch("a", Interest::READABLE);
        let log = rig.log.clone();
        rig.selector.on_wait(move |time| log.add(format!("{time:?}")));
        rig.selector.make_ready(&a, Readiness::READABLE);
        rig.reactor.turn(None).unwrap();
        assert_eq!(rig.logged(), "a", "something is ready");
        rig.selector.make_ready(&a, Readiness::NONE);
        rig.reactor.call_soon(rig.adds("soon"));
        rig.reactor.turn(None).unwrap();
        assert_eq!(rig.logged(), "soon", "something was done");
        rig.reactor.turn(Some(Duration::ZERO)).unwrap();
        assert_eq!(rig.logged(), "", "it may not wait");
        rig.reactor.turn(Some(secs(3))).unwrap();
        rig.reactor.turn(None).unwrap();
        assert_eq!(rig.logged(), "Some(3s) None");
        assert_eq!(rig.selector.waits(), [None, Some(secs(0)), Some(secs(0)), Some(secs(3)), None]);
    });
}

/// What the function does is what the loop has waited for.
#[test]
fn i5_the_function_may_do_whatever_a_callback_may_do() {
    within(DEADLINE, || {
        let rig = Rig::new();
        let a = rig.watch("a", Interest::READABLE.edge_triggered());
        rig.reactor.call_later(secs(7), rig.adds("timer"));
        let (clock, selector, log) = (rig.clock.clone(), rig.selector.clone(), rig.log.clone());
        let mut step = 0;
        rig.selector.on_wait(move |time| {
            let adds = |entry: &'static str| {
                let log = log.clone();
                move |_: &Reactor| log.add(entry)
            };
            step += 1;
            let lent = Reactor::with_current(|reactor| match step {
                1 => assert!(selector.make_ready(&a, Readiness::READABLE)),
                2 => clock.advance(time.unwrap()),
                3 => reactor.handle().call_from_thread(adds("call")).unwrap(),
                4 => reactor.call_soon(adds("soon")),
                5 => assert!(reactor.turn(None).is_err() && !selector.waits().is_empty()),
                _ => reactor.stop(),
            });
            assert!(lent.is_some());
        });
        rig.reactor.run().unwrap();
        assert_eq!(rig.logged(), "a timer call soon");
    });
}

#[test]
fn i5_the_function_may_replace_itself() {
    within(DEADLINE, || {
        let rig = Rig::new();
        let drops = Drops::default();
        let (selector, log, payload) = (rig.selector.clone(), rig.log.clone(), drops.payload());
        rig.selector.on_wait(move |_| {
            let _ = &payload;
            log.add("first");
            let log = log.clone();
            selector.on_wait(move |_| {
                log.add("second");
                Reactor::with_current(Reactor::stop);
            });
        });
        rig.reactor.run().unwrap();
        assert_eq!((rig.logged().as_str(), drops.count()), ("first second", 1));
    });
}

#[test]
fn a_panic_of_the_function_fails_the_test() {
    let rig = Rig::new();
    rig.selector.on_wait(|_| panic!("an assertion"));
    let ended = catch_unwind(AssertUnwindSafe(|| rig.reactor.run()));
    assert_eq!(*ended.unwrap_err().downcast::<&str>().unwrap(), "an assertion");
    assert_eq!(rig.reactor.stats().panics, 0);
}

/// The function has captured the selector, and so has a callback that it watches for.
#[test]
fn what_is_left_is_dropped_with_the_reactor() {
    let (rig, drops) = (Rig::new(), Drops::default());
    let (selector, payload) = (rig.selector.clone(), drops.payload());
    rig.selector.on_wait(move |_| {
        let _ = (&selector, &payload);
    });
    let (selector, payload) = (rig.selector.clone(), drops.payload());
    let callback = move |_: &Reactor, _: &UdpSocket, _| {
        let _ = (&selector, &payload);
    };
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let registration = rig.reactor.register(socket, Interest::READABLE, callback).unwrap();
    drop(rig);
    assert_eq!(drops.count(), 2);
    drop(registration);
}

#[test]
fn only_the_last_waits_are_remembered() {
    let rig = Rig::new();
    let _a = rig.watch("a", Interest::READABLE);
    for turn in 0..10_003 {
        rig.reactor.turn(Some(Duration::ZERO)).unwrap();
        if turn == 1 {
            rig.selector.on_wait(|_| ());
            rig.reactor.turn(Some(secs(1))).unwrap();
        }
    }
    let waits = rig.selector.waits();
    assert_eq!(waits.len(), 10_000);
    assert!(waits.iter().all(|wait| *wait == Some(Duration::ZERO)), "the oldest are gone");
    assert!(rig.selector.waits().is_empty());
}
