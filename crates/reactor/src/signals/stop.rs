//! Signals that stop the reactor, and more than stop it.
//!
//! Beside the reactor each signal is told to a thread, which sleeps until there is one: a reactor
//! thread that a callback blocks hears nothing, and whoever has asked three times must not be left
//! with a process that does not end. What came before a run is not meant for it. So the reactor puts
//! a mark among the signals that the thread is told of, and what stands before it does not count.
//!
//! **Lock rule:** nothing but arithmetic happens under the lock.

use super::process::Name;
use super::registration::{SignalRegistration, listen};
use super::signal::{SIGINT, SIGTERM};
use crate::core::Lifecycle;
use crate::panics;
use crate::reactor::Reactor;
use crate::triggers::{Phase, SystemEvent};
use std::cell::{Cell, RefCell};
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::panic::Location;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;

/// With how many signals the process ends.
const LAST: u64 = 3;

/// Among the bytes of the signals: a run begins.
const MARK: u8 = b'r';

/// What belongs to the signals of one reactor; it goes with the reactor.
#[derive(Default)]
struct StopOnSignals {
    listeners: RefCell<Vec<SignalRegistration>>,
    to_watch: RefCell<Option<UnixStream>>,
    /// The number of the run that has heard signals.
    run: Cell<u64>,
    /// The signal that has asked a run to stop, and the number of that run.
    stopped_by: Cell<Option<(u64, i32)>>,
    tally: Arc<Tally>,
}

/// What the reactor thread and the watching thread know of the signals.
#[derive(Default)]
struct Tally(Mutex<Count>);

#[derive(Default)]
struct Count {
    /// The reactor runs, so that it ought to hear what comes in.
    in_run: bool,
    /// How many runs have begun, and how many marks of those the watching thread has met.
    begun: u64,
    met: u64,
    /// How many the watching thread has had in this run, and how many the reactor.
    watched: u64,
    heard: u64,
    /// How many the reactor has heard in this run since the first that asks it to stop.
    seen: u64,
}

impl Tally {
    fn lock(&self) -> MutexGuard<'_, Count> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) {
        let mut count = self.lock();
        (count.in_run, count.heard, count.seen) = (true, 0, 0);
        count.begun += 1;
    }

    fn mark(&self) {
        let mut count = self.lock();
        count.met += 1;
        count.watched = 0;
    }

    /// Notes one for the watching thread. `true`: the reactor has had all the time it gets.
    fn watched(&self) -> bool {
        let mut count = self.lock();
        count.watched += 1;
        let is_late = count.seen + count.watched.saturating_sub(count.heard) >= LAST;
        count.in_run && count.met == count.begun && is_late
    }
}

impl Reactor {
    /// Lets SIGINT and SIGTERM stop this reactor.
    ///
    /// The first signal is [`stop`](Self::stop); a second one, while the shutdown still waits for
    /// somebody, is [`stop_now`](Self::stop_now); a third one in the same run aborts the process.
    /// The third one needs no help of the reactor: it ends the process also while a callback blocks
    /// the reactor thread, which then has not heard of the first two. For that, a thread named
    /// `ropewalk-signals` sleeps as long as the reactor lives.
    ///
    /// What comes while the reactor does not run stops the next run, as one signal. When the
    /// reactor is dropped the signals do again what they did before, which is to end the process;
    /// see [`on_signal`](Self::on_signal). Calling this again does nothing.
    ///
    /// It also takes over a SIGINT that was ignored, as a shell script has it for its background jobs.
    /// It does not survive a `fork`: what the child gets counts in the parent. Fork first, or call
    /// `exec` at once.
    ///
    /// # Threads
    ///
    /// Reactor thread, which need not be the main thread.
    ///
    /// # Errors
    ///
    /// What the operating system says when it has no descriptors or threads left.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::{Reactor, signal::SIGINT};
    ///
    /// let reactor = Reactor::new()?;
    /// reactor.stop_on_signals()?;
    /// reactor.call_soon(|_| signal_hook::low_level::raise(SIGINT).unwrap());
    /// reactor.run().unwrap();
    /// assert_eq!(reactor.stop_signal(), Some(SIGINT));
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// Twisted: what `run(installSignalHandlers=True)` does.
    #[doc(alias = "installSignalHandlers")]
    #[track_caller]
    pub fn stop_on_signals(&self) -> io::Result<()> {
        let state = self.local::<StopOnSignals>();
        if !state.listeners.borrow().is_empty() {
            return Ok(());
        }
        let location = Location::caller();
        let (to_watch, watched) = UnixStream::pair()?;
        let tally = Arc::clone(&state.tally);
        // It ends when the reactor and the last handler have closed the other end.
        Builder::new()
            .name("ropewalk-signals".to_owned())
            .spawn(move || watch(&watched, &tally))?;
        let mut listeners = Vec::new();
        for signal in [SIGINT, SIGTERM] {
            let weak = Rc::downgrade(&state);
            let heard = move |reactor: &Self, count| {
                if let Some(state) = weak.upgrade() {
                    (0..count).for_each(|_| state.heard(reactor, signal));
                }
            };
            listeners.push(listen(self, signal, Some(to_watch.try_clone()?), location, heard)?);
        }
        // Only now: where one of them fails, this can be called again.
        state.listeners.replace(listeners);
        state.to_watch.replace(Some(to_watch));
        if self.core.lifecycle.get() == Lifecycle::Idle {
            StopOnSignals::at_each_start(self);
        } else {
            state.begin(self);
        }
        Ok(())
    }

