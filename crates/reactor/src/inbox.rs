//! What a handle can reach of its reactor, and the reactor's end of it.
//!
//! Calls from other threads come in through the [`Intake`], which decides who may still enter and
//! whether the loop must be woken: a burst of calls costs one wake-up, and a call to a loop that is
//! awake costs none. The loop swaps the whole queue for an empty one and works it off in pieces.

use crate::closures::{self, Closures};
use crate::hold::Holds;
use crate::intake::Intake;
use crate::panics;
use crate::reactor::Reactor;
use crate::remote::Released;
use crate::running::Record;
use crate::selector::Waker;
use crate::slots::SharedSlots;
use std::cell::RefCell;
use std::fmt;
use std::mem;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ThreadId;

/// Calls on their way to the reactor thread.
type Calls = Closures<Reactor>;

/// What the reactor and all its handles share.
pub(crate) struct Shared {
    intake: Intake<Calls>,
    waker: Waker,
    /// What is behind [`Core::on_bell`](crate::core::Core) is to be called.
    bell: AtomicBool,
    stop: AtomicBool,
    stop_now: AtomicBool,
    pub(crate) thread: ThreadId,
    pub(crate) slots: SharedSlots,
    pub(crate) holds: Holds,
    pub(crate) released: Released,
    /// Away from what other threads write: the loop reads it at each callback.
    pub(crate) running: Arc<Record>,
}

impl Shared {
    /// Hands in one call, or `argument` back. `make` runs only if calls are accepted; it must not
    /// do more than to wrap what it is given, because it runs under a lock.
    pub(crate) fn send<T, F>(
        &self,
        argument: T,
        location: &'static Location<'static>,
        make: impl FnOnce(T) -> F,
    ) -> Result<(), T>
    where
        F: FnOnce(&Reactor) + Send + 'static,
    {
        let pushed =
            self.intake.push(argument, |calls, argument| calls.push(make(argument), location));
        match pushed {
            Ok(false) => Ok(()),
            Ok(true) => {
                self.waker.wake();
                Ok(())
            }
            Err(argument) => {
                // The caller is to have his argument back, whoever listens; or he is in a drop.
                let what = "a call was refused: the reactor has stopped";
                panics::tell(|| tracing::debug!(%location, "{what}"));
                Err(argument)
            }
        }
    }

    /// Makes the loop look around, whether it sleeps or not.
    pub(crate) fn wake(&self) {
        self.waker.wake();
    }

    /// Makes the loop look around, before it sleeps again.
    pub(crate) fn nudge(&self) {
        if self.intake.nudge() {
            self.waker.wake();
        }
    }

    /// Has the next turn begin with the function of the bell, and wakes the loop if it sleeps.
    ///
    /// It is accepted always: it is heard in whatever comes next, a run or a turn by hand. A swap,
    /// not a store: of two that ring at once the loop may hear the second one only, and must see
    /// what the first one was about all the same. A swap acquires what the swap before it released;
    /// a store would cut that off. Whoever finds the bell rung leaves it to the first one to wake
    /// the loop.
    pub(crate) fn ring(&self) {
        if !self.bell.swap(true, Ordering::AcqRel) && self.intake.call_out() {
            self.waker.wake();
        }
    }

    pub(crate) fn is_rung(&self) -> bool {
        self.bell.load(Ordering::Acquire)
    }

    /// Hears the bell: `true`, once, if it was rung.
    pub(crate) fn hear(&self) -> bool {
        self.is_rung() && self.bell.swap(false, Ordering::AcqRel)
    }

    /// Asks the reactor to stop. A reactor that has stopped already is left alone.
    pub(crate) fn stop(&self, now: bool) {
        let wake = self.intake.nudge_if_open(|| {
            self.stop.store(true, Ordering::Release);
            if now {
                self.stop_now.store(true, Ordering::Release);
            }
        });
        if wake {
            self.waker.wake();
        }
        // It may sit in a callback that waits for something.
        self.running.unpark();
    }

    pub(crate) fn stop_requested(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    pub(crate) fn stop_now_requested(&self) -> bool {
        self.stop_now.load(Ordering::Acquire)
    }

    pub(crate) fn forget_stop(&self) {
        self.stop.store(false, Ordering::Release);
        self.stop_now.store(false, Ordering::Release);
    }

    pub(crate) fn open(&self) {
        self.intake.open();
    }

    /// Refuses all further calls; those that were accepted are in the inbox when it returns.
    pub(crate) fn close(&self) {
        self.intake.close();
    }

    pub(crate) fn is_open(&self) -> bool {
        self.intake.is_open()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("open", &self.is_open()).finish_non_exhaustive()
    }
}

/// The reactor's end of the queue.
pub(crate) struct Inbox {
    shared: Arc<Shared>,
    /// Taken from the queue, not yet run.
    batch: RefCell<Calls>,
}

impl Inbox {
    pub(crate) fn new(waker: Waker) -> Self {
        let shared = Arc::new(Shared {
            intake: Intake::new(Calls::new()),
            waker,
            bell: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            stop_now: AtomicBool::new(false),
            thread: std::thread::current().id(),
            slots: SharedSlots::default(),
            holds: Holds::default(),
            released: Released::default(),
            running: Arc::default(),
        });
        Self { shared, batch: RefCell::default() }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// How many calls may run in this turn: those that are here now, `budget` at most. What they
    /// hand in themselves waits for the next turn.
    pub(crate) fn begin_turn(&self, budget: usize) -> usize {
        let mut batch = self.batch.borrow_mut();
        if batch.len() == 0 && self.shared.intake.has_arrived() {
            self.shared.intake.take(|queue| mem::swap(queue, &mut batch));
        }
        batch.len().min(budget)
    }

    /// Where the next call of the batch was made.
    pub(crate) fn next_location(&self) -> Option<&'static Location<'static>> {
        self.batch.borrow().first_location()
    }

    /// Runs the next call of the batch.
    pub(crate) fn run_next(&self, reactor: &Reactor) {
        closures::call_first(&self.batch, reactor);
    }

    /// Drops the next call of the batch.
    pub(crate) fn drop_next(&self) {
        closures::discard_first(&self.batch);
    }

    /// Where the next call of all was made. For the end of a run: it takes in what has arrived.
    pub(crate) fn next_of_all(&self) -> Option<&'static Location<'static>> {
        self.begin_turn(1);
        self.next_location()
    }

    pub(crate) fn len(&self) -> usize {
        self.batch.borrow().len() + self.shared.intake.look(Calls::len)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.batch.borrow().len() == 0 && !self.shared.intake.has_arrived()
    }

    /// Whether there may be something for a loop to do that looks around before it sleeps.
    pub(crate) fn is_busy(&self) -> bool {
        self.shared.intake.is_busy() || self.shared.is_rung()
    }

    /// Whether the loop may sleep now; if so, whoever hands something in from here on wakes it.
    pub(crate) fn may_sleep(&self) -> bool {
        self.shared.intake.doze(|| !self.shared.is_rung())
    }

    pub(crate) fn woke_up(&self) {
        self.shared.intake.wake();
    }
}
