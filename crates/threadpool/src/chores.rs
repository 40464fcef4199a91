//! What is found out under the pool's lock and done when it has been let go.
//!
//! To wake a worker is a system call, and a subscriber of events is user code: neither belongs
//! under a lock.

use std::io;
use std::sync::Arc;

use crate::events::tell;
use crate::seat::Seat;
use crate::shared::Shared;

/// The system gave no thread.
pub(crate) struct Refusal {
    pub(crate) error: io::Error,
    /// The first since a thread was had: the others are not told.
    pub(crate) is_news: bool,
    pub(crate) threads: usize,
}

/// What is to be done once the lock has been let go.
#[must_use]
#[derive(Default)]
pub(crate) struct Chores {
    wakes: Wakes,
    pub(crate) refusal: Option<Refusal>,
}

/// Who is to be woken: mostly one, which needs no vector.
#[derive(Default)]
struct Wakes {
    first: Option<Arc<Seat>>,
    more: Vec<Arc<Seat>>,
}

impl Chores {
    pub(crate) fn wake(&mut self, seats: impl IntoIterator<Item = Arc<Seat>>) {
        for seat in seats {
            match &mut self.wakes.first {
                Some(_) => self.wakes.more.push(seat),
                none => *none = Some(seat),
            }
        }
    }

    /// True if a thread was asked for and refused.
    pub(crate) fn was_refused(&self) -> bool {
        self.refusal.is_some()
    }

    pub(crate) fn into_error(self) -> Option<io::Error> {
        self.refusal.map(|refusal| refusal.error)
    }
}

impl Shared {
    /// Does what had to wait for the lock to be let go.
    pub(crate) fn finish(&self, chores: Chores) {
        for seat in chores.wakes.first.iter().chain(&chores.wakes.more) {
            seat.parker.notify_one();
        }
        self.tell_refusal(&chores);
    }

    pub(crate) fn tell_refusal(&self, chores: &Chores) {
        if let Some(Refusal { error, is_news: true, threads }) = &chores.refusal {
            let pool = &*self.config.name;
            tell(|| tracing::warn!(pool, threads, %error, "the system refused a thread"));
        }
    }
}
