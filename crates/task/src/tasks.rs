//! The tasks of one reactor: where their futures live, and in which order they run.
//!
//! A task has two halves. The future stays here, in a slab on the reactor thread. What is scheduled
//! and woken is an `async_task` whose own future knows nothing but the key of the slab: it is
//! `Send`, so that no thread that holds the last waker can ever drop, let alone poll, the user's
//! future, and so that a panic in that one's drop stays out of code that answers panics by aborting.
//!
//! Tasks woken on the reactor thread go straight into a queue of their own, with no lock and no
//! wake-up; how others get there is in [`wakes`](crate::wakes). Each turn runs a limited number of
//! them, and none that was queued by another one in the same turn (I7).
//!
//! **Borrow rule:** nothing here is borrowed while a task runs, or is dropped.

use crate::job::{Job, Spawned};
use crate::wakes::Wakes;
use async_task::Runnable;
use ropewalk_deferred::{Cancelled, Deferred};
use ropewalk_reactor::{Phase, Reactor, SystemEvent, WeakReactor};
use slab::Slab;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll};

/// How many tasks one turn runs at most.
const BUDGET: usize = 256;

/// Up to this many places the storage of tasks that are over is kept.
const KEPT: usize = 1024;

thread_local! {
    /// The tasks of each reactor that lives on this thread.
    static HERE: RefCell<Vec<Weak<Tasks>>> = const { RefCell::new(Vec::new()) };
}

pub(crate) struct Tasks {
    reactor: WeakReactor,
    wakes: Arc<Wakes>,
    entries: RefCell<Slab<Entry>>,
    next_id: Cell<u64>,
    /// Tasks that are to run.
    queue: RefCell<VecDeque<Runnable>>,
    /// The reactor has been asked to run the queue.
    called: Cell<bool>,
}

struct Entry {
    id: u64,
    /// Out of its place while it is polled.
    job: Option<Box<dyn Job>>,
    /// Cancelled while it was polled.
    cancelled: bool,
}

