//! What a signal does when nobody listens any more: what it did before.

use crate::children::{command, command_ignoring, end_of, variant};
use ropewalk_reactor::{Reactor, SignalRegistration};
use ropewalk_testing::{DEADLINE, within};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::consts::{SIGPIPE, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::{flag, low_level};
use std::cell::Cell;
use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The system shows what a signal does.
fn is_shown() -> bool {
    Path::new("/proc/self/status").exists()
}

/// Hears one `signal`, and does not end at it.
fn hear(reactor: &Reactor, signal: i32) {
    let heard = Rc::new(Cell::new(false));
    let hears = Rc::clone(&heard);
    let registration = reactor.on_signal(signal, move |reactor| {
        hears.set(true);
        reactor.stop();
    });
    low_level::raise(signal).unwrap();
    reactor.run().unwrap();
    assert!(heard.get());
    drop(registration.unwrap());
}

/// Listens to SIGTERM in one way, and stops to.
fn listen_and_stop(how: &str) {
    let reactor = Reactor::new().unwrap();
    let other = Reactor::new().unwrap();
    match how {
        "the registration goes" => hear(&reactor, SIGTERM),
        "the reactor goes" => {
            let registration = reactor.on_signal(SIGTERM, |_| ()).unwrap();
            low_level::raise(SIGTERM).unwrap();
            drop(reactor);
            low_level::raise(SIGTERM).unwrap();
            drop(registration);
        }
        "a detached one goes" => {
            reactor.on_signal(SIGTERM, Reactor::stop).unwrap().detach();
            low_level::raise(SIGTERM).unwrap();
            reactor.run().unwrap();
        }
        "the stop goes" => {
            reactor.stop_on_signals().unwrap();
            low_level::raise(SIGTERM).unwrap();
            reactor.run().unwrap();
        }
        "the last of several goes" => {
            let registration = reactor.on_signal(SIGTERM, |_| ()).unwrap();
            other.stop_on_signals().unwrap();
            drop(registration);
            low_level::raise(SIGTERM).unwrap();
            other.run().unwrap();
            hear(&reactor, SIGTERM);
        }
        "it goes in its own callback" => {
            let own: Rc<Cell<Option<SignalRegistration>>> = Rc::default();
            let drops = Rc::clone(&own);
            let registration = reactor.on_signal(SIGTERM, move |_| {
                drop(drops.take());
                low_level::raise(SIGTERM).unwrap();
                // Nobody comes here.
                std::process::abort();
            });
            own.set(Some(registration.unwrap()));
            low_level::raise(SIGTERM).unwrap();
            reactor.run().unwrap();
        }
        "it begins again" => {
            hear(&reactor, SIGTERM);
            hear(&reactor, SIGTERM);
        }
        _ => unreachable!("{how}"),
    }
}

/// W30: a reactor that is gone leaves no process behind that a SIGTERM cannot end.
#[test]
fn w30_the_default_action_is_back_when_nobody_listens() {
    const NAME: &str = "dispositions::w30_the_default_action_is_back_when_nobody_listens";
    if let Some(how) = variant() {
        // "the reactor goes" ends at its second signal, all others here.
        listen_and_stop(&how);
        if how != "the reactor goes" {
            low_level::raise(SIGTERM).unwrap();
        }
        return;
    }
    within(DEADLINE, || {
        let ways = [
            "the registration goes",
            "the reactor goes",
            "a detached one goes",
            "the stop goes",
            "the last of several goes",
            "it goes in its own callback",
            "it begins again",
        ];
        for how in ways {
            let status = end_of(command(NAME, how));
            assert_eq!(status.signal(), Some(SIGTERM), "{how}: {status}");
        }
    });
}

/// W30: what was ignored, as of old by a program under `nohup`, is ignored again.
#[test]
fn w30_a_signal_that_was_ignored_is_ignored_again() {
    const NAME: &str = "dispositions::w30_a_signal_that_was_ignored_is_ignored_again";
    if variant().is_some() {
        hear(&Reactor::new().unwrap(), SIGUSR1);
        low_level::raise(SIGUSR1).unwrap();
        return;
    }
    within(DEADLINE, || {
        if is_shown() {
            let status = end_of(command_ignoring("USR1", NAME, "ignored"));
            assert!(status.success(), "{status}");
        }
    });
}

/// W30: with so few descriptors left that what the signal does cannot be looked up, nobody listens,
/// and nothing is taken for granted. This process ignores SIGPIPE from the beginning.
#[test]
fn w30_who_cannot_look_up_what_a_signal_does_does_not_guess() {
    const NAME: &str = "dispositions::w30_who_cannot_look_up_what_a_signal_does_does_not_guess";
    if variant().is_some() {
        let reactor = Reactor::new().unwrap();
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(64), maximum }).unwrap();
        let files = (0..64).map_while(|_| File::open("/dev/null").ok());
        let mut files: Vec<_> = files.collect();
        let listens = |free| reactor.on_signal(SIGPIPE, |_| ()).ok().map(|one| (free, one));
        let (free, registration) = (0..8)
            .find_map(|free| {
                let listens = listens(free);
                files.pop();
                listens
            })
            .unwrap();
        assert!(free > 2, "a pipe and the file");
        drop(registration);
        low_level::raise(SIGPIPE).unwrap();
        return;
    }
    within(DEADLINE, || {
        if is_shown() {
            let status = end_of(command_ignoring("PIPE", NAME, "few descriptors"));
            assert!(status.success(), "{status}");
        }
    });
}

/// W30: a handler that was there before hears the signal all the time.
#[test]
fn w30_a_handler_that_was_there_before_is_called_all_the_time() {
    within(DEADLINE, || {
        let called = Arc::new(AtomicBool::new(false));
        let id = flag::register(SIGUSR2, Arc::clone(&called)).unwrap();
        if is_shown() {
            hear(&Reactor::new().unwrap(), SIGUSR2);
            assert!(called.swap(false, Ordering::SeqCst), "beside the reactor");
            low_level::raise(SIGUSR2).unwrap();
            assert!(called.load(Ordering::SeqCst), "after the reactor");
        }
        low_level::unregister(id);
    });
}

/// Signals that have no name in the library: the process ends as a shell would report it.
#[test]
fn w30_a_realtime_signal_ends_the_process_again() {
    const NAME: &str = "dispositions::w30_a_realtime_signal_ends_the_process_again";
    const REALTIME: i32 = 40;
    if variant().is_some() {
        hear(&Reactor::new().unwrap(), REALTIME);
        low_level::raise(REALTIME).unwrap();
        return;
    }
    within(DEADLINE, || {
        if is_shown() {
            assert_eq!(end_of(command(NAME, "realtime")).code(), Some(128 + REALTIME));
        }
    });
}
