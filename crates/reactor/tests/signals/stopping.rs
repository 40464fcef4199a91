//! `stop_on_signals`: a stop, then less waiting, then none at all.
//!
//! One test in this process raises SIGINT and SIGTERM, because two would hear each other's. The
//! others send them to a child.

use crate::children::{command, end_of, variant};
use ropewalk_reactor::{Reactor, RunError, SystemEvent};
use ropewalk_testing::{DEADLINE, within};
use signal_hook::consts::{SIGABRT, SIGINT, SIGTERM};
use signal_hook::low_level::raise;
use std::cell::Cell;
use std::io::{BufRead as _, BufReader, Stderr, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// B71, B88, W17 and W30: handlers are asked for, belong to one reactor, and go with it; the first
/// signal stops, the second stops now, and the third would abort; each run counts anew.
#[test]
fn b71_b88_w17_w30_signals_stop_a_reactor_and_escalate() {
    within(DEADLINE, || {
        let heard = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(SIGINT, Arc::clone(&heard)).unwrap();
        let reactor = Reactor::new().unwrap();
        assert_eq!(reactor.stop_signal(), None);
        reactor.stop_on_signals().unwrap();
        reactor.stop_on_signals().unwrap();

        // One signal of each kind: an orderly stop, also where a subscriber panics when it is told.
        for signal in [SIGINT, SIGTERM] {
            reactor.call_soon(move |reactor| {
                assert_eq!(reactor.stop_signal(), None, "each run begins anew");
                raise(signal).unwrap();
            });
            let fragile = tracing_subscriber::fmt().with_writer(|| -> Stderr { panic!("told") });
            tracing::subscriber::with_default(fragile.finish(), || reactor.run()).unwrap();
            assert_eq!(reactor.stop_signal(), Some(signal));
        }
        reactor.stop();
        assert_eq!(reactor.stop_signal(), Some(SIGTERM), "a stop after a run is none");

        // A second one, while somebody still holds the shutdown.
        let hold = reactor.hold(SystemEvent::Shutdown);
        reactor.call_soon(|reactor| {
            raise(SIGINT).unwrap();
            reactor.call_later(Duration::from_millis(5), |_| raise(SIGTERM).unwrap());
        });
        assert!(matches!(reactor.run(), Err(RunError::ShutdownTimedOut(_))));
        assert_eq!(reactor.stop_signal(), Some(SIGINT), "the first one");
        drop(hold);

        // In the next run a first one is a first one, also when the program is stopping already:
        // it would be the third, and an abort, if the last run counted.
        let hold = reactor.hold(SystemEvent::Shutdown);
        let waited = Rc::new(Cell::new(false));
        let waits = Rc::clone(&waited);
        reactor.call_soon(move |reactor| {
            reactor.stop();
            reactor.call_later(Duration::from_millis(1), |_| raise(SIGTERM).unwrap());
            reactor.call_later(Duration::from_millis(10), move |_| {
                waits.set(true);
                drop(hold);
            });
        });
        reactor.run().unwrap();
        assert!(waited.get(), "the first signal of a run does not cut it short");
        assert_eq!(reactor.stop_signal(), None, "it was stopping already");

        // Two reactors hear of one signal, each in its own run, and one that is gone does not.
        let other = Reactor::new().unwrap();
        other.stop_on_signals().unwrap();
        raise(SIGINT).unwrap();
        reactor.run().unwrap();
        assert_eq!(reactor.stop_signal(), Some(SIGINT), "it came before the run");
        drop(reactor);
        other.run().unwrap();

        // Those that come while it does not run are one.
        (0..50).for_each(|_| raise(SIGTERM).unwrap());
        other.run().unwrap();
        assert_eq!(other.stop_signal(), Some(SIGTERM));

        // Also if they are more than fit into a pipe; and what comes then is a first one again.
        for _ in 0..20 {
            (0..1_000).for_each(|_| raise(SIGTERM).unwrap());
            other.run().unwrap();
            other.call_soon(|_| raise(SIGTERM).unwrap());
            other.run().unwrap();
        }

        // When the last one is gone, what was there before is there still: here, a flag.
        drop(other);
        heard.store(false, Ordering::SeqCst);
        raise(SIGINT).unwrap();
        assert!(heard.load(Ordering::SeqCst));
    });
}

/// Which signal stops a run that is still to come, where the reactor is turned by hand.
#[test]
fn b88_a_signal_heard_in_a_turn_has_stopped_the_run_that_follows() {
    const NAME: &str = "stopping::b88_a_signal_heard_in_a_turn_has_stopped_the_run_that_follows";
    if variant().is_some() {
        let reactor = Reactor::new().unwrap();
        reactor.stop_on_signals().unwrap();
        raise(SIGTERM).unwrap();
        reactor.turn(Some(Duration::ZERO)).unwrap();
        assert_eq!((reactor.stopping(), reactor.stop_signal()), (true, Some(SIGTERM)));
        reactor.run().unwrap();
        assert_eq!(reactor.stop_signal(), Some(SIGTERM));
        // After a run nothing is there to be stopped.
        raise(SIGINT).unwrap();
        reactor.turn(Some(Duration::ZERO)).unwrap();
        assert_eq!((reactor.stopping(), reactor.stop_signal()), (false, Some(SIGTERM)));
        reactor.call_soon(Reactor::stop);
        reactor.run().unwrap();
        assert_eq!(reactor.stop_signal(), None);
        return;
    }
    within(DEADLINE, || assert!(end_of(command(NAME, "turns")).success()));
}

/// W17: whoever holds the shutdown, three signals end the process, of whatever kind they are.
#[test]
fn w17_the_third_signal_ends_the_process() {
    const NAME: &str = "stopping::w17_the_third_signal_ends_the_process";
    if variant().is_some() {
        let reactor = Reactor::new().unwrap();
        reactor.stop_on_signals().unwrap();
        reactor.call_when_running(|_| {
            [SIGINT, SIGTERM, SIGINT].into_iter().for_each(|signal| raise(signal).unwrap());
        });
        let ended = reactor.run();
        unreachable!("{ended:?}");
    }
    within(DEADLINE, || assert_eq!(end_of(command(NAME, "three")).signal(), Some(SIGABRT)));
}

/// The third signal needs no reactor that listens: this one's only callback does not end.
#[test]
fn w30_the_third_signal_ends_a_process_whose_callback_blocks() {
    const SAYS: &str = "blocked for ever";
    const NAME: &str = "stopping::w30_the_third_signal_ends_a_process_whose_callback_blocks";
    if variant().is_some() {
        within(DEADLINE, || {
            let reactor = Reactor::new().unwrap();
            reactor.stop_on_signals().unwrap();
            reactor.call_when_running(|_| {
                writeln!(std::io::stdout(), "\n{SAYS}").unwrap();
                loop {
                    std::thread::park();
                }
            });
            reactor.run().unwrap();
        });
    }
    within(DEADLINE, || {
        let mut child = command(NAME, "blocks").spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        assert!(output.lines().any(|line| line.unwrap() == SAYS));
        let kill = format!("kill -INT {}", child.id());
        // Signals that come too fast are one. Each one that is too many finds the child a zombie.
        let mut sent = 0;
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
            sent += 1;
        };
        assert!(sent >= 3, "ended by {sent}");
        assert_eq!(status.signal(), Some(SIGABRT));
    });
}
