//! A closure that waits for its time.
//!
//! It is one allocation with all else that belongs to the timer but is not looked for by its handle:
//! if the closure has captured one word, that is as small as an allocation can be. What is in it is
//! fetched when the timer comes up, together with many others, and the closure is there with it.

use crate::reactor::Reactor;
use crate::timers::Due;
use std::panic::Location;

/// A closure of any type, with the place where it was handed in.
pub(crate) trait Later: Due {
    fn location(&self) -> &'static Location<'static>;

    fn run(self: Box<Self>, reactor: &Reactor);
}

struct Call<F> {
    due: u64,
    location: &'static Location<'static>,
    f: F,
}

/// It is due when the timers say.
pub(crate) fn later(
    location: &'static Location<'static>,
    f: impl FnOnce(&Reactor) + 'static,
) -> Box<dyn Later> {
    Box::new(Call { due: 0, location, f })
}

impl<F> Due for Call<F> {
    fn due(&self) -> u64 {
        self.due
    }

    fn set_due(&mut self, due: u64) {
        self.due = due;
    }
}

impl<F: FnOnce(&Reactor)> Later for Call<F> {
    fn location(&self) -> &'static Location<'static> {
        self.location
    }

    fn run(self: Box<Self>, reactor: &Reactor) {
        (self.f)(reactor);
    }
}
