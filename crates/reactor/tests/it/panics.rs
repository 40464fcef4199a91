//! Panics are contained (I3): the place is reported, and everybody else lives on.

use crate::fixture::{Log, OnDrop, reported, run_briefly, sockets};
use ropewalk_reactor::{
    Interest, PanicPolicy, Phase, Reactor, Registration, RunError, SystemEvent,
};
use ropewalk_testing::{DEADLINE, within};
use std::cell::RefCell;
use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

/// Once as a panic in the callback, once in the drop of what it captured.
#[test]
fn i3_w25_a_panic_in_each_kind_of_callback_is_contained_and_reported_with_its_place() {
    fn panics(_: &Reactor) {
        panic!("on purpose");
    }
    fn bomb() -> impl FnOnce(&Reactor) {
        let bomb = OnDrop(|| panic!("on purpose"));
        move |_| drop(bomb)
    }
    within(DEADLINE, || {
        // All in one turn, however long a panic takes: the stop is one of them.
        let reactor = Reactor::builder().time_budget(Duration::MAX).build().unwrap();
        let log = Log::default();
        let remote = reactor.share(log.clone());
        let (server, mut client) = sockets();
        client.write_all(b"x").unwrap();
        let callback = |_: &Reactor, mut server: &TcpStream, _| {
            assert_eq!(server.read(&mut [0]).unwrap(), 1);
            panic!("on purpose");
        };
        let registration = reactor.register(server, Interest::READABLE, callback).unwrap();
        for _ in 0..2 {
            reactor.call_soon(panics);
            reactor.call_soon(bomb());
            reactor.call_later(Duration::ZERO, panics);
            reactor.call_later(Duration::ZERO, bomb());
            reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, panics);
            reactor.add_system_event_trigger(Phase::After, SystemEvent::Startup, bomb());
            reactor.handle().call_from_thread(panics).unwrap();
            let bomb = OnDrop(|| panic!("on purpose"));
            reactor.handle().call_from_thread(move |_| drop(bomb)).unwrap();
            remote.call_from_thread(|_, _| panic!("on purpose")).unwrap();
            remote.call_from_thread(|log, _| log.add("alive")).unwrap();
        }
        let report = reported(|| run_briefly(&reactor));
        assert_eq!(log.text(), "alive alive");
        assert_eq!(reactor.stats().panics, 19);
        let lines: Vec<_> = report.lines().filter(|line| line.contains("ERROR")).collect();
        assert_eq!(lines.len(), 19, "each is reported once");
        assert!(lines.iter().all(|line| line.contains("on purpose") && line.contains("panics.rs")));
        drop(registration);
    });
}

#[test]
fn i3_a_panic_without_a_text_has_a_text() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor.call_soon(|_| std::panic::panic_any(7));
        let report = reported(|| run_briefly(&reactor));
        assert!(report.contains("a panic without a text"), "{report}");
    });
}

/// The payload of the panic panics when it is dropped, and so does the payload of that one.
#[test]
fn i3_a_payload_that_panics_for_ever_is_contained() {
    struct Endless;
    impl Drop for Endless {
        fn drop(&mut self) {
            std::panic::panic_any(Self);
        }
    }
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let log = Log::default();
        reactor.call_soon(|_| std::panic::panic_any(Endless));
        reactor.call_soon(log.adds("alive"));
        run_briefly(&reactor);
        assert_eq!((log.text().as_str(), reactor.stats().panics), ("alive", 1));
    });
}

/// A call that a crash drops.
#[test]
fn i3_what_a_crash_drops_may_panic() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor.call_soon(|reactor| {
            reactor.crash();
            for _ in 0..2 {
                let bomb = OnDrop(|| panic!("on purpose"));
                reactor.handle().call_from_thread(move |_| drop(bomb)).unwrap();
            }
        });
        let report = reported(|| drop(reactor.run().unwrap()));
        assert_eq!(reactor.stats().panics, 2);
        assert_eq!(report.matches("a call was dropped").count(), 2, "{report}");
    });
}

