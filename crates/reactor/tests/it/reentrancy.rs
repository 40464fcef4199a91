//! Any callback may call any method (I5).

use crate::fixture::{Log, OnDrop, run_briefly, sockets};
use ropewalk_reactor::{
    DelayedCall, Interest, ManualClock, Phase, Reactor, RunError, SystemEvent, TriggerId,
};
use ropewalk_testing::{DEADLINE, within};
use std::cell::{Cell, RefCell};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::rc::Rc;
use std::time::Duration;

/// Calls every method there is, except those that end the run.
fn everything(reactor: &Reactor, clock: &ManualClock) {
    assert!(matches!(reactor.run(), Err(RunError::AlreadyRunning)));
    assert!(matches!(reactor.turn(None), Err(RunError::AlreadyRunning)));
    clock.advance(Duration::ZERO);

    let call = reactor.call_later(DEADLINE, |_| unreachable!());
    call.reset(DEADLINE).unwrap();
    call.delay(DEADLINE).unwrap();
    call.hasten(DEADLINE).unwrap();
    assert!(call.active() && call.time().is_some() && format!("{call:?}").contains("due in"));
    assert!(reactor.delayed_calls().iter().any(|one| Some(one.time) == call.time()));
    call.cancel().unwrap();
    reactor.call_soon(|_| ());

    let (server, _client) = sockets();
    let registration = reactor.register(server, Interest::READABLE, |_, _, _| ()).unwrap();
    registration.set_interest(Interest::BOTH).unwrap();
    assert!(format!("{reactor:?} {registration:?}").contains("Registration"));
    drop(registration);

    for event in [SystemEvent::Startup, SystemEvent::Shutdown, SystemEvent::End] {
        for phase in [Phase::Before, Phase::During, Phase::After] {
            let id = reactor.add_system_event_trigger(phase, event, |_| unreachable!());
            reactor.remove_system_event_trigger(id).unwrap();
        }
        drop(reactor.hold(event));
        drop(reactor.hold_with(event, Vec::new));
    }
    if let Some(id) = reactor.call_when_running(|reactor| assert!(reactor.running())) {
        reactor.remove_system_event_trigger(id).unwrap();
    }

    let remote = reactor.share(Cell::new(1));
    assert_eq!(remote.get(reactor).unwrap().get(), 1);
    let _ = remote.call_from_thread(|cell, _| cell.set(2));
    drop(remote);
    let _ = (reactor.local::<u8>(), reactor.handle().shared::<u8>());
    let _ = (reactor.now(), reactor.running(), reactor.stopping(), reactor.stats());

    let handle = reactor.handle();
    let _ = handle.call_from_thread(|_| ());
    assert!(handle.is_reactor_thread());
    let same = |current: &Reactor| current.handle().same_reactor(&handle);
    assert_eq!(Reactor::with_current(same), Some(true));
    assert_eq!(reactor.downgrade().with(same), Some(true));
}

/// Each kind of callback, and the drop of what each kind captured.
#[test]
fn i5_every_callback_may_call_every_method() {
    within(DEADLINE, || {
        let clock = ManualClock::new();
        let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
        let log = Log::default();
        let does = |name: &str| {
            let (log, clock, name) = (log.clone(), clock.clone(), name.to_owned());
            move |reactor: &Reactor| {
                let (inner, time) = (log.clone(), clock.clone());
                let guard = OnDrop(move || {
                    Reactor::with_current(|reactor| everything(reactor, &time)).unwrap();
                    inner.add("dropped");
                });
                everything(reactor, &clock);
                log.add(&name);
                drop(guard);
            }
        };
        for event in [SystemEvent::Startup, SystemEvent::Shutdown, SystemEvent::End] {
            for phase in [Phase::Before, Phase::During, Phase::After] {
                reactor.add_system_event_trigger(phase, event, does("trigger"));
            }
        }
        reactor.call_soon(does("soon"));
        reactor.call_later(Duration::ZERO, does("timer"));
        let remote = reactor.share(does("call"));
        remote.call_from_thread(|does, reactor| does(reactor)).unwrap();
        let (server, mut client) = sockets();
        client.write_all(b"x").unwrap();
        let event = does("event");
        let callback = move |reactor: &Reactor, mut server: &TcpStream, _| {
            assert_eq!(server.read(&mut [0]).unwrap(), 1);
            event(reactor);
            reactor.stop();
        };
        let _registration = reactor.register(server, Interest::READABLE, callback).unwrap();
        reactor.run().unwrap();
        assert_eq!(reactor.stats().panics, 0);
        let names = log.text().replace(" dropped", "");
        let triggers = ["trigger"; 3].join(" ");
        let expected = format!("{triggers} call timer soon event {triggers} {triggers}");
        assert_eq!(names, expected);
        assert_eq!(log.text().matches("dropped").count(), 13);
    });
}

