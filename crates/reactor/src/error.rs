//! The errors of this crate: one small type per operation that can fail.

mod stopped;

pub use self::stopped::ReactorStopped;
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io;
use std::panic::Location;
use std::time::Duration;

/// How many unfinished things a text names.
const SHOWN: usize = 10;

/// Why [`Reactor::run`](crate::Reactor::run) or [`Reactor::turn`](crate::Reactor::turn) ended with
/// an error.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// `run` or `turn` was called from inside the same reactor's `run` or `turn`, or
    /// [`start_running`](crate::Reactor::start_running) for a reactor that runs, whoever turns it.
    /// What goes on goes on undisturbed.
    AlreadyRunning,
    /// The operating system refused to wait for events. The loop has ended without its shutdown
    /// triggers; the reactor can be run again.
    Poll(io::Error),
    /// Somebody still held the shutdown when its deadline passed, or when it was cut short by
    /// [`stop_now`](crate::Reactor::stop_now) or a second signal. The reactor has stopped all the
    /// same; what was not finished is listed. Shown as text, the list ends after ten things.
    ShutdownTimedOut(Vec<Stuck>),
    /// A callback panicked under [`PanicPolicy::Stop`](crate::PanicPolicy::Stop); the reactor has
    /// shut down in the usual order.
    Panicked {
        /// What the panic said.
        message: String,
        /// Where the callback was handed to the reactor.
        location: &'static Location<'static>,
    },
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyRunning => f.write_str(
                "the reactor is running already: call run and turn outside of its callbacks, and \
                 start_running once per run; a callback can ask for more with call_soon",
            ),
            Self::Poll(_) => f.write_str("waiting for events failed"),
            Self::ShutdownTimedOut(stuck) => {
                let count: usize = stuck.iter().map(Stuck::count).sum();
                let things = if count == 1 { "thing" } else { "things" };
                write!(f, "the shutdown ended with {count} {things} unfinished: {}", Lines(stuck))
            }
            Self::Panicked { message, location } => {
                write!(
                    f,
                    "stopped because a callback handed over at {location} panicked: {message}"
                )
            }
        }
    }
}

impl Error for RunError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Poll(error) => Some(error),
            _ => None,
        }
    }
}

/// One [`Hold`](crate::Hold) that kept the shutdown from ending in time.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stuck {
    /// What it was named, with [`hold_named`](crate::Reactor::hold_named).
    pub name: Option<Cow<'static, str>>,
    /// Where the hold was taken.
    pub location: &'static Location<'static>,
    /// How long it has been held.
    pub age: Duration,
    /// What its owner says of itself, one line per unfinished thing; empty if it says nothing.
    pub details: Vec<String>,
}

impl Stuck {
    fn count(&self) -> usize {
        self.details.len().max(1)
    }

    /// What its owner says, or, if that is nothing, its name and where it was taken.
    fn lines(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let named = self.name.as_ref().map(|name| format!("{name}, ")).unwrap_or_default();
        let held = || format!("{named}held at {} for {:.1?}", self.location, self.age).into();
        let nameless = self.details.is_empty().then(held);
        self.details.iter().map(|line| Cow::from(line.as_str())).chain(nameless)
    }
}

/// What its owner says of itself, at most ten lines; its name and where the hold was taken, if it
/// says nothing.
impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_some(f, self.count(), self.lines())
    }
}

/// What the owners of several holds say, at most ten lines.
pub(crate) struct Lines<'a>(pub(crate) &'a [Stuck]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.iter().map(Stuck::count).sum();
        write_some(f, count, self.0.iter().flat_map(Stuck::lines))
    }
}

/// The first few of `count` things: one text must not grow with the number of jobs.
fn write_some(
    f: &mut fmt::Formatter<'_>,
    count: usize,
    lines: impl Iterator<Item: fmt::Display>,
) -> fmt::Result {
    for (index, line) in lines.take(SHOWN).enumerate() {
        let separator = if index == 0 { "" } else { "; " };
        write!(f, "{separator}{line}")?;
    }
    match count.saturating_sub(SHOWN) {
        0 => Ok(()),
        more => write!(f, "; … and {more} more"),
    }
}