/// The harness runs this test again as a process of its own, which is to die.
#[test]
fn i3_the_policy_abort_ends_the_process() {
    const CHILD: &str = "ROPEWALK_TEST_ABORTS";
    if std::env::var_os(CHILD).is_some() {
        let reactor = Reactor::builder().panic_policy(PanicPolicy::Abort).build().unwrap();
        reactor.call_soon(|_| panic!("on purpose"));
        return run_briefly(&reactor);
    }
    within(DEADLINE, || {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "panics::i3_the_policy_abort_ends_the_process"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        assert!(!child.status.success());
        assert_eq!(child.status.code(), None, "ended by a signal: {child:?}");
    });
}

/// What is taken back is dropped by who takes it back, and so its panic is that one's; the reactor
/// has let go of it all the same.
#[test]
fn i3_who_drops_what_panics_has_the_panic() {
    fn panics(code: impl FnOnce()) -> bool {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(code)).is_err()
    }
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let bomb = || OnDrop(|| panic!("on purpose"));
        let guard = bomb();
        let timer = reactor.call_later(DEADLINE, |_| drop(guard));
        assert!(panics(|| timer.cancel().unwrap()));
        assert!(!timer.active() && timer.cancel().is_err());

        let (server, mut client) = sockets();
        let guard = bomb();
        let callback = move |_: &Reactor, _: &TcpStream, _| {
            let _ = &guard;
        };
        let registration = reactor.register(server, Interest::READABLE, callback).unwrap();
        assert!(panics(|| drop(registration)));
        assert_eq!((reactor.stats().sources, reactor.stats().pending_timers), (0, 0));
        client.set_nonblocking(false).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap(), 0, "the source is closed");

        let guard = bomb();
        run_briefly(&reactor);
        let refused = reactor.handle().call_from_thread(move |_| drop(guard)).unwrap_err();
        assert!(panics(|| drop(refused)));
        assert_eq!(reactor.stats().panics, 0);
    });
}

/// Whatever kind of callback it is, also where only the drop of what it captured panics.
#[test]
fn i3_w25_a_panic_in_any_kind_of_callback_stops_under_the_policy_stop() {
    fn bomb() -> OnDrop<fn()> {
        OnDrop(|| panic!("on purpose"))
    }
    type Kind = fn(&Reactor);
    let kinds: [Kind; 9] = [
        |reactor| reactor.call_soon(|_| panic!("on purpose")),
        |reactor| drop(reactor.call_later(Duration::ZERO, |_| drop(bomb()))),
        |reactor| reactor.handle().call_from_thread(|_| panic!("on purpose")).unwrap(),
        |reactor| drop(reactor.share(bomb())),
        |reactor| {
            let remote = reactor.share(());
            remote.call_from_thread(|_, _| panic!("on purpose")).unwrap();
        },
        |reactor| {
            let (server, _client) = sockets();
            let slot: Rc<RefCell<Option<Registration<TcpStream>>>> = Rc::default();
            let own = Rc::clone(&slot);
            // It ends itself, and its callback panics in its drop.
            let guard = bomb();
            let callback = move |_: &Reactor, _: &TcpStream, _| {
                let _ = &guard;
                drop(own.take());
            };
            slot.replace(Some(reactor.register(server, Interest::READABLE, callback).unwrap()));
        },
        |reactor| {
            let trigger = |_: &Reactor| panic!("on purpose");
            reactor.add_system_event_trigger(Phase::After, SystemEvent::Startup, trigger);
        },
        |reactor| {
            reactor.call_soon(|reactor| {
                // It runs when the gate is closed.
                reactor.stop_now();
                reactor.handle().call_from_thread(|_| drop(bomb())).unwrap();
            });
        },
        |reactor| {
            reactor.call_soon(Reactor::stop);
            let trigger = |_: &Reactor| panic!("on purpose");
            reactor.add_system_event_trigger(Phase::After, SystemEvent::End, trigger);
        },
    ];
    within(DEADLINE, || {
        for (number, kind) in kinds.into_iter().enumerate() {
            let reactor = Reactor::builder().panic_policy(PanicPolicy::Stop).build().unwrap();
            kind(&reactor);
            let ended = reactor.run();
            let Err(RunError::Panicked { message, location }) = ended else {
                panic!("kind {number}: {ended:?}");
            };
            assert_eq!(message, "on purpose", "kind {number}");
            assert!(location.file().ends_with("panics.rs"), "kind {number}: {location}");
            // Once; the next run knows nothing of it.
            run_briefly(&reactor);
            assert_eq!(reactor.stats().panics, 1, "kind {number}");
        }
    });
}

