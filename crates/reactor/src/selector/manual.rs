//! Readiness that a test makes by hand.
//!
//! The loop above it is the real one, so what a test sees of order, budgets and time-outs is what
//! production does; only the look at the operating system is replaced. **Borrow rule:** no cell is
//! borrowed while the test's function runs (I5).

use super::watched::Watched;
use super::{EVENTS, Event, LONGEST_SLEEP, Wait};
use crate::clock::Clock;
use crate::panics;
use crate::source::{Interest, Readiness, Registration};
use polling::AsSource;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many waits are remembered for [`ManualSelector::waits`].
const REMEMBERED: usize = 10_000;

/// An operating system for one reactor, in the memory of a test: a source is ready when the test
/// says so.
///
/// Clones are the same selector. It is given to a reactor with
/// [`Builder::manual_selector`](crate::Builder::manual_selector), and then no source of that reactor
/// is handed to the operating system, nor asked for its descriptor; any will do, and one may be
/// registered many times. All else is as it is in production:
///
/// - Events are delivered in the order in which [`make_ready`](Self::make_ready) made them, at most
///   256 in a turn. Those that are left come first in the next turn, before the level-triggered ones
///   that were told of already.
/// - [`waits`](Self::waits) tells for how long the loop wanted to sleep.
/// - Where the loop would sleep, [`on_wait`](Self::on_wait) has a function of the test called
///   instead. Without one the thread really sleeps, until a handle of the reactor wakes it or so much
///   time of the machine has passed.
///
/// # Threads
///
/// The thread of its reactor; it is neither `Send` nor `Sync`. The reactor's handle wakes it from any
/// thread, as ever. The descriptor that a reactor has for other loops tells nothing here;
/// [`poll_timeout`](crate::Reactor::poll_timeout) does.
///
/// # Examples
///
/// ```
/// use ropewalk_reactor::{Interest, ManualClock, ManualSelector, Reactor, Readiness};
/// use std::{cell::Cell, net::TcpListener, rc::Rc, time::Duration};
///
/// let (clock, selector) = (ManualClock::new(), ManualSelector::new());
/// let reactor = Reactor::builder().manual_clock(&clock).manual_selector(&selector).build()?;
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let events = Rc::new(Cell::new(0));
/// let seen = Rc::clone(&events);
/// let registration = reactor
///     .register(listener, Interest::READABLE, move |_, _, _| seen.set(seen.get() + 1))
///     .unwrap();
///
/// selector.make_ready(&registration, Readiness::READABLE);
/// reactor.turn(None).unwrap();
/// reactor.turn(None).unwrap(); // level-triggered: it is still ready
/// assert_eq!(events.get(), 2);
/// selector.make_ready(&registration, Readiness::NONE);
///
/// reactor.call_later(Duration::from_secs(5), Reactor::stop);
/// selector.on_wait(move |time| clock.advance(time.unwrap()));
/// let _ = selector.waits(); // those of the two turns
/// reactor.run().unwrap();
/// // It slept once, and the turn that stopped it looked around without waiting.
/// assert_eq!(selector.waits(), [Some(Duration::from_secs(5)), Some(Duration::ZERO)]);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone)]
pub struct ManualSelector(Rc<State>);

type OnWait = Box<dyn FnMut(Option<Duration>)>;

struct State {
    watched: RefCell<Watched>,
    waits: RefCell<VecDeque<Option<Duration>>>,
    failures: RefCell<VecDeque<io::Error>>,
    /// Out of its place while it runs.
    on_wait: Cell<Option<OnWait>>,
    /// How many functions have been set; tells whether the one that ran was replaced.
    functions: Cell<u64>,
    bell: Arc<Bell>,
    attached: Cell<bool>,
}

impl ManualSelector {
    /// A selector with nothing ready, for one reactor.
    #[must_use]
    pub fn new() -> Self {
        Self(Rc::new(State {
            watched: RefCell::default(),
            waits: RefCell::default(),
            failures: RefCell::default(),
            on_wait: Cell::new(None),
            functions: Cell::new(0),
            bell: Arc::default(),
            attached: Cell::new(false),
        }))
    }

