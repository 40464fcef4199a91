//! The same sleep through the crate `polling`, which our reactor is built on.

use super::Sleeper;
use polling::{Events, Poller};
use std::cell::RefCell;

pub(crate) struct Polling(Poller);

thread_local! {
    /// Room for what comes of a sleep: it cannot be shared, and `sleep` is called on one thread.
    static EVENTS: RefCell<Events> = RefCell::new(Events::new());
}

impl Sleeper for Polling {
    fn new() -> anyhow::Result<Self> {
        Ok(Self(Poller::new()?))
    }

    fn sleep(&self) -> anyhow::Result<()> {
        EVENTS.with(|events| {
            let mut events = events.borrow_mut();
            events.clear();
            self.0.wait(&mut events, None)
        })?;
        Ok(())
    }

    fn wake(&self) {
        // It fails only if the poller itself is broken, and then the sleep fails too.
        let _ = self.0.notify();
    }
}