/// A source that could not be registered; it comes back inside.
///
/// Given by [`Reactor::register`](crate::Reactor::register). It converts into an [`io::Error`],
/// which drops the source: so `?` works in functions that return one. Elsewhere, where `?` asks for
/// an error that is `Send` and `Sync` and the source is not, `.map_err(io::Error::from)?` does.
///
/// # Examples
///
/// ```
/// use ropewalk_reactor::{Interest, Reactor};
/// use std::io;
/// use std::net::UdpSocket;
/// use std::rc::Rc;
///
/// let reactor = Reactor::new()?;
/// let socket = Rc::new(UdpSocket::bind("127.0.0.1:0")?);
/// let registration = reactor.register(Rc::clone(&socket), Interest::READABLE, |_, _, _| ())?;
/// let error = reactor.register(socket, Interest::WRITABLE, |_, _, _| ()).unwrap_err();
/// let (_socket, error) = error.into_parts();
/// assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
/// drop(registration);
/// # io::Result::Ok(())
/// ```
pub struct RegisterError<S> {
    pub(crate) source: S,
    pub(crate) error: io::Error,
}

impl<S> RegisterError<S> {
    /// The reactor is gone.
    pub(crate) fn gone(source: S) -> Self {
        let text = "the reactor was dropped: register the source with another one";
        Self { source, error: io::Error::new(io::ErrorKind::NotConnected, text) }
    }

    /// Gives the source back.
    pub fn into_inner(self) -> S {
        self.source
    }

    /// Gives the source back, and the reason.
    pub fn into_parts(self) -> (S, io::Error) {
        (self.source, self.error)
    }

    /// What the operating system said; [`NotConnected`](io::ErrorKind::NotConnected) if the reactor was
    /// dropped.
    pub fn io_error(&self) -> &io::Error {
        &self.error
    }

    /// What its text says beyond that, where the system's words help nobody.
    fn advice(&self) -> Option<&'static str> {
        match self.error.kind() {
            // epoll's EPERM: the descriptor is a regular file or a directory.
            io::ErrorKind::PermissionDenied => Some(
                "this kind of source cannot be waited for (a regular file is always ready): \
                 read it in a thread of the pool",
            ),
            io::ErrorKind::AlreadyExists => Some(
                "this source is watched already: change its interest with set_interest, drop the \
                 registration that watches it, or register a copy made with try_clone",
            ),
            _ => None,
        }
    }
}

impl<S> fmt::Debug for RegisterError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisterError").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<S> fmt::Display for RegisterError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.advice().unwrap_or("the source could not be registered"))
    }
}

impl<S> Error for RegisterError<S> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

/// Drops the source and keeps the reason: what the operating system said, or, of the same kind, the
/// text of the [`RegisterError`] where that says more. There the system's error is the `source()`.
impl<S> From<RegisterError<S>> for io::Error {
    fn from(refused: RegisterError<S>) -> Self {
        let says_more = refused.advice().is_some();
        let error = refused.error;
        if says_more { Self::new(error.kind(), RegisterError { source: (), error }) } else { error }
    }
}

/// A delayed call is not pending any more.
///
/// Twisted: `AlreadyCalled`, `AlreadyCancelled`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotPending {
    /// The call has run, or is running now.
    AlreadyCalled,
    /// The call was cancelled, or its reactor is gone.
    AlreadyCancelled,
}

impl fmt::Display for NotPending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyCalled => {
                "the delayed call has run already: make a new one with call_later"
            }
            Self::AlreadyCancelled => {
                "the delayed call was cancelled: make a new one with call_later"
            }
        })
    }
}

impl Error for NotPending {}

/// No trigger with this id waits: it has run, was removed before, or is of another reactor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownTrigger;

impl fmt::Display for UnknownTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "no such trigger waits here: it has run, was removed before, or is of another reactor",
        )
    }
}

impl Error for UnknownTrigger {}

/// A number of seconds that no delay can have.
///
/// Given by [`seconds`](crate::seconds).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InvalidDelay(pub(crate) f64);

impl InvalidDelay {
    /// The number that was given.
    pub fn seconds(self) -> f64 {
        self.0
    }
}

impl fmt::Display for InvalidDelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(seconds) = self;
        if *seconds < 0.0 {
            write!(f, "a delay of {seconds} s is negative: use 0 to run in the next turn")
        } else {
            write!(
                f,
                "a delay of {seconds} s is not a time span: give a finite number of 0 or more"
            )
        }
    }
}

impl Error for InvalidDelay {}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::RegisterError;
    use std::io;

    #[test]
    fn what_the_system_says_well_enough_stays_as_it_is() {
        let refused = || RegisterError { source: (), error: io::Error::from_raw_os_error(28) };
        assert_eq!(refused().to_string(), "the source could not be registered");
        assert_eq!(io::Error::from(refused()).raw_os_error(), Some(28));
    }
}
