//! Holds: what the shutdown (or the startup) waits for.
//!
//! A hold may be dropped on any thread, because what it waits for often ends on a worker. The last
//! one to go nudges the loop.

use crate::error::Stuck;
use crate::inbox::Shared;
use crate::panics;
use crate::reactor::Reactor;
use crate::storage::GiveBack as _;
use crate::triggers::SystemEvent;
use slab::Slab;
use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What is not finished; `None` if other holds tell all of it.
type Describe = Arc<dyn Fn() -> Option<Vec<String>> + Send + Sync>;

struct Held {
    event: SystemEvent,
    name: Option<Cow<'static, str>>,
    location: &'static Location<'static>,
    since: Instant,
    describe: Option<Describe>,
}

/// All holds of one reactor.
#[derive(Default)]
pub(crate) struct Holds(Mutex<Inside>);

#[derive(Default)]
struct Inside {
    held: Slab<Held>,
    /// How many there are of each event.
    counts: [usize; 4],
    /// How many were ever taken.
    taken: u64,
}

impl Holds {
    pub(crate) fn any(&self, events: &[SystemEvent]) -> bool {
        let inside = self.lock();
        events.iter().any(|&event| inside.counts[event as usize] > 0)
    }

    /// How many were ever taken: it tells of one that came and went between two looks.
    pub(crate) fn taken(&self) -> u64 {
        self.lock().taken
    }

    #[cfg(all(test, not(loom)))]
    pub(crate) fn capacity(&self) -> usize {
        self.lock().held.capacity()
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// While it lives, the *before* phase of a system event does not end; the loop keeps turning.
///
/// Made by [`Reactor::hold`]. Drop it, on any thread, when the work that must come first is done.
/// The shutdown waits until its deadline only (see
/// [`Builder::shutdown_deadline`](crate::Builder::shutdown_deadline)); what is still held then is
/// named in [`RunError::ShutdownTimedOut`](crate::RunError::ShutdownTimedOut).
///
/// # Examples
///
/// ```
/// use ropewalk_reactor::{Phase, Reactor, SystemEvent};
/// use std::time::Duration;
///
/// let reactor = Reactor::new()?;
/// reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, |reactor| {
///     let hold = reactor.hold(SystemEvent::Shutdown);
///     reactor.call_later(Duration::from_millis(1), move |_| {
///         println!("the last thing is done");
///         drop(hold);
///     });
/// });
/// reactor.stop();
/// reactor.run().unwrap();
/// # std::io::Result::Ok(())
/// ```
///
/// Twisted: the `Deferred` that a *before* trigger returns.
#[must_use = "dropping a hold lets the event go on"]
pub struct Hold {
    shared: Arc<Shared>,
    key: usize,
}

impl Hold {
    /// What is held for the shutdown, for the error that reports it.
    pub(crate) fn report(shared: &Shared) -> Vec<Stuck> {
        let held: Vec<_> = shared
            .holds
            .lock()
            .held
            .iter()
            .filter(|(_, held)| matches!(held.event, SystemEvent::Shutdown | SystemEvent::Drain))
            .map(|(_, held)| (held.name.clone(), held.location, held.since, held.describe.clone()))
            .collect();
        held.into_iter()
            .filter_map(|(name, location, since, describe)| {
                let details = match describe {
                    None => Vec::new(),
                    Some(describe) => {
                        panics::catch(move || describe()).unwrap_or_else(|message| {
                            Some(vec![format!("its description panicked: {message}")])
                        })?
                    }
                };
                Some(Stuck { name, location, age: since.elapsed(), details })
            })
            .collect()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let (held, last) = {
            let mut holds = self.shared.holds.lock();
            let held = holds.held.remove(self.key);
            holds.held.give_back();
            let count = &mut holds.counts[held.event as usize];
            *count -= 1;
            (held, *count == 0)
        };
        if last {
            self.shared.nudge();
        }
        // The description may own a user's values, so it is dropped after the lock; and last, since
        // it may panic.
        drop(held);
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").field("key", &self.key).finish_non_exhaustive()
    }
}

impl Reactor {
    /// Keeps the *before* phase of `event` from ending while the [`Hold`] lives.
    ///
    /// It may be taken at any time: in a *before* trigger, or long before the event. Nothing waits
    /// for a hold of [`SystemEvent::End`]. A startup has no deadline, but a stop ends its waiting.
    ///
    /// # Threads
    ///
    /// Reactor thread; the hold itself may go to any thread.
    #[track_caller]
    pub fn hold(&self, event: SystemEvent) -> Hold {
        self.held(event, Location::caller(), None, None)
    }

    /// As [`hold`](Self::hold), with a name that the error tells beside the line if the deadline
    /// passes: for a line that holds for many.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::{Reactor, SystemEvent};
    /// use std::time::Duration;
    ///
    /// let reactor = Reactor::builder().shutdown_deadline(Duration::ZERO).build()?;
    /// let file = "holiday.jpg";
    /// let _hold = reactor.hold_named(SystemEvent::Shutdown, format!("upload of {file}"));
    /// reactor.stop();
    /// let error = reactor.run().unwrap_err();
    /// assert!(error.to_string().contains("upload of holiday.jpg, held at "));
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn hold_named(&self, event: SystemEvent, name: impl Into<Cow<'static, str>>) -> Hold {
        self.held(event, Location::caller(), Some(name.into()), None)
    }

    /// As [`hold`](Self::hold), with something to say if the deadline passes: one line for each
    /// thing that is not finished.
    ///
    /// `describe` is called on the reactor thread.
    #[track_caller]
    pub fn hold_with(
        &self,
        event: SystemEvent,
        describe: impl Fn() -> Vec<String> + Send + Sync + 'static,
    ) -> Hold {
        self.held(event, Location::caller(), None, Some(Arc::new(move || Some(describe()))))
    }

    /// As [`hold_with`](Self::hold_with), for who may have nothing to add to what other holds say:
    /// then `describe` gives `None`, and the error does not list this one. For crates that extend the
    /// reactor.
    #[doc(hidden)]
    #[track_caller]
    pub fn hold_beside(
        &self,
        event: SystemEvent,
        describe: impl Fn() -> Option<Vec<String>> + Send + Sync + 'static,
    ) -> Hold {
        self.held(event, Location::caller(), None, Some(Arc::new(describe)))
    }

    fn held(
        &self,
        event: SystemEvent,
        location: &'static Location<'static>,
        name: Option<Cow<'static, str>>,
        describe: Option<Describe>,
    ) -> Hold {
        let shared = Arc::clone(&self.core.shared);
        let held = Held { event, name, location, since: Instant::now(), describe };
        let mut holds = shared.holds.lock();
        holds.counts[event as usize] += 1;
        holds.taken += 1;
        let key = holds.held.insert(held);
        drop(holds);
        Hold { shared, key }
    }
}
