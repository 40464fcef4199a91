//! A Unix socket from which tasks take connections.

use super::UnixStream;
use super::accept::{Door, Incoming, closed, peer};
use crate::error::{CannotListen, ListenError};
use crate::{ReactorUnix as _, UnixAddress, UnixListenOptions};
use ropewalk_reactor::Reactor;
use std::fmt;
use std::io;

/// A Unix socket whose connections are accepted when a task asks for them, as with a
/// [`TcpListener`](crate::TcpListener). Dropping it closes the socket and removes its file.
///
/// # Threads
///
/// Reactor thread; it is neither `Send` nor `Sync`.
#[must_use = "dropping it closes the socket"]
pub struct UnixListener(Door<UnixAddress>);

impl UnixListener {
    /// Listens at a path, as [`listen_unix`](crate::ReactorUnix::listen_unix) does.
    ///
    /// # Errors
    ///
    /// [`ListenError`]: the path is in use or not allowed, or the reactor is stopping.
    #[track_caller]
    pub fn bind(reactor: &Reactor, path: impl Into<UnixAddress>) -> Result<Self, ListenError> {
        Self::bind_with(reactor, path, UnixListenOptions::new())
    }

    /// As [`bind`](Self::bind), with other settings.
    ///
    /// # Errors
    ///
    /// As `bind`.
    #[track_caller]
    pub fn bind_with(
        reactor: &Reactor,
        path: impl Into<UnixAddress>,
        options: UnixListenOptions,
    ) -> Result<Self, ListenError> {
        Door::open(|doorman| reactor.listen_unix_with(path, options, doorman))
            .map(Self)
            .map_err(|refused| refused.error)
    }

    /// Listens on a socket that was opened elsewhere, as
    /// [`listen_unix_on`](crate::ReactorUnix::listen_unix_on) does. Its file stays.
    ///
    /// # Errors
    ///
    /// [`CannotListen`], with the listener inside.
    #[track_caller]
    pub fn from_std(
        reactor: &Reactor,
        listener: std::os::unix::net::UnixListener,
    ) -> Result<Self, CannotListen<std::os::unix::net::UnixListener>> {
        Door::open(|doorman| reactor.listen_unix_on(listener, doorman)).map(Self).map_err(
            |CannotListen { error, unused: (listener, _) }| CannotListen {
                error,
                unused: listener,
            },
        )
    }

    /// The next connection, and the address of its peer, which mostly has none.
    ///
    /// Whoever stops waiting loses nothing: what has come for him is the next one's.
    ///
    /// # Errors
    ///
    /// The socket is closed: the reactor stops, or has been dropped.
    pub async fn accept(&self) -> io::Result<(UnixStream, UnixAddress)> {
        let end = self.0.accept().await.ok_or_else(closed)?;
        let peer = peer(&end)?;
        Ok((UnixStream(end), peer))
    }

    /// The connections one after the other. It ends when the socket is closed.
    pub fn incoming(&self) -> Incoming<'_, UnixStream, UnixAddress> {
        self.0.incoming(UnixStream)
    }

    /// The address that it listens at.
    #[must_use]
    pub fn local_addr(&self) -> UnixAddress {
        self.0.address()
    }
}

impl fmt::Debug for UnixListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe("UnixListener", f)
    }
}