/// A loop of somebody else sees that the reactor is stopping; the run that ends it has the reason.
#[test]
fn i3_a_panic_in_a_turn_by_hand_stops_too_under_the_policy_stop() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().panic_policy(PanicPolicy::Stop).build().unwrap();
        reactor.start_running().unwrap();
        reactor.call_soon(|_| panic!("the reason"));
        assert!(!reactor.stopping());
        reactor.turn(Some(Duration::ZERO)).unwrap();
        assert!(reactor.stopping() && reactor.running());
        let ended = reactor.run();
        assert!(
            matches!(ended, Err(RunError::Panicked { message, .. }) if message == "the reason")
        );
        // Before the first run: that one ends after its first turn, and says why.
        let reactor = Reactor::builder().panic_policy(PanicPolicy::Stop).build().unwrap();
        reactor.call_soon(|_| panic!("the reason"));
        reactor.turn(Some(Duration::ZERO)).unwrap();
        assert!(matches!(reactor.run(), Err(RunError::Panicked { .. })));
        run_briefly(&reactor);
    });
}

/// A hold that is late, too, does not hide it.
#[test]
fn i3_a_panic_that_stops_is_what_run_returns_whatever_else_fails() {
    within(DEADLINE, || {
        let builder = Reactor::builder().panic_policy(PanicPolicy::Stop);
        let reactor = builder.shutdown_deadline(Duration::ZERO).build().unwrap();
        let hold = reactor.hold_named(SystemEvent::Shutdown, "a late one");
        reactor.call_soon(|_| panic!("the reason"));
        let text = reported(|| {
            let ended = reactor.run();
            assert!(
                matches!(ended, Err(RunError::Panicked { message, .. }) if message == "the reason")
            );
        });
        assert!(text.contains("a late one"), "{text}");
        drop(hold);
    });
}

/// Panics with each thing that it is told of.
struct Fragile;

impl tracing::Subscriber for Fragile {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.is_event()
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        panic!("of a subscriber");
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn i3_a_subscriber_that_panics_is_contained_as_what_it_hears_of() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("of a drop");
        }
    }
    within(DEADLINE, || {
        tracing::subscriber::with_default(Fragile, || {
            let reactor =
                Reactor::builder().slow_callback(Duration::from_nanos(1)).build().unwrap();
            reactor.call_soon(|_| panic!("of a callback"));
            reactor.call_later(Duration::ZERO, Reactor::stop);
            reactor.run().unwrap();
            assert_eq!(reactor.stats().panics, 1);
            for _ in 0..3 {
                let bomb = Bomb;
                reactor.call_soon(move |_| drop(bomb));
            }
            drop(reactor);
            // The ends of a run are told, too.
            for well in [false, true] {
                let end = if well { Reactor::crash } else { Reactor::stop };
                let reactor = Reactor::builder().shutdown_deadline(Duration::ZERO).build().unwrap();
                let hold = reactor.hold(SystemEvent::Shutdown);
                reactor.handle().call_from_thread(end).unwrap();
                for _ in 0..300 {
                    reactor.handle().call_from_thread(|_| ()).unwrap();
                }
                assert_eq!((reactor.run().is_ok(), reactor.running()), (well, false));
                drop(hold);
            }
        });
    });
}

/// A refusal is told of, too: before the caller has his closure back, and in the drop of a `Remote`,
/// which may be part of an unwinding.
#[test]
fn i2_a_subscriber_that_panics_takes_no_closure_that_is_refused() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (handle, remote) = (reactor.handle(), reactor.share(1));
        drop(reactor);
        tracing::subscriber::with_default(Fragile, || {
            let closure = |_: &Reactor| unreachable!();
            assert!(handle.call_from_thread(closure).is_err());
            assert!(remote.call_from_thread(|_, _| unreachable!()).is_err());
            drop(remote);
        });
    });
}
