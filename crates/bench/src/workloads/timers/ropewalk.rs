//! Ropewalk: `call_later`.

use super::Timers;
use crate::tally;
use ropewalk_reactor::{DelayedCall, Reactor};
use std::time::Duration;

pub(super) struct Ropewalk(Reactor);

impl Timers for Ropewalk {
    type Handle = DelayedCall;

    fn start() -> anyhow::Result<Self> {
        Ok(Self(Reactor::new()?))
    }

    fn set(&mut self, number: usize, delay: Duration) -> anyhow::Result<DelayedCall> {
        Ok(self.0.call_later(delay, move |reactor| {
            if tally::arrive(number) {
                reactor.stop();
            }
        }))
    }

    fn cancel(&mut self, call: DelayedCall) -> anyhow::Result<()> {
        Ok(call.cancel()?)
    }

    fn run(&mut self, _calls: Vec<DelayedCall>) -> anyhow::Result<()> {
        Ok(self.0.run().map(drop)?)
    }
}
