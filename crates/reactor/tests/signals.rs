//! Signals that stop a reactor (feature `signals`).
//!
//! A binary of its own, because a signal is for the whole process; and one test in it, because two
//! would hear each other's signals.

#![cfg(unix)]

use ropewalk_reactor::{Reactor, RunError, SystemEvent};
use ropewalk_testing::{DEADLINE, within};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::raise;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// B71, B88, W17 and W30: handlers are asked for, belong to one reactor, and go with it; the first
/// signal stops, the second stops now, and the third would abort; each run counts anew.
#[test]
fn b71_b88_w17_w30_signals_stop_a_reactor_and_escalate() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor.stop_on_signals().unwrap();
        reactor.stop_on_signals().unwrap();

        // One signal of each kind: an orderly stop.
        for signal in [SIGINT, SIGTERM] {
            reactor.call_soon(move |_| raise(signal).unwrap());
            reactor.run().unwrap();
        }

        // A second one, while somebody still holds the shutdown.
        let hold = reactor.hold(SystemEvent::Shutdown);
        reactor.call_soon(|reactor| {
            raise(SIGINT).unwrap();
            reactor.call_later(Duration::from_millis(5), |_| raise(SIGINT).unwrap());
        });
        assert!(matches!(reactor.run(), Err(RunError::ShutdownTimedOut(_))));
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

        // Two reactors hear of one signal, each in its own run, and one that is gone does not.
        let other = Reactor::new().unwrap();
        other.stop_on_signals().unwrap();
        raise(SIGINT).unwrap();
        reactor.run().unwrap();
        drop(reactor);
        other.run().unwrap();

        // When the last one is gone, what was there before is there again: here, a flag.
        drop(other);
        let heard = Arc::new(AtomicBool::new(false));
        let id = signal_hook::flag::register(SIGINT, Arc::clone(&heard)).unwrap();
        raise(SIGINT).unwrap();
        assert!(heard.load(Ordering::SeqCst));
        signal_hook::low_level::unregister(id);
    });
}
