//! How long a callback may still wait for something, when its reactor is asked to stop.
//!
//! Nobody can interrupt a callback, and a reactor cannot stop before it has returned. But one that
//! waits inside of one of our own waits can be let go; so that a stop ends in bounded time (I9)
//! also if what is waited for never comes.

use crate::core::Core;
use crate::inbox::Shared;
use crate::reactor::Reactor;
use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a wait inside of a callback asks, whenever its thread is unparked: a stop does that, too.
/// The waits of one callback share one limit, so that it ends also if it waits again and again. For
/// crates that extend the reactor.
#[doc(hidden)]
pub struct Haste {
    shared: Arc<Shared>,
    shutdown_deadline: Duration,
    /// When it was first seen that a stop was asked for.
    stopping: Cell<Option<Instant>>,
}

impl Haste {
    /// That of the reactor which runs on this thread, if there is one.
    #[must_use]
    pub fn of_current() -> Option<Self> {
        Reactor::with_current(|reactor| Self {
            shared: Arc::clone(&reactor.core.shared),
            shutdown_deadline: reactor.core.shutdown_deadline,
            stopping: Cell::new(reactor.core.stop_seen()),
        })
    }

    /// Until when it may wait; `None` as long as nobody wants the reactor to stop.
    #[must_use]
    pub fn limit(&self) -> Option<Instant> {
        if !self.shared.stop_requested() {
            return None;
        }
        let since = self.stopping.get().unwrap_or_else(|| {
            let now = Instant::now();
            self.stopping.set(Some(now));
            Reactor::with_current(|reactor| reactor.core.see_stop(now));
            now
        });
        if self.shared.stop_now_requested() {
            return Some(since);
        }
        since.checked_add(self.shutdown_deadline)
    }
}

impl Core {
    /// When a wait of the callback that runs has first seen that a stop was asked for.
    fn stop_seen(&self) -> Option<Instant> {
        let (callback, since) = self.stop_seen.get()?;
        (callback == self.counters.callbacks()).then_some(since)
    }

    fn see_stop(&self, now: Instant) {
        self.stop_seen.set(Some((self.counters.callbacks(), now)));
    }
}

impl fmt::Debug for Haste {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Haste").field("limit", &self.limit()).finish()
    }
}
