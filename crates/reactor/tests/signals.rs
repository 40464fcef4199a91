//! Signals that stop a reactor (feature `signals`).
//!
//! A binary of its own, because a signal is for the whole process; and one test in it that raises
//! any, because two would hear each other's. The other test sends them to a child.

#![cfg(unix)]

use ropewalk_reactor::{Reactor, RunError, SystemEvent};
use ropewalk_testing::{DEADLINE, within};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::raise;
use std::cell::Cell;
use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
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

        // Those that come while it does not run are one.
        (0..50).for_each(|_| raise(SIGTERM).unwrap());
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

/// The third signal needs no reactor that listens: this one's only callback does not end.
#[test]
fn w30_the_third_signal_ends_a_process_whose_callback_blocks() {
    const CHILD: &str = "ROPEWALK_BLOCKED_CHILD";
    const SAYS: &str = "blocked for ever";
    const NAME: &str = "w30_the_third_signal_ends_a_process_whose_callback_blocks";
    if env::var_os(CHILD).is_some() {
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
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", NAME, "--nocapture"]).env(CHILD, "1");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
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
        assert_eq!(status.signal(), Some(signal_hook::consts::SIGABRT));
    });
}
