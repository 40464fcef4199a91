//! `on_signal`: who hears what, and when.
//!
//! Each test has a signal of its own. Where it raises it with nobody listening any more, a handler
//! of its own keeps that from ending the process.

use ropewalk_reactor::{PanicPolicy, Reactor, RunError, SignalRegistration};
use ropewalk_testing::{DEADLINE, EventLog, capture_tracing, within};
use signal_hook::consts::{
    SIGALRM, SIGCONT, SIGFPE, SIGHUP, SIGILL, SIGIO, SIGKILL, SIGPROF, SIGSEGV, SIGSTOP, SIGSYS,
    SIGTRAP, SIGTTIN, SIGTTOU, SIGURG, SIGUSR1, SIGVTALRM, SIGWINCH, SIGXCPU, SIGXFSZ,
};
use signal_hook::{flag, low_level};
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::channel;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

fn raise(signal: i32) {
    low_level::raise(signal).unwrap();
}

/// Has a signal do nothing where it would end or stop the process.
fn harmless(signal: i32) {
    flag::register(signal, Arc::new(AtomicBool::new(false))).unwrap();
}

fn spawn<T: Send + 'static>(code: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    Builder::new().name("foreign".to_owned()).spawn(code).unwrap()
}

fn turn(reactor: &Reactor) {
    reactor.turn(Some(Duration::ZERO)).unwrap();
}

/// A callback that counts.
fn counter() -> (Rc<Cell<u32>>, impl FnMut(&Reactor) + 'static) {
    let count = Rc::new(Cell::new(0));
    let counts = Rc::clone(&count);
    (count, move |_: &Reactor| counts.set(counts.get() + 1))
}

/// W30 and 1.1: on any thread, whichever thread the signal goes to, with others that listen too.
#[test]
fn w30_each_registration_of_each_reactor_hears_a_signal() {
    within(DEADLINE, || {
        let (ready, listens) = channel();
        let reactors: Vec<_> = (0..3)
            .map(|_| {
                let ready = ready.clone();
                spawn(move || {
                    let log = EventLog::new();
                    let reactor = Reactor::new().unwrap();
                    let (first, second) = (log.clone(), log.clone());
                    let first = reactor.on_signal(SIGUSR1, move |_| first.add("first")).unwrap();
                    let second = reactor.on_signal(SIGUSR1, move |reactor| {
                        second.add("second");
                        reactor.stop();
                    });
                    let second = second.unwrap();
                    assert_eq!(second.signal(), SIGUSR1);
                    reactor.call_when_running(move |_| ready.send(()).unwrap());
                    reactor.run().unwrap();
                    drop((first, second));
                    turn(&reactor);
                    let mut heard = log.take();
                    heard.sort();
                    heard
                })
            })
            .collect();
        (0..3).for_each(|_| listens.recv().unwrap());
        spawn(|| raise(SIGUSR1)).join().unwrap();
        for reactor in reactors {
            assert_eq!(reactor.join().unwrap(), ["first", "second"]);
        }
    });
}

#[test]
fn what_comes_while_the_reactor_does_not_run_is_one_call_in_its_next_run() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (count, counts) = counter();
        let _listens = reactor.on_signal(SIGWINCH, counts).unwrap();
        let stop = reactor.on_signal(SIGWINCH, Reactor::stop).unwrap();
        for run in 1..=3 {
            (0..5).for_each(|_| raise(SIGWINCH));
            reactor.run().unwrap();
            // Both have heard of all five, in whatever order.
            turn(&reactor);
            assert_eq!(count.get(), run);
        }
        drop(stop);
        turn(&reactor);
        assert_eq!(count.get(), 3);
    });
}

/// More than fit into any pipe: nothing waits, nothing is left behind.
#[test]
fn a_flood_of_signals_is_heard_once() {
    within(DEADLINE, || {
        harmless(SIGPROF);
        let reactor = Reactor::new().unwrap();
        let (count, counts) = counter();
        let _listens = reactor.on_signal(SIGPROF, counts).unwrap();
        (0..20_000).for_each(|_| raise(SIGPROF));
        (0..3).for_each(|_| turn(&reactor));
        assert_eq!(count.get(), 1);
        raise(SIGPROF);
        turn(&reactor);
        assert_eq!(count.get(), 2);
    });
}

