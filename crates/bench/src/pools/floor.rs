//! The hand-written pools.
//!
//! A job is a pointer to a function and room for what it needs, as the calls of the floor's loop
//! are: what closures of many types would come to, if they lay in the queue itself.

use super::{Pool, Work};
use crate::floor::batching::{BatchingWorkers, Take};
use crate::floor::workers::Workers;

type Closure = Box<dyn FnOnce() + Send>;

enum Job {
    InPlace {
        function: fn([usize; 3]),
        captured: [usize; 3],
    },
    /// Where a workload hands in something large, and rarely.
    Boxed(Closure),
}

impl Job {
    fn run(self) {
        match self {
            Self::InPlace { function, captured } => function(captured),
            Self::Boxed(closure) => closure(),
        }
    }

    fn word<W: Work>(word: usize) -> Self {
        Self::InPlace { function: |[word, ..]| W::work(word), captured: [word, 0, 0] }
    }
}

/// Jobs in place, taken in batches.
pub(crate) struct Batching(BatchingWorkers<Job>);

impl Pool for Batching {
    fn start(threads: usize) -> anyhow::Result<Self> {
        Ok(Self(BatchingWorkers::start(threads, Take::Share, Job::run)?))
    }

    fn submit(&self, job: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
        self.0.submit(Job::Boxed(Box::new(job)));
        Ok(())
    }

    fn submit_word<W: Work>(&self, word: usize) -> anyhow::Result<()> {
        self.0.submit(Job::word::<W>(word));
        Ok(())
    }
}

/// Jobs in place, the whole queue taken at a time: what it costs to leave some to the others.
pub(crate) struct Whole(BatchingWorkers<Job>);

impl Pool for Whole {
    fn start(threads: usize) -> anyhow::Result<Self> {
        Ok(Self(BatchingWorkers::start(threads, Take::Whole, Job::run)?))
    }

    fn submit(&self, job: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
        self.0.submit(Job::Boxed(Box::new(job)));
        Ok(())
    }

    fn submit_word<W: Work>(&self, word: usize) -> anyhow::Result<()> {
        self.0.submit(Job::word::<W>(word));
        Ok(())
    }
}

/// Boxed closures, taken in batches: what it costs that one thread frees what another allocated.
pub(crate) struct Boxed(BatchingWorkers<Closure>);

impl Pool for Boxed {
    fn start(threads: usize) -> anyhow::Result<Self> {
        Ok(Self(BatchingWorkers::start(threads, Take::Share, |job: Closure| job())?))
    }

    fn submit(&self, job: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
        self.0.submit(Box::new(job));
        Ok(())
    }
}

/// Jobs in place, one lock for each.
pub(crate) struct OneByOne(Workers<Job>);

impl Pool for OneByOne {
    fn start(threads: usize) -> anyhow::Result<Self> {
        Ok(Self(Workers::start(threads, Job::run)?))
    }

    fn submit(&self, job: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
        self.0.submit(Job::Boxed(Box::new(job)));
        Ok(())
    }

    fn submit_word<W: Work>(&self, word: usize) -> anyhow::Result<()> {
        self.0.submit(Job::word::<W>(word));
        Ok(())
    }
}
