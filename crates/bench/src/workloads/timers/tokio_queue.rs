//! tokio: a `DelayQueue` of numbers, which needs no closure.

use super::Timers;
use crate::tally;
use anyhow::Context as _;
use std::future::poll_fn;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio_util::time::DelayQueue;
use tokio_util::time::delay_queue::Key;

pub(super) struct Queue {
    queue: DelayQueue<usize>,
    runtime: Runtime,
}

impl Timers for Queue {
    type Handle = Key;

    fn start() -> anyhow::Result<Self> {
        let runtime = Builder::new_current_thread().enable_time().build()?;
        let entered = runtime.enter();
        let queue = DelayQueue::new();
        drop(entered);
        Ok(Self { queue, runtime })
    }

    fn set(&mut self, number: usize, delay: Duration) -> anyhow::Result<Key> {
        let _entered = self.runtime.enter();
        Ok(self.queue.insert(number, delay))
    }

    fn cancel(&mut self, key: Key) -> anyhow::Result<()> {
        self.queue.try_remove(&key).context("a timer was lost")?;
        Ok(())
    }

    fn run(&mut self, _keys: Vec<Key>) -> anyhow::Result<()> {
        self.runtime.block_on(async {
            while let Some(expired) = poll_fn(|context| self.queue.poll_expired(context)).await {
                tally::arrive(expired.into_inner());
            }
        });
        Ok(())
    }
}
