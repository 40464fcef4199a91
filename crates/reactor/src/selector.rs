//! All that the loop knows of the operating system: who is ready, and how to be woken.
//!
//! There are two ways to wait, and a third for tests. On Linux the loop waits on the epoll descriptor
//! of its poller by itself (`selector/epoll.rs`): one system call for a turn, where `Poller::wait`
//! makes five. Everywhere else, and where the start-up self-test finds that this does not work, it
//! asks `polling`. Sources are registered through `polling` in both cases. In a test a source can be
//! ready because the test says so (`selector/manual.rs`).

mod armed;
#[cfg(target_os = "linux")]
mod epoll;
mod manual;
mod watched;

pub(crate) use self::armed::Armed;
pub use self::manual::ManualSelector;

use crate::clock::Clock;
use crate::panics;
use crate::poller;
use crate::source::{Interest, Readiness};
use polling::{AsSource, Events, Poller};
use std::cell::RefCell;
use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most events that one look at the operating system may bring: the budget of a turn for I/O.
pub(crate) const EVENTS: usize = 256;

/// Longer sleeps are cut into pieces of this length; some systems cannot count further.
const LONGEST_SLEEP: Duration = Duration::from_secs(24 * 24 * 60 * 60);

/// How long to wait for something to become ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    Not,
    Until(Instant),
    Forever,
}

/// Says that the source of a key is ready.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) key: usize,
    pub(crate) readiness: Readiness,
}

/// Waits for readiness; can be interrupted from any thread through its [`Waker`].
pub(crate) struct Selector {
    poller: Arc<Poller>,
    way: Way,
}

enum Way {
    #[cfg(target_os = "linux")]
    Epoll(epoll::Epoll),
    Polling(RefCell<Events>),
    ByHand(manual::Attached),
}

impl Selector {
    /// `portable`: asks `polling` on every platform.
    pub(crate) fn new(portable: bool) -> io::Result<Self> {
        let poller = Arc::new(Poller::new()?);
        #[cfg(target_os = "linux")]
        if !portable && epoll::works()? {
            let way = Way::Epoll(epoll::Epoll::new(&poller)?);
            return Ok(Self { poller, way });
        }
        let _ = portable;
        let room = NonZeroUsize::new(EVENTS).unwrap_or(NonZeroUsize::MIN);
        Ok(Self { poller, way: Way::Polling(RefCell::new(Events::with_capacity(room))) })
    }

    /// `clock` is that of the reactor.
    pub(crate) fn by_hand(manual: &ManualSelector, clock: Clock) -> io::Result<Self> {
        // With a poller that stays empty, for those who ask for a descriptor.
        let poller = Arc::new(Poller::new()?);
        Ok(Self { poller, way: Way::ByHand(manual::Attached::new(manual, clock)?) })
    }

    /// Whether waiting is a test's doing, so that its time is the reactor's and not the machine's.
    pub(crate) fn is_by_hand(&self) -> bool {
        matches!(self.way, Way::ByHand(_))
    }

    pub(crate) fn waker(&self) -> Waker {
        match &self.way {
            #[cfg(target_os = "linux")]
            Way::Epoll(epoll) => Waker::Epoll(epoll.waker()),
            Way::Polling(_) => Waker::Polling(Arc::clone(&self.poller)),
            Way::ByHand(attached) => Waker::ByHand(attached.bell()),
        }
    }

    /// Waits until something is ready, the time is over, or the waker is used. `ready` holds what
    /// is ready then, and nothing else.
    pub(crate) fn wait(&self, ready: &mut Vec<Event>, wait: Wait) -> io::Result<()> {
        ready.clear();
        let waited = match &self.way {
            #[cfg(target_os = "linux")]
            Way::Epoll(epoll) => epoll.wait(&self.poller, ready, wait),
            Way::Polling(events) => {
                let mut events = events.borrow_mut();
                events.clear();
                let waited = self.poller.wait(&mut events, timeout(wait)).map(drop);
                ready.extend(events.iter().map(Event::from));
                waited
            }
            Way::ByHand(attached) => attached.wait(ready, wait),
        };
        match waited {
            // A signal handler ran; the loop looks at everything again anyway.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            other => other,
        }
    }

    /// Whether the system forgets a source with each event, so that it has to be
    /// [watched on](Armed::rearm).
    pub(crate) fn forgets(&self) -> bool {
        match self.way {
            #[cfg(target_os = "linux")]
            Way::Epoll(_) => false,
            Way::Polling(_) => !self.poller.supports_level(),
            Way::ByHand(_) => false,
        }
    }

    /// Starts to watch `source`; hands it back if the system cannot watch it.
    pub(crate) fn arm<S: AsSource>(
        &self,
        source: S,
        key: impl FnOnce() -> usize,
        interest: Interest,
    ) -> Result<Armed<S>, (S, io::Error)> {
        if let Way::ByHand(attached) = &self.way {
            return attached.arm(source, key(), interest).map(Armed::ByHand);
        }
        poller::arm(&self.poller, source, key, interest).map(Armed::Polled)
    }

    /// Drops what is the user's: the reactor is gone, and waits for nothing any more.
    pub(crate) fn let_go(&self) {
        if let Way::ByHand(attached) = &self.way {
            attached.let_go();
        }
    }
}

fn timeout(wait: Wait) -> Option<Duration> {
    match wait {
        Wait::Not => Some(Duration::ZERO),
        Wait::Until(due) => Some(due.saturating_duration_since(Instant::now()).min(LONGEST_SLEEP)),
        Wait::Forever => None,
    }
}

impl From<polling::Event> for Event {
    fn from(event: polling::Event) -> Self {
        let readiness = Readiness {
            readable: event.readable,
            writable: event.writable,
            hung_up: event.is_interrupt(),
            error: event.is_err().unwrap_or(false),
        };
        Self { key: event.key, readiness }
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.way {
            #[cfg(target_os = "linux")]
            Way::Epoll(_) => "Selector(epoll)",
            Way::Polling(_) => "Selector(polling)",
            Way::ByHand(_) => "Selector(by hand)",
        })
    }
}

/// Ends the wait of a [`Selector`], from any thread. Wakes that come close together are one.
pub(crate) enum Waker {
    #[cfg(target_os = "linux")]
    Epoll(Arc<epoll::Waker>),
    Polling(Arc<Poller>),
    ByHand(Arc<manual::Bell>),
}

impl Waker {
    pub(crate) fn wake(&self) {
        let woken = match self {
            #[cfg(target_os = "linux")]
            Self::Epoll(waker) => waker.wake(),
            Self::Polling(poller) => poller.notify(),
            Self::ByHand(bell) => {
                bell.ring();
                Ok(())
            }
        };
        if let Err(error) = woken {
            panics::tell(|| tracing::error!(%error, "the reactor could not be woken"));
        }
    }
}

impl fmt::Debug for Waker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waker")
    }
}

#[cfg(target_os = "linux")]
impl std::os::fd::AsFd for Selector {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.poller.as_fd()
    }
}

#[cfg(target_os = "linux")]
impl Selector {
    /// Takes back wake-ups that no wait has seen.
    pub(crate) fn hush(&self) {
        if let Way::Epoll(epoll) = &self.way {
            epoll.hush();
        }
    }

    /// Has the descriptor become readable at `due`, or not by time.
    pub(crate) fn announce(&self, due: Option<Instant>) -> io::Result<()> {
        match &self.way {
            Way::Epoll(epoll) => epoll.announce(due),
            // Whoever turns such a reactor from another loop goes by `poll_timeout`.
            Way::Polling(_) | Way::ByHand(_) => Ok(()),
        }
    }
}