#[test]
fn i5_a_callback_may_drop_its_own_registration() {
    within(DEADLINE, || {
        harmless(SIGHUP);
        let reactor = Reactor::new().unwrap();
        let (count, mut counts) = counter();
        let own: Rc<RefCell<Option<SignalRegistration>>> = Rc::default();
        let drops = Rc::clone(&own);
        let registration = reactor.on_signal(SIGHUP, move |reactor| {
            counts(reactor);
            let own = drops.take();
            drop(own);
            raise(SIGHUP);
        });
        own.replace(Some(registration.unwrap()));
        raise(SIGHUP);
        (0..3).for_each(|_| turn(&reactor));
        assert_eq!(count.get(), 1);
        assert_eq!(Rc::strong_count(&own), 1, "the callback is dropped");
        assert_eq!(reactor.stats().sources, 0);
    });
}

#[test]
fn i5_a_callback_may_listen_anew_and_drop_the_reactor() {
    within(DEADLINE, || {
        harmless(SIGXCPU);
        let reactor = Rc::new(RefCell::new(Some(Reactor::new().unwrap())));
        let (count, counts) = counter();
        let (counts, owner) = (Cell::new(Some(counts)), Rc::downgrade(&reactor));
        let callback = move |reactor: &Reactor| {
            if let Some(counts) = counts.take() {
                reactor.on_signal(SIGXCPU, counts).unwrap().detach();
                raise(SIGXCPU);
            } else {
                let owner = owner.upgrade().unwrap().take();
                drop(owner);
            }
        };
        let weak = {
            let reactor = reactor.borrow();
            let reactor = reactor.as_ref().unwrap();
            reactor.on_signal(SIGXCPU, callback).unwrap().detach();
            reactor.downgrade()
        };
        raise(SIGXCPU);
        // The reactor runs on what is lent, so that its owner may go.
        while weak.with(turn).is_some() {}
        assert!(count.get() <= 1, "whichever of the two came first");
        raise(SIGXCPU);
        assert!(reactor.borrow().is_none());
    });
}

#[test]
fn i3_a_callback_that_panics_is_contained_named_and_called_again() {
    within(DEADLINE, || {
        harmless(SIGALRM);
        let reactor = Reactor::new().unwrap();
        let (count, mut counts) = counter();
        let line = line!() + 1;
        let registration = reactor.on_signal(SIGALRM, move |reactor| {
            counts(reactor);
            panic!("number {}", 1 + 1);
        });
        let logged = capture_tracing(|| {
            for _ in 0..2 {
                raise(SIGALRM);
                turn(&reactor);
            }
        });
        assert_eq!(count.get(), 2);
        let panics: Vec<_> = logged.iter().filter(|one| one.field("panic").is_some()).collect();
        assert_eq!(panics.len(), 2);
        assert_eq!(panics[0].message, "a signal's callback panicked");
        assert_eq!(panics[0].field("panic"), Some("number 2"));
        let location = panics[0].field("location").unwrap();
        assert!(location.starts_with(&format!("{}:{line}:", file!())), "{location}");
        drop(registration);
    });
}

