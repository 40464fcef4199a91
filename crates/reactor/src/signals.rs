//! Signals that stop the reactor (feature `signals`).
//!
//! The handler itself does the least that is allowed there: it writes one byte into a socket pair,
//! whose other end is a source of the reactor like any other.

use crate::reactor::Reactor;
use crate::source::{Interest, Registration};
use signal_hook::SigId;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level;
use std::cell::{Cell, RefCell};
use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;

/// What belongs to the signals of one reactor; unregistered when the reactor is dropped.
#[derive(Default)]
struct StopOnSignals {
    handlers: RefCell<Handlers>,
    pipe: RefCell<Option<Registration<UnixStream>>>,
    /// How many signals the run with this number has heard.
    seen: Cell<(u64, u32)>,
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
    /// somebody, is [`stop_now`](Self::stop_now); a third one aborts the process. The handlers are
    /// removed when the reactor is dropped. Calling this again does nothing.
    ///
    /// # Threads
    ///
    /// Reactor thread, which need not be the main thread.
    ///
    /// # Errors
    ///
    /// What the operating system says when it has no descriptors left.
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
        let (sender, receiver) = UnixStream::pair()?;
        receiver.set_nonblocking(true)?;
        let weak = std::rc::Rc::downgrade(&state);
        let heard = move |reactor: &Self, mut pipe: &UnixStream, _| {
            let mut bytes = [0; 16];
            let count = pipe.read(&mut bytes).unwrap_or(0);
            if let Some(state) = weak.upgrade() {
                (0..count).for_each(|_| state.heard(reactor));
            }
        };
        let pipe = self
            .register(receiver, Interest::READABLE, heard)
            .map_err(|error| io::Error::new(error.io_error().kind(), error.to_string()))?;
        let mut handlers = Handlers::default();
        for signal in [SIGINT, SIGTERM] {
            handlers.0.push(low_level::pipe::register(signal, sender.try_clone()?)?);
        }
        // Only now: where one of them fails, this can be called again.
        state.pipe.replace(Some(pipe));
        state.handlers.replace(handlers);
        Ok(())
    }
}

impl StopOnSignals {
    fn heard(&self, reactor: &Reactor) {
        // Each run counts anew; so does what is heard while nothing is asked to stop.
        let run = reactor.core.runs.get();
        let seen = match self.seen.get() {
            (last, seen) if last == run && reactor.core.shared.stop_requested() => seen + 1,
            _ => 1,
        };
        self.seen.set((run, seen));
        tracing::info!(count = seen, "stopping on a signal");
        match seen {
            1 => reactor.stop(),
            2 => reactor.stop_now(),
            _ => std::process::abort(),
        }
    }
}
