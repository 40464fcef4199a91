//! The tasks of one reactor that are to run, in order, and how its own thread finds them.
//!
//! What is woken on the reactor thread goes straight in here, with no lock. Where it is woken
//! elsewhere, [`wakes`](crate::wakes) brings it.

use crate::claim::TaskKey;
use crate::tasks::Tasks;
use crate::wakes::Wakes;
use ropewalk_reactor::WeakReactor;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

thread_local! {
    /// The queues of the reactors that live on this thread; mostly one.
    static HERE: RefCell<Vec<(Arc<Wakes>, Rc<Queue>)>> = const { RefCell::new(Vec::new()) };
}

pub(crate) struct Queue {
    reactor: WeakReactor,
    keys: RefCell<VecDeque<TaskKey>>,
    /// The reactor has been asked to run what is in here.
    called: Cell<bool>,
}

impl Queue {
    pub(crate) fn new(reactor: WeakReactor) -> Rc<Self> {
        Rc::new(Self { reactor, keys: RefCell::default(), called: Cell::new(false) })
    }

    /// Puts in a task that is to run.
    pub(crate) fn push(&self, key: TaskKey) {
        self.keys.borrow_mut().push_back(key);
        self.call();
    }

    pub(crate) fn extend(&self, keys: Vec<TaskKey>) {
        self.keys.borrow_mut().extend(keys);
        self.call();
    }

    pub(crate) fn pop(&self) -> Option<TaskKey> {
        self.keys.borrow_mut().pop_front()
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.borrow().len()
    }

    /// The call has come: whoever enters from here on makes another.
    pub(crate) fn was_called(&self) {
        self.called.set(false);
    }

    /// Asks the reactor to run the tasks in its next turn, if there are any.
    pub(crate) fn call(&self) {
        if !self.keys.borrow().is_empty() && !self.called.replace(true) {
            self.reactor.with(|reactor| reactor.call_soon(Tasks::run));
        }
    }

    /// Gives back the storage that a burst has left behind.
    pub(crate) fn give_back(&self, kept: usize) {
        let mut keys = self.keys.borrow_mut();
        if keys.is_empty() && keys.capacity() > kept {
            *keys = VecDeque::new();
        }
    }

    pub(crate) fn clear(&self) {
        self.keys.take();
    }

    #[cfg(all(test, not(loom)))]
    pub(crate) fn capacity(&self) -> usize {
        self.keys.borrow().capacity()
    }
}

/// Makes `queue` the one to which `wakes` lead on this thread.
///
/// A thread that is ending has no list any more; then all wake-ups come in by the lock.
pub(crate) fn enter(wakes: &Arc<Wakes>, queue: &Rc<Queue>) {
    let entered = (Arc::clone(wakes), Rc::clone(queue));
    let _ = HERE.try_with(|here| here.borrow_mut().push(entered));
}

/// The end of it.
pub(crate) fn leave(wakes: &Arc<Wakes>) {
    let _ = HERE.try_with(|here| here.borrow_mut().retain(|(of, _)| !Arc::ptr_eq(of, wakes)));
}

/// The queue to which `wakes` lead, if this is its thread.
pub(crate) fn here(wakes: &Arc<Wakes>) -> Option<Rc<Queue>> {
    let find = |here: &RefCell<Vec<(Arc<Wakes>, Rc<Queue>)>>| {
        let here = here.borrow();
        here.iter().find(|(of, _)| Arc::ptr_eq(of, wakes)).map(|(_, queue)| Rc::clone(queue))
    };
    HERE.try_with(find).ok().flatten()
}