#[test]
fn i3_w25_a_panic_stops_a_reactor_whose_policy_that_is() {
    within(DEADLINE, || {
        harmless(SIGVTALRM);
        let reactor = Reactor::builder().panic_policy(PanicPolicy::Stop).build().unwrap();
        reactor.on_signal(SIGVTALRM, |_| panic!("at a signal")).unwrap().detach();
        raise(SIGVTALRM);
        match reactor.run() {
            Err(RunError::Panicked { message, location }) => {
                assert_eq!((&*message, location.file()), ("at a signal", file!()));
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_slow_callback_is_named_as_a_signals() {
    within(DEADLINE, || {
        harmless(SIGXFSZ);
        let slow = Duration::from_millis(1);
        let reactor = Reactor::builder().slow_callback(slow).build().unwrap();
        let line = line!() + 1;
        let registration = reactor.on_signal(SIGXFSZ, move |_| {
            let begun = Instant::now();
            while begun.elapsed() <= slow {}
        });
        raise(SIGXFSZ);
        let logged = capture_tracing(|| turn(&reactor));
        let here = format!("{}:{line}:", file!());
        let is_here = |place: Option<&str>| place.is_some_and(|place| place.starts_with(&here));
        let kinds = logged.iter().filter(|one| is_here(one.field("location")));
        assert!(kinds.clone().any(|one| one.field("kind") == Some("signal")), "{logged:?}");
        drop(registration);
    });
}

#[test]
fn signals_that_cannot_be_caught_are_refused_in_words() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        for signal in [SIGKILL, SIGSTOP, SIGSEGV, SIGILL, SIGFPE, 0, -1, 1000, i32::MIN, i32::MAX] {
            let (_, counts) = counter();
            let error = reactor.on_signal(signal, counts).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{signal}: {error}");
            let text = error.to_string();
            assert!(text.contains(" cannot be listened for: "), "{text}");
        }
        let killed = reactor.on_signal(SIGKILL, |_| ()).unwrap_err().to_string();
        assert!(killed.starts_with("SIGKILL cannot"), "{killed}");
        let none = reactor.on_signal(1000, |_| ()).unwrap_err().to_string();
        assert!(none.starts_with("signal 1000 cannot"), "{none}");
        assert_eq!(reactor.stats().sources, 0);
    });
}

/// Whatever goes first, the callback goes with it, and the handler with its descriptors.
#[test]
fn what_a_callback_owns_goes_with_its_registration_and_with_its_reactor() {
    within(DEADLINE, || {
        [SIGTRAP, SIGSYS, SIGTTIN, SIGTTOU].into_iter().for_each(harmless);
        let owned = Rc::new(());
        let listen = |reactor: &Reactor, signal| {
            let owned = Rc::clone(&owned);
            reactor.on_signal(signal, move |_| drop(Rc::clone(&owned))).unwrap()
        };
        let reactor = Reactor::new().unwrap();
        let dropped = listen(&reactor, SIGTRAP);
        let kept = listen(&reactor, SIGSYS);
        listen(&reactor, SIGTTIN).detach();
        assert_eq!(Rc::strong_count(&owned), 4);
        drop(dropped);
        assert_eq!(Rc::strong_count(&owned), 3);
        drop(reactor);
        assert_eq!(Rc::strong_count(&owned), 1);
        // There is nobody to leave it to.
        kept.detach();

        let other = Reactor::new().unwrap();
        let last = listen(&other, SIGTTOU);
        drop(other);
        raise(SIGTTOU);
        drop(last);
        assert_eq!(Rc::strong_count(&owned), 1);
    });
}

/// I6: who listens only sleeps.
#[test]
fn i6_a_reactor_that_listens_is_idle() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (count, counts) = counter();
        reactor.on_signal(SIGURG, counts).unwrap().detach();
        reactor.on_signal(SIGIO, |_| ()).unwrap().detach();
        assert_eq!(reactor.poll_timeout(), None);
        raise(SIGURG);
        reactor.turn(None).unwrap();
        assert_eq!((count.get(), reactor.poll_timeout()), (1, None));
    });
}

/// I3: a subscriber that panics when it is told takes no registration away.
#[test]
fn i3_a_subscriber_that_panics_does_not_keep_anybody_from_listening() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let fragile = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(|| -> io::Stderr { panic!("told") });
        let registration = tracing::subscriber::with_default(fragile.finish(), || {
            reactor.on_signal(SIGCONT, Reactor::stop)
        });
        reactor.call_soon(|_| raise(SIGCONT));
        reactor.run().unwrap();
        drop(registration);
    });
}
