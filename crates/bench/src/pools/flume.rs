//! flume alone: threads that receive boxed closures from one channel.

use super::Pool;
use flume::Sender;
use std::thread::{Builder, JoinHandle};

type Closure = Box<dyn FnOnce() + Send>;

pub(crate) struct Receivers {
    sender: Option<Sender<Closure>>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool for Receivers {
    fn start(threads: usize) -> anyhow::Result<Self> {
        let (sender, jobs) = flume::unbounded::<Closure>();
        let start = |number| {
            let jobs = jobs.clone();
            let name = format!("worker-{number}");
            Builder::new().name(name).spawn(move || jobs.iter().for_each(|job| job()))
        };
        let threads = (0..threads).map(start).collect::<Result<_, _>>()?;
        Ok(Self { sender: Some(sender), threads })
    }

    fn submit(&self, job: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
        let sent = self.sender.as_ref().is_some_and(|sender| sender.send(Box::new(job)).is_ok());
        anyhow::ensure!(sent, "nobody receives");
        Ok(())
    }
}

impl Drop for Receivers {
    fn drop(&mut self) {
        self.sender = None;
        for thread in self.threads.drain(..) {
            // One that panicked has printed it, and its jobs are missing in the tally.
            let _ = thread.join();
        }
    }
}