    /// Sets what a source is ready for; [`Readiness::NONE`] ends it.
    ///
    /// Only what its interest asks for is delivered: the rest is remembered, for a change of the
    /// interest. A level-triggered source gets an event in each turn from now on; an edge-triggered
    /// one gets one event, also if this is called again before the loop has looked. A hang-up and an
    /// error make it ready for both.
    ///
    /// `false`: the registration is not one of this selector's reactor, or that is gone.
    pub fn make_ready<S: AsSource>(
        &self,
        registration: &Registration<S>,
        readiness: Readiness,
    ) -> bool {
        match registration.armed() {
            super::Armed::ByHand(armed) if Rc::ptr_eq(&armed.state, &self.0) => {
                self.0.watched.borrow_mut().make_ready(armed.id, readiness)
            }
            _ => false,
        }
    }

    /// What the loop has asked the operating system to wait for since this was last called, in order:
    /// zero for a mere look, `None` for as long as it takes.
    ///
    /// Times are those of the reactor's clock, that is, with a [`ManualClock`](crate::ManualClock)
    /// they are exact. A turn that has nothing to wait for and no sources does not ask at all. Only
    /// the last 10,000 are remembered.
    #[must_use]
    pub fn waits(&self) -> Vec<Option<Duration>> {
        self.0.waits.take().into()
    }

    /// Has the next wait fail, as if the operating system refused it. Called again, the one after
    /// that fails, too.
    ///
    /// An error of the kind [`Interrupted`](io::ErrorKind::Interrupted) is no failure: a signal has
    /// ended the wait, and the loop looks around.
    pub fn fail_next_wait(&self, error: io::Error) {
        self.0.failures.borrow_mut().push_back(error);
    }

    /// Has `f` called wherever the loop would sleep, with the time that it would sleep for: nothing
    /// is ready, and nobody has woken it.
    ///
    /// `f` may do whatever a callback may do: make sources ready, stop the reactor (which
    /// [`Reactor::with_current`](crate::Reactor::with_current) lends), advance its clock, by which it
    /// has slept for so long, but not beyond what the next timer wakes it for. Then the loop turns. If
    /// `f` does nothing of all that, the loop comes straight back to it. It replaces the function that
    /// was set before, and is dropped with the reactor.
    ///
    /// # Panics
    ///
    /// A panic of `f` is not contained as that of a callback: it leaves the `run` or `turn`, so that
    /// an assertion in it fails the test.
    pub fn on_wait(&self, f: impl FnMut(Option<Duration>) + 'static) {
        let state = &*self.0;
        state.functions.set(state.functions.get() + 1);
        // The one before it is dropped here: it is the test's, and nothing is borrowed.
        state.on_wait.set(Some(Box::new(f)));
    }
}

impl Default for ManualSelector {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ManualSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Before anything is written: what it is written to is the user's.
        let waits = self.0.waits.borrow().clone();
        f.debug_struct("ManualSelector").field("waits", &waits).finish_non_exhaustive()
    }
}

impl State {
    fn note(&self, time: Option<Duration>) {
        let mut waits = self.waits.borrow_mut();
        if waits.len() == REMEMBERED {
            waits.pop_front();
        }
        waits.push_back(time);
    }

    /// `is_ours`: whether the reactor that waits is still there afterwards.
    fn sleep(&self, time: Option<Duration>, is_ours: impl FnOnce() -> bool) {
        let Some(mut f) = self.on_wait.take() else { return self.bell.wait(time) };
        let before = self.functions.get();
        f(time);
        if self.functions.get() == before && is_ours() {
            self.on_wait.set(Some(f));
        }
    }
}

/// The hold of a reactor on its selector.
pub(super) struct Attached {
    /// `None`: the reactor is gone.
    state: RefCell<Option<Rc<State>>>,
    bell: Arc<Bell>,
    clock: Clock,
}

