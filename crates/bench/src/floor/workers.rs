//! The pool that a hand-written program would have: a queue, a lock, and who is idle.
//!
//! A worker is woken only if one is idle; it takes one job at a time.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

pub(crate) struct Workers<J> {
    shared: Arc<Shared<J>>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared<J> {
    queue: Mutex<Queue<J>>,
    work: Condvar,
}

struct Queue<J> {
    jobs: VecDeque<J>,
    idle: usize,
    closed: bool,
}

impl<J: Send + 'static> Workers<J> {
    pub(crate) fn start(
        threads: usize,
        work: impl Fn(J) + Clone + Send + 'static,
    ) -> anyhow::Result<Self> {
        let queue = Mutex::new(Queue { jobs: VecDeque::new(), idle: 0, closed: false });
        let shared = Arc::new(Shared { queue, work: Condvar::new() });
        let start = |number| {
            let (shared, work) = (Arc::clone(&shared), work.clone());
            Builder::new().name(format!("worker-{number}")).spawn(move || shared.serve(work))
        };
        let threads = (0..threads).map(start).collect::<Result<_, _>>()?;
        Ok(Self { shared, threads })
    }

    pub(crate) fn submit(&self, job: J) {
        let mut queue = self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.jobs.push_back(job);
        let someone_sleeps = queue.idle > 0;
        // Claimed here, so that the next submitter does not count on the same worker.
        queue.idle -= usize::from(someone_sleeps);
        drop(queue);
        if someone_sleeps {
            self.shared.work.notify_one();
        }
    }
}

impl<J> Shared<J> {
    fn serve(&self, work: impl Fn(J)) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                drop(queue);
                work(job);
                queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            } else if queue.closed {
                return;
            } else {
                queue.idle += 1;
                queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

impl<J> Drop for Workers<J> {
    fn drop(&mut self) {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.shared.work.notify_all();
        for thread in self.threads.drain(..) {
            // A worker that panicked has printed it, and its jobs are missing in the tally.
            let _ = thread.join();
        }
    }
}
