//! tokio: a `sleep` that is polled once, so that the driver knows it, and awaited or dropped.

use super::Timers;
use crate::tally;
use anyhow::Context as _;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Sleep, sleep};

pub(super) struct Tokio {
    runtime: Runtime,
}

impl Timers for Tokio {
    type Handle = (usize, Pin<Box<Sleep>>);

    fn start() -> anyhow::Result<Self> {
        Ok(Self { runtime: Builder::new_current_thread().enable_time().build()? })
    }

    fn set(&mut self, number: usize, delay: Duration) -> anyhow::Result<Self::Handle> {
        let _entered = self.runtime.enter();
        let mut timer = Box::pin(sleep(delay));
        let _ = timer.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        Ok((number, timer))
    }

    fn cancel(&mut self, (_, timer): Self::Handle) -> anyhow::Result<()> {
        drop(timer);
        Ok(())
    }

    fn run(&mut self, timers: Vec<Self::Handle>) -> anyhow::Result<()> {
        let last = self.runtime.block_on(async {
            let mut last = false;
            for (number, timer) in timers {
                timer.await;
                last = tally::arrive(number);
            }
            last
        });
        last.then_some(()).context("not all have run")
    }
}