impl Attached {
    /// An error if the selector has a reactor already.
    pub(super) fn new(selector: &ManualSelector, clock: Clock) -> io::Result<Self> {
        let state = Rc::clone(&selector.0);
        if state.attached.replace(true) {
            let text = "a manual selector is for one reactor: give each one of its own";
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, text));
        }
        Ok(Self { bell: Arc::clone(&state.bell), state: RefCell::new(Some(state)), clock })
    }

    pub(super) fn bell(&self) -> Arc<Bell> {
        Arc::clone(&self.bell)
    }

    fn state(&self) -> Option<Rc<State>> {
        self.state.borrow().clone()
    }

    pub(super) fn arm<S: AsSource>(
        &self,
        source: S,
        key: usize,
        interest: Interest,
    ) -> Result<Armed<S>, (S, io::Error)> {
        let Some(state) = self.state() else {
            return Err((source, io::ErrorKind::NotConnected.into()));
        };
        let id = state.watched.borrow_mut().add(key, interest);
        Ok(Armed { state, id, key, interest: Cell::new(Some(interest)), source })
    }

    pub(super) fn wait(&self, ready: &mut Vec<Event>, wait: Wait) -> io::Result<()> {
        let Some(state) = self.state() else { return Ok(()) };
        let time = match wait {
            Wait::Not => Some(Duration::ZERO),
            Wait::Until(due) => Some(due.saturating_duration_since(self.clock.now())),
            Wait::Forever => None,
        };
        state.note(time);
        let failure = state.failures.borrow_mut().pop_front();
        if let Some(error) = failure {
            return Err(error);
        }
        let is_ours = || self.state().is_some();
        let ready_now = state.watched.borrow().any_ready();
        if wait != Wait::Not && !ready_now && !state.bell.is_rung() {
            state.sleep(time, is_ours);
        }
        if is_ours() {
            state.bell.hear();
            state.watched.borrow_mut().deliver(ready, EVENTS);
        }
        Ok(())
    }

    /// The reactor is gone: the selector is free for another one.
    pub(super) fn let_go(&self) {
        let Some(state) = self.state.take() else { return };
        state.attached.set(false);
        // What a function has captured may be this selector itself, which would then never go.
        let left = (state.on_wait.take(), state.failures.take());
        if let Err(message) = panics::catch(|| drop(left)) {
            panics::tell(|| {
                tracing::error!(panic = message, "dropping what a manual selector had panicked");
            });
        }
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        // A reactor lets go when it is dropped; one that could not be made was none.
        self.let_go();
    }
}

/// What ends a wait from any thread.
#[derive(Default)]
pub(crate) struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    pub(super) fn ring(&self) {
        *self.lock() = true;
        self.changed.notify_one();
    }

    fn is_rung(&self) -> bool {
        *self.lock()
    }

    fn hear(&self) {
        *self.lock() = false;
    }

    fn wait(&self, time: Option<Duration>) {
        let time = time.map_or(LONGEST_SLEEP, |time| time.min(LONGEST_SLEEP));
        let waited = self.changed.wait_timeout_while(self.lock(), time, |rung| !*rung);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A source that a manual selector watches.
pub(crate) struct Armed<S> {
    state: Rc<State>,
    id: u64,
    key: usize,
    /// `None`: the watching has ended.
    interest: Cell<Option<Interest>>,
    source: S,
}

impl<S> Armed<S> {
    pub(super) fn source(&self) -> &S {
        &self.source
    }

    pub(super) fn key(&self) -> usize {
        self.key
    }

    pub(super) fn interest(&self) -> Interest {
        self.interest.get().unwrap_or(Interest::NONE)
    }

    pub(super) fn set_interest(&self, interest: Interest) {
        let again = interest.is_edge_triggered();
        if self.interest.get().is_some_and(|now| now != interest || again) {
            self.interest.set(Some(interest));
            self.state.watched.borrow_mut().set_interest(self.id, interest);
        }
    }

    pub(super) fn disarm(&self) {
        if self.interest.take().is_some() {
            self.state.watched.borrow_mut().remove(self.id);
        }
    }
}

impl<S> Drop for Armed<S> {
    fn drop(&mut self) {
        self.disarm();
    }
}
