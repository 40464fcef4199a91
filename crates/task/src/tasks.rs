//! The tasks of one reactor: where their futures live, and in which order they run.
//!
//! A task has two halves. The future stays here, in a slab on the reactor thread. What is queued and
//! woken is a key of the slab: a number, so that no thread that holds the last waker can ever drop,
//! let alone poll, the user's future.
//!
//! Tasks woken on the reactor thread go straight into a [`queue`] of their own, with
//! no lock and no wake-up; how others get there is in [`wakes`](crate::wakes). Each turn runs a
//! limited number of them, for a limited time, and none that was queued by another one in the same
//! turn (I7).
//!
//! **Borrow rule:** nothing here is borrowed while a task runs, or is dropped.

use crate::claim::TaskKey;
use crate::context::SpawnContext;
use crate::job::{Job, Resolve, Spawned};
use crate::queue::{self, Queue};
use crate::waker::{Spare, TaskWaker};
use crate::wakes::Wakes;
use ropewalk_deferred::{Abandoned, Cancelled, Deferred, Failure, Stopper};
use ropewalk_reactor::Reactor;
use slab::Slab;
use std::cell::{Cell, OnceCell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::Context;

/// How many tasks one turn runs at most, whatever the budget of the reactor.
const BUDGET: usize = 256;

/// Up to this many places the storage of tasks that are over is kept.
const KEPT: usize = 1024;

pub(crate) struct Tasks {
    wakes: Arc<Wakes>,
    queue: Rc<Queue>,
    entries: RefCell<Slab<Entry>>,
    next_id: Cell<u32>,
    spare: Spare,
}

struct Entry {
    id: u32,
    /// Out of its place while it is polled.
    job: Option<Pin<Box<dyn Job>>>,
    /// `None`, if nobody has a clone of it: then it is queued, or it is never woken.
    waker: Option<TaskWaker>,
    /// Cancelled while it was polled.
    cancelled: bool,
}

impl Entry {
    const fn empty() -> Self {
        Self { id: 0, job: None, waker: None, cancelled: false }
    }
}

/// Where a reactor keeps its tasks; its drop is the end of all of them.
#[derive(Default)]
struct Slot(OnceCell<Rc<Tasks>>);

impl Tasks {
    pub(crate) fn of(reactor: &Reactor) -> Rc<Self> {
        let slot = reactor.local::<Slot>();
        Rc::clone(slot.0.get_or_init(|| Self::new(reactor)))
    }

    fn new(reactor: &Reactor) -> Rc<Self> {
        let tasks = Rc::new(Self {
            wakes: Arc::new(Wakes::new(reactor.handle())),
            queue: Queue::new(reactor.downgrade()),
            entries: RefCell::default(),
            next_id: Cell::new(0),
            spare: Spare::default(),
        });
        queue::enter(&tasks.wakes, &tasks.queue);
        reactor.on_bell(Self::take_parked);
        tasks
    }

    /// Queues the tasks that other threads have woken.
    fn take_parked(reactor: &Reactor) {
        let tasks = Self::of(reactor);
        tasks.queue.extend(tasks.wakes.take());
    }

    /// Takes on a future. `R` makes the result of its output.
    #[inline]
    #[track_caller]
    pub(crate) fn spawn<F, R>(self: &Rc<Self>, future: F) -> Deferred<R::Value>
    where
        F: Future + 'static,
        R: Resolve<F::Output> + 'static,
    {
        // First: a subscriber is asked, which is anybody's code and might spawn a task as well.
        let around = SpawnContext::here();
        let id = self.next_id.replace(self.next_id.get().wrapping_add(1));
        let key = TaskKey::new(self.entries.borrow().vacant_key(), id);
        let this: Weak<dyn Stopper> = Rc::<Self>::downgrade(self);
        let (promise, deferred) = Deferred::direct(this, key.name());
        let job = Spawned::<F, R::Value, R>::pinned(future, promise, around);
        self.enter(key, job);
        deferred
    }

    /// Takes a new task in.
    fn enter(&self, key: TaskKey, job: Pin<Box<dyn Job>>) {
        let mut entries = self.entries.borrow_mut();
        // An empty one first, which is a constant, and filled in its place.
        let place = entries.insert(const { Entry::empty() });
        if let Some(entry) = entries.get_mut(place) {
            entry.id = key.id;
            entry.job = Some(job);
        }
        drop(entries);
        self.queue.push(key);
    }

    /// Runs what is queued now, up to the budgets.
    pub(crate) fn run(reactor: &Reactor) {
        let tasks = Self::of(reactor);
        tasks.queue.was_called();
        // Sees to it that what is left in the queue runs too, even after a panic.
        let _rest = Rest(&tasks.queue);
        let mut pace = reactor.pace();
        for served in 0..tasks.queue.len().min(BUDGET).min(reactor.budget()) {
            if pace.is_over(served) {
                break;
            }
            let Some(key) = tasks.queue.pop() else { break };
            tasks.poll(reactor, key);
        }
        tasks.queue.give_back(KEPT);
    }

    fn poll(&self, reactor: &Reactor, key: TaskKey) {
        let taken = self.entry(key, |entry| (entry.job.take(), entry.waker.take()));
        let Some((Some(mut job), waker)) = taken else { return };
        let waker = match waker {
            Some(waker) => {
                waker.begin_poll();
                waker
            }
            None => self.spare.give(&self.wakes, key),
        };
        let polled = job.as_mut().poll(reactor, &mut Context::from_waker(waker.waker()));
        let waker = self.spare.take_back(waker);
        if polled.is_pending() {
            let Some((mut job, why)) = self.put_back(key, job, waker) else { return };
            self.remove(key);
            job.as_mut().end(why);
        } else {
            self.remove(key);
        }
    }

    /// Gives the future back if nobody wants it any more, and says why.
    fn put_back(
        &self,
        key: TaskKey,
        job: Pin<Box<dyn Job>>,
        waker: Option<TaskWaker>,
    ) -> Option<(Pin<Box<dyn Job>>, Failure)> {
        let mut entries = self.entries.borrow_mut();
        match entries.get_mut(key.place()) {
            Some(entry) if entry.id == key.id && entry.cancelled => Some((job, Cancelled.into())),
            Some(entry) if entry.id == key.id => {
                entry.job = Some(job);
                entry.waker = waker;
                None
            }
            // The reactor has been dropped.
            _ => Some((job, Abandoned.into())),
        }
    }

    /// Drops the future now, or leaves word for the one who polls it.
    fn cancel(&self, key: TaskKey) {
        let idle = self.entry(key, |entry| {
            entry.cancelled = true;
            entry.job.take()
        });
        if let Some(mut job) = idle.flatten() {
            self.remove(key);
            job.as_mut().end(Cancelled.into());
        }
    }

    fn entry<R>(&self, key: TaskKey, look: impl FnOnce(&mut Entry) -> R) -> Option<R> {
        let mut entries = self.entries.borrow_mut();
        entries.get_mut(key.place()).filter(|entry| entry.id == key.id).map(look)
    }

    /// Frees the place of a task whose future has been taken out. The storage of a burst goes with
    /// the last one; who a key means is told by its id, not by its place.
    fn remove(&self, key: TaskKey) {
        let mut entries = self.entries.borrow_mut();
        let is_there = entries.get(key.place()).is_some_and(|entry| entry.id == key.id);
        let removed = is_there.then(|| entries.remove(key.place()));
        if entries.is_empty() && entries.capacity() > KEPT {
            *entries = Slab::new();
        }
        drop(entries);
        drop(removed);
    }

    /// The end: drops all futures, on the thread of their reactor.
    fn close(&self) {
        self.wakes.close();
        queue::leave(&self.wakes);
        for (_, entry) in self.entries.take() {
            if let Some(mut job) = entry.job {
                job.as_mut().end(Abandoned.into());
            }
        }
        self.queue.clear();
    }
}

impl Stopper for Tasks {
    fn stop(&self, name: u64) {
        self.cancel(TaskKey::named(name));
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(tasks) = self.0.take() {
            tasks.close();
        }
    }
}

struct Rest<'a>(&'a Queue);

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        self.0.call();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{KEPT, TaskKey, Tasks};
    use crate::ReactorTask as _;
    use ropewalk_reactor::Reactor;
    use ropewalk_testing::{DEADLINE, within};
    use std::time::Duration;

    /// Both ways out: a future that is ready, and one that is cancelled.
    #[test]
    fn a_reactor_keeps_no_storage_of_a_burst_of_tasks() {
        within(DEADLINE, || {
            let reactor = Reactor::new().unwrap();
            let burst = || {
                let ready: Vec<_> =
                    (0..KEPT).map(|_| reactor.spawn(std::future::ready(()))).collect();
                let never: Vec<_> =
                    (0..KEPT).map(|_| reactor.spawn(std::future::pending::<()>())).collect();
                (ready, never)
            };
            let tasks = Tasks::of(&reactor);
            let (ready, never) = burst();
            assert!(tasks.entries.borrow().capacity() > KEPT);
            assert!(tasks.queue.capacity() > KEPT);
            while tasks.queue.len() > 0 {
                reactor.turn(Some(Duration::ZERO)).unwrap();
            }
            assert!(tasks.queue.capacity() <= KEPT);
            assert_eq!(tasks.entries.borrow().len(), KEPT);
            never.iter().for_each(|task| task.cancel());
            assert!(tasks.entries.borrow().capacity() <= KEPT);

            // The places begin anew; a cancel that comes late finds nobody in the place of its own.
            let fresh = burst();
            ready.iter().chain(&never).for_each(|task| task.cancel());
            assert_eq!(tasks.entries.borrow().len(), 2 * KEPT);
            // Nor does one that is over free it.
            (0..KEPT).for_each(|slot| tasks.remove(TaskKey::new(slot, 0)));
            assert_eq!(tasks.entries.borrow().len(), 2 * KEPT);
            drop(fresh);
            never.into_iter().for_each(|task| task.on_failure(drop));
        });
    }
}
