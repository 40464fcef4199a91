//! The way in from other threads: the queue of calls, and all else that a handle can reach.
//!
//! The queue is a flume channel; [`Gate`] in front of it decides who may still enter and whether
//! the loop must be woken, so that a burst of calls costs one wake-up and a call to a loop that is
//! awake costs none. The loop takes the whole queue at once and works it off in pieces.

use crate::gate::Gate;
use crate::hold::Holds;
use crate::reactor::Reactor;
use crate::remote::Released;
use crate::running::Record;
use crate::selector::Waker;
use crate::slots::SharedSlots;
use crate::storage::GiveBack as _;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ThreadId;

/// A closure on its way to the reactor thread.
pub(crate) struct Call {
    pub(crate) run: Box<dyn FnOnce(&Reactor) + Send>,
    pub(crate) location: &'static Location<'static>,
}

/// What the reactor and all its handles share.
pub(crate) struct Shared {
    gate: Gate,
    calls: flume::Sender<Call>,
    waker: Waker,
    /// Something other than a call wants the loop to look around before it sleeps.
    nudged: AtomicBool,
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
    /// Hands in one call, or `argument` back. `make` runs only if the gate is open.
    pub(crate) fn send<F>(
        &self,
        argument: F,
        location: &'static Location<'static>,
        make: impl FnOnce(F) -> Box<dyn FnOnce(&Reactor) + Send>,
    ) -> Result<(), F> {
        if !self.gate.enter() {
            tracing::debug!(%location, "a call was refused: the reactor has stopped");
            return Err(argument);
        }
        // The receiver lives as long as a reactor can be run; if it is gone, the gate is closed.
        let sent = self.calls.send(Call { run: make(argument), location });
        if self.gate.leave() {
            self.waker.wake();
        }
        if sent.is_err() {
            tracing::error!("a call was lost: the queue ended before its gate closed");
        }
        Ok(())
    }

    /// Makes the loop look around, whether it sleeps or not.
    pub(crate) fn wake(&self) {
        self.waker.wake();
    }

    /// Makes the loop look around, if it sleeps.
    ///
    /// `nudged` is set by a swap, not by a store: of two nudges at once the loop may take the
    /// second one only, and must see what the first one was about all the same. A swap acquires
    /// what the swap before it released; a store would cut that off.
    pub(crate) fn nudge(&self) {
        self.nudged.swap(true, Ordering::AcqRel);
        if self.gate.rouse() {
            self.waker.wake();
        }
    }

    /// Has the next turn begin with the function of the bell, and wakes the loop if it sleeps.
    ///
    /// It passes by the gate: it is heard in whatever comes next, a run or a turn by hand. A swap,
    /// not a store, for the reason that is given at [`nudge`](Self::nudge); and whoever finds the
    /// bell rung leaves it to the first one to wake the loop.
    pub(crate) fn ring(&self) {
        if !self.bell.swap(true, Ordering::AcqRel) && self.gate.rouse() {
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
        // Inside the gate, so that the end of a run, which closes it, cannot miss this.
        if !self.gate.enter() {
            return;
        }
        self.stop.store(true, Ordering::Release);
        if now {
            self.stop_now.store(true, Ordering::Release);
        }
        let wake = self.gate.leave();
        self.nudged.swap(true, Ordering::AcqRel);
        if wake || self.gate.rouse() {
            self.waker.wake();
        }
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
        self.gate.open();
    }

    /// Refuses all further calls; those that were accepted are in the inbox when it returns.
    pub(crate) fn close(&self) {
        self.gate.close();
    }

    pub(crate) fn is_open(&self) -> bool {
        self.gate.is_open()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("gate", &self.gate).finish_non_exhaustive()
    }
}

/// The reactor's end of the queue.
pub(crate) struct Inbox {
    calls: flume::Receiver<Call>,
    /// Taken from the queue, not yet run.
    batch: RefCell<VecDeque<Call>>,
}

impl Inbox {
    pub(crate) fn new(waker: Waker) -> (Self, Arc<Shared>) {
        let (sender, receiver) = flume::unbounded();
        let shared = Arc::new(Shared {
            gate: Gate::new(),
            calls: sender,
            waker,
            nudged: AtomicBool::new(false),
            bell: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            stop_now: AtomicBool::new(false),
            thread: std::thread::current().id(),
            slots: SharedSlots::default(),
            holds: Holds::default(),
            released: Released::default(),
            running: Arc::default(),
        });
        (Self { calls: receiver, batch: RefCell::default() }, shared)
    }

    /// How many calls may run in this turn: those that are here now, `budget` at most. What they
    /// hand in themselves waits for the next turn.
    pub(crate) fn begin_turn(&self, budget: usize) -> usize {
        let mut batch = self.batch.borrow_mut();
        if batch.is_empty() {
            batch.extend(self.calls.drain());
        }
        batch.len().min(budget)
    }

    pub(crate) fn next(&self) -> Option<Call> {
        let mut batch = self.batch.borrow_mut();
        let call = batch.pop_front();
        batch.give_back();
        call
    }

    #[cfg(all(test, not(loom)))]
    pub(crate) fn capacity(&self) -> usize {
        self.batch.borrow().capacity()
    }

    pub(crate) fn len(&self) -> usize {
        self.batch.borrow().len() + self.calls.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.batch.borrow().is_empty() && self.calls.is_empty()
    }

    /// Takes all calls, for the end of a run.
    pub(crate) fn take_all(&self) -> VecDeque<Call> {
        let mut all = self.batch.take();
        all.extend(self.calls.drain());
        all
    }

    /// Whether the loop may sleep now; if so, whoever hands something in from here on wakes it.
    pub(crate) fn may_sleep(&self, shared: &Shared) -> bool {
        shared.gate.doze();
        let idle = self.calls.is_empty() && !shared.is_rung();
        if idle && !shared.nudged.swap(false, Ordering::AcqRel) {
            return true;
        }
        shared.gate.wake();
        false
    }

    pub(crate) fn woke_up(&self, shared: &Shared) {
        shared.gate.wake();
    }
}
