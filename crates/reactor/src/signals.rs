//! Signals that stop the reactor (feature `signals`).
//!
//! The handler itself does the least that is allowed there: it writes one byte into each of two
//! socket pairs. The other end of the first is a source of the reactor like any other. The other
//! end of the second belongs to a thread, which sleeps until there is a signal: a reactor thread
//! that a callback blocks hears nothing, and whoever has asked three times must not be left with a
//! process that does not end. **Lock rule:** nothing but arithmetic happens under the lock.

use crate::core::Lifecycle;
use crate::reactor::Reactor;
use crate::source::{Interest, Registration};
use crate::triggers::{Phase, SystemEvent};
use signal_hook::SigId;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level;
use std::cell::{Cell, RefCell};
use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;

/// With how many signals the process ends.
const LAST: u64 = 3;

/// What belongs to the signals of one reactor; unregistered when the reactor is dropped.
#[derive(Default)]
struct StopOnSignals {
    handlers: RefCell<Handlers>,
    pipe: RefCell<Option<Registration<UnixStream>>>,
    /// The number of the run that has heard signals.
    run: Cell<u64>,
    tally: Arc<Tally>,
}

/// What the reactor thread and the watching thread know of the signals.
#[derive(Default)]
struct Tally(Mutex<Count>);

#[derive(Default)]
struct Count {
    /// The reactor runs, so that it ought to hear what comes in.
    in_run: bool,
    /// How many the watching thread has had, and how many the reactor, in all.
    watched: u64,
    heard: u64,
    /// How many the reactor has heard in this run, or since the first that asks it to stop.
    seen: u64,
}

impl Tally {
    fn lock(&self) -> MutexGuard<'_, Count> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes signals for the watching thread. `true`: the reactor has had all the time it gets.
    fn watched(&self, signals: u64) -> bool {
        let mut count = self.lock();
        count.watched += signals;
        count.in_run && count.seen + count.watched.saturating_sub(count.heard) >= LAST
    }
}

/// The installed handlers; removed with this.
#[derive(Default)]
struct Handlers(Vec<SigId>);

impl Drop for Handlers {
    fn drop(&mut self) {
        self.0.drain(..).for_each(|id| {
            low_level::unregister(id);
        });
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
    /// What comes while the reactor does not run stops the next run, as one signal. The handlers
    /// are removed when the reactor is dropped. Calling this again does nothing.
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
    /// use ropewalk_reactor::Reactor;
    ///
    /// let reactor = Reactor::new()?;
    /// reactor.stop_on_signals()?;
    /// reactor.call_soon(|_| signal_hook::low_level::raise(signal_hook::consts::SIGINT).unwrap());
    /// reactor.run().unwrap();
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// Twisted: what `run(installSignalHandlers=True)` does.
    pub fn stop_on_signals(&self) -> io::Result<()> {
        let state = self.local::<StopOnSignals>();
        if state.pipe.borrow().is_some() {
            return Ok(());
        }
        let (to_reactor, receiver) = UnixStream::pair()?;
        let (to_watch, watched) = UnixStream::pair()?;
        receiver.set_nonblocking(true)?;
        let weak = std::rc::Rc::downgrade(&state);
        let heard = move |reactor: &Self, pipe: &UnixStream, _| {
            if let Some(state) = weak.upgrade() {
                (0..drained(pipe)).for_each(|_| state.heard(reactor));
            }
        };
        let pipe = self
            .register(receiver, Interest::READABLE, heard)
            .map_err(|error| io::Error::new(error.io_error().kind(), error.to_string()))?;
        let tally = Arc::clone(&state.tally);
        // It ends when the last handler has closed the other end.
        Builder::new()
            .name("ropewalk-signals".to_owned())
            .spawn(move || watch(&watched, &tally))?;
        let mut handlers = Handlers::default();
        for signal in [SIGINT, SIGTERM] {
            handlers.0.push(low_level::pipe::register(signal, to_reactor.try_clone()?)?);
            handlers.0.push(low_level::pipe::register(signal, to_watch.try_clone()?)?);
        }
        // Only now: where one of them fails, this can be called again.
        state.pipe.replace(Some(pipe));
        state.handlers.replace(handlers);
        if self.core.lifecycle.get() == Lifecycle::Idle {
            StopOnSignals::at_each_start(self);
        } else {
            state.begin(self);
        }
        Ok(())
    }
}

/// Empties the pipe: how many signals were in it.
fn drained(mut pipe: &UnixStream) -> usize {
    let mut bytes = [0; 16];
    std::iter::from_fn(|| pipe.read(&mut bytes).ok().filter(|&count| count > 0)).sum()
}

/// Ends the process at the last signal, whatever the reactor thread does.
fn watch(mut pipe: &UnixStream, tally: &Tally) {
    let mut bytes = [0; 16];
    loop {
        match pipe.read(&mut bytes) {
            Ok(0) => return,
            // No word of it to `tracing`: what blocks the reactor may be a subscriber.
            Ok(signals) if tally.watched(signals as u64) => std::process::abort(),
            Ok(_) => {}
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
            let missed = state.pipe.borrow().as_ref().map_or(0, |pipe| drained(pipe.source()));
            state.tally.lock().heard += missed as u64;
            state.begin(reactor);
            if missed > 0 {
                state.stop(reactor);
            }
        });
    }

    fn begin(&self, reactor: &Reactor) {
        {
            let mut count = self.tally.lock();
            count.in_run = true;
            count.seen = 0;
        }
        reactor.add_system_event_trigger(Phase::After, SystemEvent::End, |reactor| {
            let state = reactor.local::<Self>();
            state.tally.lock().in_run = false;
            Self::at_each_start(reactor);
        });
    }

    fn heard(&self, reactor: &Reactor) {
        self.tally.lock().heard += 1;
        self.stop(reactor);
    }

    fn stop(&self, reactor: &Reactor) {
        // Each run counts anew; so does what is heard while nothing is asked to stop.
        let run = reactor.core.runs.get();
        let counts_on = self.run.replace(run) == run && reactor.core.shared.stop_requested();
        let seen = {
            let mut count = self.tally.lock();
            count.seen = if counts_on { count.seen + 1 } else { 1 };
            count.seen
        };
        tracing::info!(count = seen, "stopping on a signal");
        match seen {
            1 => reactor.stop(),
            2 => reactor.stop_now(),
            _ => std::process::abort(),
        }
    }
}
