//! smol: an `async_io::Timer` that is polled once, so that the reactor knows it, and awaited or
//! dropped.

use super::Timers;
use crate::tally;
use async_io::Timer;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

pub(super) struct AsyncIo;

impl Timers for AsyncIo {
    type Handle = (usize, Timer);

    fn start() -> anyhow::Result<Self> {
        Ok(Self)
    }

    fn set(&mut self, number: usize, delay: Duration) -> anyhow::Result<Self::Handle> {
        let mut timer = Timer::after(delay);
        let _ = Pin::new(&mut timer).poll(&mut Context::from_waker(Waker::noop()));
        Ok((number, timer))
    }

    fn cancel(&mut self, (_, timer): Self::Handle) -> anyhow::Result<()> {
        drop(timer);
        Ok(())
    }

    fn run(&mut self, timers: Vec<Self::Handle>) -> anyhow::Result<()> {
        async_io::block_on(async {
            for (number, timer) in timers {
                timer.await;
                tally::arrive(number);
            }
        });
        Ok(())
    }
}