    /// The [signal](crate::signal) that has stopped the reactor in this run, or in the last one if it
    /// does not run.
    ///
    /// `None`: there was none, or somebody had asked it to stop before. For programs that end the
    /// way their signal would have ended them.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// Twisted: `_exitSignal`.
    #[must_use]
    pub fn stop_signal(&self) -> Option<i32> {
        let (run, signal) = self.local::<StopOnSignals>().stopped_by.get()?;
        (run >= self.core.runs.get()).then_some(signal)
    }
}

/// Ends the process at the last signal, whatever the reactor thread does.
fn watch(mut pipe: &UnixStream, tally: &Tally) {
    let mut bytes = [0; 16];
    loop {
        match pipe.read(&mut bytes) {
            Ok(0) => return,
            Ok(count) => {
                for &byte in &bytes[..count] {
                    if byte == MARK {
                        tally.mark();
                    } else if tally.watched() {
                        // No word of it to `tracing`: what blocks the reactor may be a subscriber.
                        std::process::abort();
                    }
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

impl StopOnSignals {
    /// Has the watch begin with each run. One trigger sets the other again, since one that sets
    /// itself would never come to an end.
    fn at_each_start(reactor: &Reactor) {
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Startup, |reactor| {
            let state = reactor.local::<Self>();
            // What nobody could hear is one signal, however often somebody has tried.
            let missed = state.missed();
            state.begin(reactor);
            if let Some(signal) = missed {
                state.stop(reactor, signal);
            }
        });
    }

    /// Which signal has come while nobody listened, if any.
    fn missed(&self) -> Option<i32> {
        let listeners = self.listeners.borrow();
        // All pipes are emptied: no short circuit.
        let missed = |listener: &SignalRegistration| (listener.missed() > 0, listener.signal());
        let all: Vec<_> = listeners.iter().map(missed).collect();
        all.into_iter().find_map(|(any, signal)| any.then_some(signal))
    }

    fn begin(&self, reactor: &Reactor) {
        self.tally.begin();
        if let Some(to_watch) = &mut *self.to_watch.borrow_mut() {
            // It fails only if the thread is gone, and waits for nobody else.
            let _ = to_watch.write_all(&[MARK]);
        }
        reactor.add_system_event_trigger(Phase::After, SystemEvent::End, |reactor| {
            let state = reactor.local::<Self>();
            state.tally.lock().in_run = false;
            Self::at_each_start(reactor);
        });
    }

    fn heard(&self, reactor: &Reactor, signal: i32) {
        self.tally.lock().heard += 1;
        self.stop(reactor, signal);
    }

    fn stop(&self, reactor: &Reactor, signal: i32) {
        // Each run counts anew; so does what is heard while nothing is asked to stop.
        let run = reactor.core.runs.get();
        let is_first = !reactor.core.shared.stop_requested();
        let counts_on = self.run.replace(run) == run && !is_first;
        let seen = {
            let mut count = self.tally.lock();
            count.seen = if counts_on { count.seen + 1 } else { 1 };
            count.seen
        };
        // It stops whatever a subscriber makes of it.
        panics::tell(|| {
            tracing::info!(signal = %Name(signal), count = seen, "stopping on a signal");
        });
        match seen {
            1 => reactor.stop(),
            2 => reactor.stop_now(),
            _ => std::process::abort(),
        }
        if is_first && reactor.core.shared.stop_requested() {
            // A turn by hand stops the run that is still to come.
            let idle = reactor.core.lifecycle.get() == Lifecycle::Idle;
            self.stopped_by.set(Some((if idle { run.wrapping_add(1) } else { run }, signal)));
        }
    }
}
