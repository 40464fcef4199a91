//! A reactor inside of a loop that belongs to somebody else.
//!
//! Such a loop waits for many things, and for a reactor among them: it waits until the reactor's
//! descriptor is readable, or goes by [`Reactor::poll_timeout`], and then calls [`Reactor::turn`].
//! For that a reactor at rest must look like one that sleeps in its selector: whoever hands in a
//! call wakes it, and its timer is set. What the program asks of it between two turns, on its own
//! thread, has to be made known as well.

use crate::core::Core;
#[cfg(target_os = "linux")]
use crate::panics;
use crate::reactor::Reactor;
use crate::selector::Wait;
use std::time::{Duration, Instant};

impl Reactor {
    /// How long a foreign loop may wait before the next [`turn`](Self::turn), if nothing becomes
    /// ready and nobody calls meanwhile; `None`: as long as it likes. Zero: something is to be done
    /// now, or the reactor is [`stopping`](Self::stopping).
    ///
    /// With the reactor's descriptor (`AsFd`, on Linux) in its own set a loop need not ask: that
    /// becomes readable when a timer is due, too. Elsewhere a loop asks after each turn, and has
    /// another thread, or a hook of its own, tell it of calls.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::Reactor;
    /// use std::time::Duration;
    ///
    /// let reactor = Reactor::new()?;
    /// assert_eq!(reactor.poll_timeout(), None);
    /// reactor.call_later(Duration::from_secs(60), |_| ());
    /// assert!(reactor.poll_timeout().unwrap() <= Duration::from_secs(60));
    /// reactor.call_soon(|_| ());
    /// assert_eq!(reactor.poll_timeout(), Some(Duration::ZERO));
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// Twisted: `timeout`.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        // A loop that is to end has `run` to call, or has yet to see that.
        if self.core.has_work() || self.stopping() {
            return Some(Duration::ZERO);
        }
        match self.core.how_long(None) {
            Wait::Not => Some(Duration::ZERO),
            Wait::Until(due) => {
                let by_hand = self.core.selector.is_by_hand();
                let now = if by_hand { self.now() } else { Instant::now() };
                Some(due.saturating_duration_since(now))
            }
            Wait::Forever => None,
        }
    }
}

/// Readable when a turn has something to do: a source is ready, a timer is due, or another thread
/// has called.
///
/// It is for being waited for, level-triggered, in another `epoll`, `poll` or `select`; when it is
/// readable, call [`Reactor::turn`] with a time-out of zero until [`Reactor::poll_timeout`] is not
/// zero, or just once: then it is readable again at once. It must not be read or changed. Asking for
/// it costs each turn one system call more, and another one whenever the first timer has changed. It
/// tells of no timers where waiting goes the long way, of which the log warns, and with a manual
/// selector: there [`Reactor::poll_timeout`] does.
///
/// # Examples
///
/// ```
/// use ropewalk_reactor::Reactor;
/// use rustix::event::{PollFd, PollFlags, poll};
/// use std::{cell::Cell, rc::Rc, time::Duration};
///
/// let reactor = Reactor::new()?;
/// let rung = Rc::new(Cell::new(false));
/// let bell = Rc::clone(&rung);
/// reactor.call_later(Duration::from_millis(1), move |_| bell.set(true));
/// while !rung.get() {
///     // The loop of somebody else, who waits for other things here, too.
///     poll(&mut [PollFd::new(&reactor, PollFlags::IN)], None)?;
///     reactor.turn(Some(Duration::ZERO)).unwrap();
/// }
/// # std::io::Result::Ok(())
/// ```
#[cfg(target_os = "linux")]
#[cfg_attr(docsrs, doc(cfg(target_os = "linux")))]
impl std::os::fd::AsFd for Reactor {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        if !self.core.embedded.replace(true) {
            self.core.rest();
        }
        self.core.selector.as_fd()
    }
}

impl Core {
    /// Something was asked for, perhaps between two turns.
    pub(crate) fn changed(&self) {
        if self.embedded.get() {
            self.rest();
        }
    }

    /// Ends the rest.
    pub(crate) fn get_up(&self) {
        if self.embedded.get() {
            self.inbox.woke_up();
        }
    }

    /// Begins the rest, after a run or a turn.
    pub(crate) fn lie_down(&self) {
        if self.embedded.get() {
            // First, so that no wake-up is taken back for which there is something to do.
            #[cfg(target_os = "linux")]
            self.selector.hush();
            self.rest();
        }
    }

    /// Has the descriptor tell when the next turn has something to do.
    #[cold]
    pub(crate) fn rest(&self) {
        if self.entered.get() || self.dropped.get() {
            // The turn that goes on looks at everything before it ends.
            return;
        }
        let wait = self.how_long(None);
        if wait == Wait::Not || !self.inbox.may_sleep() {
            self.shared.wake();
            return;
        }
        #[cfg(target_os = "linux")]
        {
            let due = if let Wait::Until(due) = wait { Some(due) } else { None };
            if let Err(error) = self.selector.announce(due) {
                let what = "the reactor's descriptor cannot tell of timers";
                panics::tell(|| tracing::error!(%error, "{what}"));
            }
        }
    }
}
