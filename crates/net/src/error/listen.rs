//! Why a port cannot be opened.

use super::descriptors::want_of_descriptors;
use ropewalk_deferred::Failure;
use std::error::Error;
use std::fmt;
use std::io;

/// What is wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum ListenErrorKind {
    /// The text is not an address and a port.
    Address,
    /// The operating system refuses.
    Io(io::Error),
    /// A certificate, a key or the whole configuration cannot be used.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    Tls(crate::tls::TlsConfigError),
    /// The reactor is in its shutdown.
    Stopping,
}

impl From<io::Error> for ListenErrorKind {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A port cannot be opened: which one, why, and what to do.
///
/// The factory is not in it: see [`CannotListen`].
///
/// Twisted: `CannotListenError`.
#[derive(Debug)]
pub struct ListenError {
    address: String,
    kind: ListenErrorKind,
    /// What the system says means something else where the address is a path.
    is_path: bool,
}

impl ListenError {
    pub(crate) fn new(address: String, kind: ListenErrorKind) -> Self {
        Self { address, kind, is_path: false }
    }

    #[cfg(unix)]
    pub(crate) fn of_path(address: String, kind: ListenErrorKind) -> Self {
        Self { address, kind, is_path: true }
    }

    /// What the system said, in words that say what to do.
    fn in_words(&self) -> Option<&'static str> {
        match &self.kind {
            ListenErrorKind::Io(error) => want_of_descriptors(error)
                .or_else(|| if self.is_path { in_words_of_paths(error) } else { in_words(error) }),
            _ => None,
        }
    }

    /// The address that was asked for, or that of the socket that was handed over.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &ListenErrorKind {
        &self.kind
    }

    /// Whether another socket has the port.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        matches!(&self.kind, ListenErrorKind::Io(error) if error.kind() == io::ErrorKind::AddrInUse)
    }
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_path {
            // What cannot be printed is escaped already.
            write!(f, "cannot listen on \"{}\": ", self.address)?;
        } else {
            write!(f, "cannot listen on {:?}: ", self.address)?;
        }
        match &self.kind {
            ListenErrorKind::Address => f.write_str(
                "it is not an address and a port; write it as 127.0.0.1:8007 or [::1]:8007",
            ),
            #[cfg(feature = "tls")]
            ListenErrorKind::Tls(error) => error.fmt(f),
            ListenErrorKind::Stopping => f.write_str("the reactor is stopping; run it again first"),
            ListenErrorKind::Io(error) => match self.in_words() {
                Some(words) => f.write_str(words),
                None => error.fmt(f),
            },
        }
    }
}

fn in_words(error: &io::Error) -> Option<&'static str> {
    #[cfg(unix)]
    if error.raw_os_error() == Some(libc::EAFNOSUPPORT) {
        return Some("this system has no addresses of that family; use 0.0.0.0, or 127.0.0.1");
    }
    match error.kind() {
        io::ErrorKind::AddrInUse => Some(
            "another socket has this port; stop its program, or choose another port \
             (0 takes any free one)",
        ),
        io::ErrorKind::PermissionDenied => {
            Some("this user may not open this port; choose one above 1023, or ask for the right")
        }
        io::ErrorKind::AddrNotAvailable => {
            Some("this machine does not have that address; use one of its own, or 0.0.0.0 for all")
        }
        io::ErrorKind::Unsupported => Some(
            "this system cannot share a port; hand clones of one listener to `listen_on` instead",
        ),
        _ => None,
    }
}

fn in_words_of_paths(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::AddrInUse => Some(
            "a program listens there already, or it is no socket; stop that program, or choose \
             another path",
        ),
        io::ErrorKind::PermissionDenied => {
            Some("this user may not make a file there; choose another path, or ask for the right")
        }
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            Some("its directory does not exist; make that first")
        }
        io::ErrorKind::InvalidInput => Some(
            "it is no path for a socket; it must not be empty, not longer than about 100 bytes, and \
             without zero bytes",
        ),
        _ => None,
    }
}

impl Error for ListenError {
    /// What the system said, if the text of this error says it in other words.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            ListenErrorKind::Io(error) if self.in_words().is_some() => Some(error),
            _ => None,
        }
    }
}

/// A [`ListenError`] with what was not used: the factory, and the listener if one was handed over.
///
/// `?` makes a [`Failure`] of it, whatever the factory has captured: that is dropped and the
/// failure can be downcast to [`ListenError`].
///
/// # Examples
///
/// ```
/// use ropewalk_net::{ListenError, ReactorNet as _};
/// use ropewalk_reactor::Reactor;
/// # struct Quiet;
/// # impl ropewalk_net::Protocol for Quiet {
/// #     fn data_received(&mut self, _: &ropewalk_net::Transport, _: &[u8]) {}
/// # }
///
/// let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let reactor = Reactor::new()?;
/// let error = reactor.listen_tcp(taken.local_addr()?, |_peer| Quiet).unwrap_err();
/// assert!(error.error().is_in_use());
/// let factory = error.into_inner();
/// let port = reactor.listen_tcp("127.0.0.1:0", factory).unwrap();
/// # std::io::Result::Ok(())
/// ```
pub struct CannotListen<T> {
    pub(crate) error: ListenError,
    pub(crate) unused: T,
}

impl<T> CannotListen<T> {
    /// What is wrong.
    #[must_use]
    pub fn error(&self) -> &ListenError {
        &self.error
    }

    /// Gives back what was not used.
    #[must_use = "it is what was not used"]
    pub fn into_inner(self) -> T {
        self.unused
    }

    /// Drops what was not used.
    #[must_use]
    pub fn into_error(self) -> ListenError {
        self.error
    }
}

impl<T> From<CannotListen<T>> for ListenError {
    fn from(error: CannotListen<T>) -> Self {
        error.error
    }
}

// Not an `Error` itself: as one it would have to be `Send` to become a `Failure`, and factories
// that share state with the rest of the reactor thread are not.
impl<T> From<CannotListen<T>> for Failure {
    fn from(error: CannotListen<T>) -> Self {
        error.error.into()
    }
}

impl<T> From<CannotListen<T>> for Box<dyn Error> {
    fn from(error: CannotListen<T>) -> Self {
        error.error.into()
    }
}

impl<T> fmt::Debug for CannotListen<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CannotListen").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<T> fmt::Display for CannotListen<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::{ListenError, ListenErrorKind};
    use std::io;

    /// What a machine without IPv6 says to `[::]:80`.
    #[test]
    fn a_family_that_the_system_does_not_have_is_told_in_words() {
        let system = io::Error::from_raw_os_error(libc::EAFNOSUPPORT);
        let error = ListenError::new("[::]:80".to_owned(), ListenErrorKind::Io(system));
        assert!(error.to_string().contains("use 0.0.0.0"), "{error}");
    }
}