/// Names one task: a place in the slab, and who must be found there.
#[derive(Clone, Copy)]
struct TaskKey {
    slot: usize,
    id: u64,
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
            reactor: reactor.downgrade(),
            wakes: Arc::new(Wakes::new(reactor.handle())),
            entries: RefCell::default(),
            next_id: Cell::new(0),
            queue: RefCell::default(),
            called: Cell::new(false),
        });
        // A thread that is ending has no list any more; then all wake-ups come in by the lock.
        let _ = HERE.try_with(|here| {
            let mut here = here.borrow_mut();
            here.retain(|tasks| tasks.strong_count() > 0);
            here.push(Rc::downgrade(&tasks));
        });
        Self::empty_at_each_start(reactor);
        tasks
    }

    /// Has each run begin with what was parked before it. One trigger sets the other again, since
    /// one that sets itself would never come to an end.
    fn empty_at_each_start(reactor: &Reactor) {
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Startup, |reactor| {
            Self::take_parked(reactor);
            reactor.add_system_event_trigger(
                Phase::After,
                SystemEvent::End,
                Self::empty_at_each_start,
            );
        });
    }

    /// Queues the tasks that other threads have woken.
    pub(crate) fn take_parked(reactor: &Reactor) {
        let tasks = Self::of(reactor);
        let parked = tasks.wakes.take();
        if !parked.is_empty() {
            tasks.queue.borrow_mut().extend(parked);
            tasks.call();
        }
    }

    #[track_caller]
    pub(crate) fn spawn<F>(self: &Rc<Self>, future: F) -> Deferred<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let id = self.next_id.replace(self.next_id.get() + 1);
        let slot = self.entries.borrow_mut().insert(Entry { id, job: None, cancelled: false });
        let key = TaskKey { slot, id };
        let weak = Rc::downgrade(self);
        let (promise, deferred) = Deferred::with_canceller(move || {
            if let Some(tasks) = weak.upgrade() {
                tasks.cancel(key);
            }
        });
        let job = Spawned::new(Box::pin(future), promise, Location::caller());
        self.put_back(key, Box::new(job));
        self.schedule_first(key);
        deferred
    }

    fn schedule_first(&self, key: TaskKey) {
        let (polled, woken) = (Arc::clone(&self.wakes), Arc::clone(&self.wakes));
        let half = poll_fn(move |context| {
            Self::here(&polled).map_or(Poll::Ready(()), |tasks| tasks.poll(key, context))
        });
        let schedule = move |runnable| match Self::here(&woken) {
            Some(tasks) => tasks.enqueue(runnable),
            None => woken.hand_in(runnable),
        };
        let (runnable, task) = async_task::spawn(half, schedule);
        task.detach();
        runnable.schedule();
    }

    /// The tasks to which `wakes` belong, if this is their thread.
    fn here(wakes: &Wakes) -> Option<Rc<Self>> {
        let find = |here: &RefCell<Vec<Weak<Self>>>| {
            let here = here.borrow();
            let mut alive = here.iter().filter_map(Weak::upgrade);
            alive.find(|tasks| std::ptr::eq(&*tasks.wakes, wakes))
        };
        HERE.try_with(find).ok().flatten()
    }

    fn enqueue(&self, runnable: Runnable) {
        self.queue.borrow_mut().push_back(runnable);
        self.call();
    }

    /// Asks the reactor to run the queue in its next turn.
    fn call(&self) {
        if !self.called.replace(true) {
            self.reactor.with(|reactor| reactor.call_soon(Self::run));
        }
    }

    /// Runs what is queued now, up to the budget.
    fn run(reactor: &Reactor) {
        let tasks = Self::of(reactor);
        tasks.called.set(false);
        let _rest = Rest(&tasks);
        let batch = tasks.queue.borrow().len().min(BUDGET);
        for _ in 0..batch {
            let next = tasks.queue.borrow_mut().pop_front();
            let Some(runnable) = next else { break };
            runnable.run();
        }
        let mut queue = tasks.queue.borrow_mut();
        if queue.is_empty() && queue.capacity() > KEPT {
            *queue = VecDeque::new();
        }
    }

    /// Polls one future. `Ready`: there is nothing to be polled any more.
    fn poll(&self, key: TaskKey, context: &mut Context<'_>) -> Poll<()> {
        let job = self.entry(key, |entry| entry.job.take()).flatten();
        let Some(mut job) = job else { return Poll::Ready(()) };
        let polled = job.poll(context);
        let cancelled = self.entry(key, |entry| entry.cancelled).unwrap_or(true);
        if polled.is_pending() && !cancelled {
            self.put_back(key, job);
            return Poll::Pending;
        }
        self.remove(key);
        job.end(None);
        Poll::Ready(())
    }

    /// Drops the future now, or leaves word for the one who polls it.
    fn cancel(&self, key: TaskKey) {
        let idle = self.entry(key, |entry| {
            entry.cancelled = true;
            entry.job.take()
        });
        if let Some(job) = idle.flatten() {
            self.remove(key);
            job.end(Some(Cancelled.into()));
        }
    }

    fn put_back(&self, key: TaskKey, job: Box<dyn Job>) {
        self.entry(key, |entry| entry.job = Some(job));
    }

    fn entry<R>(&self, key: TaskKey, look: impl FnOnce(&mut Entry) -> R) -> Option<R> {
        let mut entries = self.entries.borrow_mut();
        entries.get_mut(key.slot).filter(|entry| entry.id == key.id).map(look)
    }

    /// Frees the place of a task whose future has been taken out. The storage of a burst goes with
    /// the last one; who a key means is told by its id, not by its place.
    fn remove(&self, key: TaskKey) {
        let mut entries = self.entries.borrow_mut();
        let removed = entries.try_remove(key.slot);
        if entries.is_empty() && entries.capacity() > KEPT {
            *entries = Slab::new();
        }
        drop(entries);
        drop(removed);
    }

    /// The end: drops all futures, on the thread of their reactor.
    fn close(&self) {
        drop(self.wakes.close());
        for entry in self.entries.take() {
            if let (_, Entry { job: Some(job), .. }) = entry {
                job.end(None);
            }
        }
        drop(self.queue.take());
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(tasks) = self.0.take() {
            tasks.close();
        }
    }
}

/// Sees to it that what is left in the queue runs too, even after a panic.
struct Rest<'a>(&'a Tasks);

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        if !self.0.queue.borrow().is_empty() {
            self.0.call();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{KEPT, Tasks};
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
            assert!(tasks.queue.borrow().capacity() > KEPT);
            while !tasks.queue.borrow().is_empty() {
                reactor.turn(Some(Duration::ZERO)).unwrap();
            }
            assert!(tasks.queue.borrow().capacity() <= KEPT);
            assert_eq!(tasks.entries.borrow().len(), KEPT);
            never.iter().for_each(|task| task.cancel());
            assert!(tasks.entries.borrow().capacity() <= KEPT);

            // The places begin anew; a cancel that comes late finds nobody in the place of its own.
            let (fresh, _) = burst();
            ready.iter().chain(&never).for_each(|task| task.cancel());
            assert_eq!(tasks.entries.borrow().len(), 2 * KEPT);
            drop(fresh);
            never.into_iter().for_each(|task| task.on_failure(drop));
        });
    }
}