/// The same through a clock that is moved by hand.
#[test]
fn i5_every_callback_may_call_every_method_in_an_advance() {
    within(DEADLINE, || {
        let clock = ManualClock::new();
        let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
        let time = clock.clone();
        reactor.call_later(Duration::from_secs(1), move |reactor| everything(reactor, &time));
        clock.advance(Duration::from_secs(1));
        assert_eq!((reactor.stats().timers, reactor.stats().panics), (1, 0));
    });
}

/// The pass that runs the first has found all three due.
#[test]
fn i5_a_timer_may_cancel_or_move_others_that_are_due_in_the_same_pass() {
    within(DEADLINE, || {
        let clock = ManualClock::new();
        let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
        let log = Log::default();
        let others: Rc<RefCell<Vec<DelayedCall>>> = Rc::default();
        let (victims, second) = (Rc::clone(&others), Duration::from_secs(1));
        reactor.call_later(second, move |_| {
            let victims = victims.borrow();
            victims[0].cancel().unwrap();
            victims[1].reset(second).unwrap();
            victims[2].reset(Duration::ZERO).unwrap();
        });
        for name in ["cancelled", "moved", "postponed", "untouched"] {
            others.borrow_mut().push(reactor.call_later(second, log.adds(name)));
        }
        clock.advance(second);
        assert_eq!(log.text(), "untouched postponed");
        clock.advance(second);
        assert_eq!(log.text(), "untouched postponed moved");
    });
}

/// The drop of a cancelled closure may cancel the rest.
#[test]
fn i5_a_cancelled_closure_may_use_the_timers_while_it_is_dropped() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let calls: Rc<RefCell<Vec<DelayedCall>>> = Rc::default();
        for _ in 0..10 {
            let (others, weak) = (Rc::clone(&calls), reactor.downgrade());
            let guard = OnDrop(move || {
                let next = others.borrow_mut().pop();
                next.into_iter().for_each(|call| call.cancel().unwrap());
                weak.with(|reactor| reactor.call_soon(|_| ())).unwrap();
            });
            calls.borrow_mut().push(reactor.call_later(DEADLINE, move |_| drop(guard)));
        }
        let first = calls.borrow_mut().pop().unwrap();
        first.cancel().unwrap();
        assert_eq!((reactor.delayed_calls().len(), calls.borrow().len()), (0, 0));
    });
}

#[test]
fn i5_a_trigger_may_add_and_remove_triggers_of_every_phase_while_it_runs() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let log = Log::default();
        let victims: Rc<RefCell<Vec<TriggerId>>> = Rc::default();
        let (removes, adds) = (Rc::clone(&victims), log.clone());
        let shutdown = SystemEvent::Shutdown;
        reactor.add_system_event_trigger(Phase::Before, shutdown, move |reactor| {
            for id in removes.take() {
                reactor.remove_system_event_trigger(id).unwrap();
            }
            for phase in [Phase::Before, Phase::During, Phase::After] {
                reactor.add_system_event_trigger(phase, shutdown, adds.adds("added"));
            }
        });
        for phase in [Phase::Before, Phase::During, Phase::After] {
            let id = reactor.add_system_event_trigger(phase, shutdown, |_| unreachable!());
            victims.borrow_mut().push(id);
        }
        run_briefly(&reactor);
        assert_eq!((log.text().as_str(), reactor.stats().panics), ("added added added", 0));
    });
}

/// Asks the reactor for something with each piece of text.
struct Writer<'a>(&'a Reactor);

impl std::fmt::Write for Writer<'_> {
    fn write_str(&mut self, _: &str) -> std::fmt::Result {
        self.0.call_later(Duration::ZERO, |_| ());
        Ok(())
    }
}

#[test]
fn i5_what_a_reactor_is_written_to_may_use_it() {
    use std::fmt::Write as _;
    let selector = ropewalk_reactor::ManualSelector::new();
    let reactor = Reactor::builder().manual_selector(&selector).build().unwrap();
    write!(Writer(&reactor), "{reactor:?} {:?} {:?}", reactor.handle(), reactor.downgrade())
        .unwrap();
    assert!(reactor.stats().pending_timers > 0);
    reactor.turn(Some(Duration::ZERO)).unwrap();
    struct Turner<'a>(&'a Reactor);
    impl std::fmt::Write for Turner<'_> {
        fn write_str(&mut self, _: &str) -> std::fmt::Result {
            self.0.turn(Some(Duration::ZERO)).unwrap();
            Ok(())
        }
    }
    write!(Turner(&reactor), "{selector:?}").unwrap();
}
