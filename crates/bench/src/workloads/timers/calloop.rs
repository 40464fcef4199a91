//! calloop: a timer source each. What it does for one grows with the number of those that there
//! are, so there are fewer of them.

use super::Timers;
use crate::tally;
use calloop::timer::{TimeoutAction, Timer};
use calloop::{EventLoop, RegistrationToken};
use std::time::Duration;

pub(super) struct Calloop(EventLoop<'static, bool>);

impl Timers for Calloop {
    type Handle = RegistrationToken;

    const LIMIT: usize = 20_000;

    fn start() -> anyhow::Result<Self> {
        Ok(Self(EventLoop::try_new()?))
    }

    fn set(&mut self, number: usize, delay: Duration) -> anyhow::Result<RegistrationToken> {
        let source = Timer::from_duration(delay);
        let inserted = self.0.handle().insert_source(source, move |_, (), done| {
            *done |= tally::arrive(number);
            TimeoutAction::Drop
        });
        inserted.map_err(|refused| refused.error.into())
    }

    fn cancel(&mut self, token: RegistrationToken) -> anyhow::Result<()> {
        self.0.handle().remove(token);
        Ok(())
    }

    fn run(&mut self, _tokens: Vec<RegistrationToken>) -> anyhow::Result<()> {
        let mut done = false;
        while !done {
            self.0.dispatch(None, &mut done)?;
        }
        Ok(())
    }
}
