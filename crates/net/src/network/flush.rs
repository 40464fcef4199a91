//! The wait of a shutdown for what is unsent.
//!
//! A system says that a socket can be written to when a good part of its buffer is free, which may
//! take a slow reader many seconds. So the wait does not rely on that: it offers what is there
//! again and again, and whatever is taken is progress.

use super::{Network, Stage, contained, upgraded};
use crate::events::tell;
use ropewalk_reactor::{DelayedCall, Hold, Reactor, SystemEvent, WeakReactor};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How long a shutdown waits for peers that take nothing of what is buffered for them.
const PATIENCE: Duration = Duration::from_secs(3);

/// How often it looks.
const LOOK: Duration = Duration::from_millis(250);

/// While it lives, the shutdown waits.
pub(super) struct Flush {
    _hold: Hold,
    /// The next look.
    timer: DelayedCall,
    /// When something was taken the last time, and the count of that time.
    moved: (Instant, u64),
}

impl Drop for Flush {
    fn drop(&mut self) {
        let _ = self.timer.cancel();
    }
}

impl Network {
    /// A connection has more, or less, to send than before.
    pub(crate) fn backlog(self: &Rc<Self>, reactor: &WeakReactor, before: usize, after: usize) {
        if after < before {
            self.progress.set(self.progress.get().wrapping_add(1));
        }
        match (before, after) {
            (0, 1..) => {
                self.unsent.set(self.unsent.get() + 1);
                if self.stage.get() == Stage::Flushing {
                    reactor.with(|reactor| self.hold_for_flush(reactor));
                }
            }
            (1.., 0) => {
                self.unsent.set(self.unsent.get().saturating_sub(1));
                if self.unsent.get() == 0 {
                    drop(self.flushing.take());
                }
            }
            _ => {}
        }
    }

    pub(super) fn hold_for_flush(self: &Rc<Self>, reactor: &Reactor) {
        let held = self.flushing.take();
        if held.is_some() || self.impatient.get() {
            self.flushing.set(held);
            return;
        }
        let hold = reactor.hold_with(SystemEvent::Shutdown, || {
            vec!["connections have something unsent: their peers do not read".to_owned()]
        });
        let now = reactor.now();
        let moved = (now, self.progress.get());
        let timer = self.look_later(reactor);
        self.flushing.set(Some(Box::new(Flush { _hold: hold, timer, moved })));
    }

    fn look_later(self: &Rc<Self>, reactor: &Reactor) -> DelayedCall {
        let weak = Rc::downgrade(self);
        reactor.call_later(LOOK, move |reactor| {
            weak.upgrade().inspect(|network| network.look(reactor));
        })
    }

    fn look(self: &Rc<Self>, reactor: &Reactor) {
        for connection in upgraded(&self.connections) {
            contained(|| connection.push());
        }
        // Gone, if that was the last of it.
        let Some(mut flush) = self.flushing.take() else { return };
        let (now, progress) = (reactor.now(), self.progress.get());
        if flush.moved.1 != progress {
            flush.moved = (now, progress);
        }
        let patient = now.saturating_duration_since(flush.moved.0) < PATIENCE
            && self.flush_until.get().is_none_or(|deadline| now + 2 * LOOK < deadline);
        if patient {
            flush.timer = self.look_later(reactor);
            self.flushing.set(Some(flush));
        } else {
            let connections = self.unsent.get();
            tell(|| {
                tracing::warn!(
                    connections,
                    "the shutdown waits no longer for peers that do not read"
                );
            });
            self.impatient.set(true);
        }
    }
}
