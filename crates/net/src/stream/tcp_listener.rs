//! A TCP port from which tasks take connections.

use super::TcpStream;
use super::accept::{Door, Incoming, closed, peer};
use crate::ReactorNet as _;
use crate::error::{CannotListen, ListenError};
use crate::tcp::{ListenAddress, ListenOptions};
use ropewalk_reactor::Reactor;
use std::fmt;
use std::io;
use std::net::SocketAddr;

/// A TCP port whose connections are accepted when a task asks for them. Dropping it closes the port.
///
/// What nobody asks for waits in the backlog of the system, and so do the peers in the end: who serves
/// a hundred at a time asks for the next when one of them is gone. When the system has no room for
/// another connection the port tries again by itself, as others do.
///
/// # Threads
///
/// Reactor thread; it is neither `Send` nor `Sync`.
///
/// # Examples
///
/// ```no_run
/// use futures_lite::{StreamExt as _, io};
/// use ropewalk_net::TcpListener;
/// use ropewalk_reactor::Reactor;
/// use ropewalk_task::ReactorTask as _;
///
/// let reactor = Reactor::new()?;
/// let listener = TcpListener::bind(&reactor, "127.0.0.1:8007")?;
/// let weak = reactor.downgrade();
/// let serving = async move {
///     let mut incoming = listener.incoming();
///     while let Some(stream) = incoming.next().await {
///         let echo = async move { Ok(io::copy(&stream, &mut &stream).await?) };
///         weak.with(|reactor| {
///             let served = reactor.spawn(echo).map(|_bytes| ());
///             served.add_errback(|failure| eprintln!("{failure}")).detach();
///         });
///     }
/// };
/// reactor.spawn(serving).detach();
/// reactor.run()?;
/// # Ok::<(), ropewalk_deferred::Failure>(())
/// ```
#[must_use = "dropping it closes the port"]
pub struct TcpListener(Door<SocketAddr>);

impl TcpListener {
    /// Listens on `address`, as [`listen_tcp`](crate::ReactorNet::listen_tcp) does.
    ///
    /// # Errors
    ///
    /// [`ListenError`]: the address is none, is in use or not allowed, or the reactor is stopping.
    #[track_caller]
    pub fn bind(reactor: &Reactor, address: impl ListenAddress) -> Result<Self, ListenError> {
        Self::bind_with(reactor, address, ListenOptions::new())
    }

    /// As [`bind`](Self::bind), with other settings.
    ///
    /// # Errors
    ///
    /// As `bind`; and a system that cannot do what an option asks for.
    #[track_caller]
    pub fn bind_with(
        reactor: &Reactor,
        address: impl ListenAddress,
        options: ListenOptions,
    ) -> Result<Self, ListenError> {
        Door::open(|doorman| reactor.listen_tcp_with(address, options, doorman))
            .map(Self)
            .map_err(|refused| refused.error)
    }

    /// Listens on a socket that was opened elsewhere, as [`listen_on`](crate::ReactorNet::listen_on)
    /// does.
    ///
    /// # Errors
    ///
    /// [`CannotListen`], with the listener inside.
    #[track_caller]
    pub fn from_std(
        reactor: &Reactor,
        listener: std::net::TcpListener,
    ) -> Result<Self, CannotListen<std::net::TcpListener>> {
        Door::open(|doorman| reactor.listen_on(listener, doorman)).map(Self).map_err(
            |CannotListen { error, unused: (listener, _) }| CannotListen {
                error,
                unused: listener,
            },
        )
    }

    /// The next connection, and the address of its peer.
    ///
    /// Whoever stops waiting loses nothing: what has come for him is the next one's.
    ///
    /// # Errors
    ///
    /// The port is closed: the reactor stops, or has been dropped.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let end = self.0.accept().await.ok_or_else(closed)?;
        let peer = peer(&end)?;
        Ok((TcpStream(end), peer))
    }

    /// The connections one after the other. It ends when the port is closed.
    pub fn incoming(&self) -> Incoming<'_, TcpStream, SocketAddr> {
        self.0.incoming(TcpStream)
    }

    /// The address that it listens on: with the port that was found, if 0 was asked for.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.0.address()
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe("TcpListener", f)
    }
}
