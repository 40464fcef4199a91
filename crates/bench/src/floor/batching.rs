//! The pool that a hand-written program would have if its jobs are tiny: workers take batches.
//!
//! One lock holds the queue and who is idle. Each worker has a parker of its own, and who went idle
//! last is woken first: its stack is still in the cache. A submitter wakes one worker, and none
//! while another is on its way to the queue; a worker that has taken its batch and leaves something
//! behind wakes the next one. So a wake-up that is not needed is rare, and no submitter makes two
//! in a row.
//!
//! How much a worker takes is the question. With `Share`, as much as each worker could have, and no
//! more than `BATCH`: a job that takes long keeps only so many others waiting, and none while there
//! are no more jobs than workers. With `Whole` it swaps the queue for its empty one: nothing is
//! cheaper, and a job that takes long keeps all others waiting.

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, Builder, JoinHandle, Thread};

/// More do not make it faster.
const BATCH: usize = 256;

#[derive(Clone, Copy)]
pub(crate) enum Take {
    Share,
    Whole,
}

pub(crate) struct BatchingWorkers<J> {
    shared: Arc<Shared<J>>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared<J> {
    queue: Mutex<Queue<J>>,
    parkers: Vec<Parker>,
    take: Take,
}

struct Queue<J> {
    jobs: VecDeque<J>,
    /// The workers that sleep or are about to.
    idle: Vec<usize>,
    /// A worker has been woken and has not taken its batch yet.
    waking: bool,
    closed: bool,
}

#[derive(Default)]
struct Parker {
    thread: OnceLock<Thread>,
    woken: AtomicBool,
}

impl<J: Send + 'static> BatchingWorkers<J> {
    pub(crate) fn start(
        threads: usize,
        take: Take,
        work: impl Fn(J) + Clone + Send + 'static,
    ) -> anyhow::Result<Self> {
        let (jobs, idle) = (VecDeque::new(), Vec::with_capacity(threads));
        let queue = Mutex::new(Queue { jobs, idle, waking: false, closed: false });
        let parkers = (0..threads).map(|_| Parker::default()).collect();
        let shared = Arc::new(Shared { queue, parkers, take });
        let start = |number| {
            let (shared, work) = (Arc::clone(&shared), work.clone());
            let name = format!("worker-{number}");
            Builder::new().name(name).spawn(move || shared.serve(number, work))
        };
        let threads = (0..threads).map(start).collect::<Result<_, _>>()?;
        Ok(Self { shared, threads })
    }

    pub(crate) fn submit(&self, job: J) {
        let mut queue = self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.jobs.push_back(job);
        let next = queue.claim();
        drop(queue);
        self.shared.wake(next);
    }
}

impl<J> Queue<J> {
    /// Whom to wake, if somebody has to be.
    fn claim(&mut self) -> Option<usize> {
        if self.waking || self.jobs.is_empty() {
            return None;
        }
        let next = self.idle.pop();
        self.waking = next.is_some();
        next
    }
}

impl<J> Shared<J> {
    fn serve(&self, number: usize, work: impl Fn(J)) {
        let parker = &self.parkers[number];
        // It is this thread that sets it, and nobody else.
        let _ = parker.thread.set(thread::current());
        let mut batch = VecDeque::new();
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if queue.jobs.is_empty() {
                if queue.closed {
                    return;
                }
                queue.idle.push(number);
                drop(queue);
                while !parker.woken.swap(false, Ordering::Acquire) {
                    thread::park();
                }
                queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
                queue.waking = false;
                continue;
            }
            match self.take {
                Take::Share => {
                    let share = queue.jobs.len().div_ceil(self.parkers.len()).min(BATCH);
                    batch.extend(queue.jobs.drain(..share));
                }
                Take::Whole => mem::swap(&mut queue.jobs, &mut batch),
            }
            let next = queue.claim();
            drop(queue);
            self.wake(next);
            batch.drain(..).for_each(&work);
            queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn wake(&self, worker: Option<usize>) {
        let Some(parker) = worker.map(|number| &self.parkers[number]) else { return };
        parker.woken.store(true, Ordering::Release);
        // Whoever is idle has named himself before.
        if let Some(thread) = parker.thread.get() {
            thread.unpark();
        }
    }
}

impl<J> Drop for BatchingWorkers<J> {
    fn drop(&mut self) {
        let mut queue = self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.closed = true;
        let idle = mem::take(&mut queue.idle);
        drop(queue);
        idle.into_iter().for_each(|number| self.shared.wake(Some(number)));
        for thread in self.threads.drain(..) {
            // A worker that panicked has printed it, and its jobs are missing in the tally.
            let _ = thread.join();
        }
    }
}
