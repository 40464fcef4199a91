//! The wait of a shutdown for what is unsent.
//!
//! A system says that a socket can be written to when a good part of its buffer is free, which may
//! take a slow reader many seconds. So the wait does not rely on that: it offers what is there
//! again and again, and whatever is taken is progress.
//!
//! It ends a little before the deadline of the shutdown, so that the run ends well, and its report says
//! how many connections were cut off: else the hold would be an error of the whole run. That counts
//! also for those who never come to an end: each time that they have sent everything the hold goes, and
//! comes again with what they write next.

use super::{Network, Stage, contained, upgraded};
use crate::events::tell;
use ropewalk_reactor::{DelayedCall, Hold, Reactor, SystemEvent, WeakReactor};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How long a shutdown waits for peers that take nothing of what is buffered for them.
const PATIENCE: Duration = Duration::from_secs(3);

/// How often it looks.
const LOOK: Duration = Duration::from_millis(250);

/// How long before the deadline it ends.
const MARGIN: Duration = Duration::from_millis(500);

/// How a shutdown waits, as far as its deadline has time for that. Made when there is first something
/// to wait for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// How often it looks.
    look: Duration,
    /// When it ends; nothing: never.
    until: Option<Instant>,
}

impl Terms {
    fn new(now: Instant, deadline: Option<Instant>) -> Self {
        let left = deadline.map_or(Duration::MAX, |at| at.saturating_duration_since(now));
        let margin = MARGIN.min(left / 4);
        Self { look: LOOK.min(left / 8), until: deadline.and_then(|at| at.checked_sub(margin)) }
    }

    fn is_over(self, now: Instant) -> bool {
        self.until.is_some_and(|until| now >= until)
    }

    /// How long until the next look.
    fn next(self, now: Instant) -> Duration {
        let left = self.until.map(|until| until.saturating_duration_since(now));
        left.map_or(self.look, |left| left.min(self.look))
    }
}

/// While it lives, the shutdown waits.
pub(super) struct Flush {
    _hold: Hold,
    terms: Terms,
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
                debug_assert!(self.unsent.get() > 0, "it counted for another connection");
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
        let now = reactor.now();
        let terms = match self.terms.get() {
            // Whoever has sent everything before begins anew, and again and again.
            Some(terms) if terms.is_over(now) => return self.lose_patience(),
            Some(terms) => terms,
            None => Terms::new(now, self.deadline.get()),
        };
        self.terms.set(Some(terms));
        let hold = reactor.hold_with(SystemEvent::Shutdown, || {
            let why = "their peers do not read, or their producers come to no end";
            vec![format!("connections have something unsent: {why}")]
        });
        let moved = (now, self.progress.get());
        let timer = self.look_later(reactor, terms);
        self.flushing.set(Some(Box::new(Flush { _hold: hold, terms, timer, moved })));
    }

    fn look_later(self: &Rc<Self>, reactor: &Reactor, terms: Terms) -> DelayedCall {
        let weak = Rc::downgrade(self);
        reactor.call_later(terms.next(reactor.now()), move |reactor| {
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
        let is_moving = now.saturating_duration_since(flush.moved.0) < PATIENCE;
        if is_moving && !flush.terms.is_over(now) {
            flush.timer = self.look_later(reactor, flush.terms);
            self.flushing.set(Some(flush));
        } else {
            self.lose_patience();
        }
    }

    fn lose_patience(&self) {
        self.impatient.set(true);
        let connections = self.unsent.get();
        tell(|| {
            let what = "the shutdown waits no longer for what its connections have unsent";
            tracing::warn!(connections, "{what}");
        });
    }
}
