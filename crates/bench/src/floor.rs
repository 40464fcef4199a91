//! The loop that a hand-written program would have: the least that these primitives allow.
//!
//! One lock holds the queue and whether the loop sleeps. A caller pushes, takes the flag in the
//! same critical section, and wakes the loop only if it slept, after the lock is released. The
//! loop takes the whole queue by swapping it for its empty one: no allocation once both have grown.
//! What it sleeps in is a [`Sleeper`], because such a loop has I/O to wait for, too.
//!
//! It is generic over the type of call, so that calls lie in the queue in place. (Closures of many
//! types in one buffer need unsafe code, which this package does without: a workload says what it
//! puts in their place.)

pub(crate) mod batching;
pub(crate) mod epoll;
pub(crate) mod poller;
pub(crate) mod spinning;
pub(crate) mod workers;

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

/// What the loop waits in when there is nothing to do.
pub(crate) trait Sleeper: Sized + Send + Sync {
    /// It stays on its core for a while.
    const SPINS: bool = false;

    fn new() -> anyhow::Result<Self>;
    fn sleep(&self) -> anyhow::Result<()>;
    /// From any thread.
    fn wake(&self);
}

pub(crate) struct FloorLoop<C, S> {
    shared: Arc<Shared<C, S>>,
    batch: Vec<C>,
}

pub(crate) struct FloorHandle<C, S>(Arc<Shared<C, S>>);

struct Shared<C, S> {
    queue: Mutex<Queue<C>>,
    sleeper: S,
}

struct Queue<C> {
    calls: Vec<C>,
    asleep: bool,
}

impl<C, S: Sleeper> FloorLoop<C, S> {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let queue = Mutex::new(Queue { calls: Vec::new(), asleep: false });
        let shared = Arc::new(Shared { queue, sleeper: S::new()? });
        Ok(Self { shared, batch: Vec::new() })
    }

    pub(crate) fn handle(&self) -> FloorHandle<C, S> {
        FloorHandle(Arc::clone(&self.shared))
    }

    /// Serves calls until `serve` says that one was the last: `true`.
    pub(crate) fn run(&mut self, mut serve: impl FnMut(C) -> bool) -> anyhow::Result<()> {
        loop {
            let mut queue = self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
            mem::swap(&mut queue.calls, &mut self.batch);
            let asleep = self.batch.is_empty();
            queue.asleep = asleep;
            drop(queue);
            if asleep {
                self.shared.sleeper.sleep()?;
                continue;
            }
            for call in self.batch.drain(..) {
                if serve(call) {
                    return Ok(());
                }
            }
        }
    }
}

impl<C, S: Sleeper> FloorHandle<C, S> {
    pub(crate) fn call(&self, call: C) {
        let mut queue = self.0.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.calls.push(call);
        let asleep = mem::take(&mut queue.asleep);
        drop(queue);
        if asleep {
            self.0.sleeper.wake();
        }
    }
}

impl<C, S> Clone for FloorHandle<C, S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
