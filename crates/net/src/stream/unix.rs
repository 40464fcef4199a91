//! A connection to a Unix socket as a stream.

use super::end::{End, stream_of_bytes};
use crate::connection::Pulled;
use crate::{Address, ConnectOptions, ReactorUnix as _, UnixAddress};
use ropewalk_deferred::Deferred;
use ropewalk_reactor::Reactor;
use std::io;

/// A connection on a Unix socket that a task reads and writes, as it does with a
/// [`TcpStream`](crate::TcpStream).
///
/// # Threads
///
/// Reactor thread; it is neither `Send` nor `Sync`.
///
/// # Examples
///
/// ```no_run
/// use futures_lite::AsyncWriteExt as _;
/// use ropewalk_net::UnixStream;
/// use ropewalk_reactor::Reactor;
/// use ropewalk_task::ReactorTask as _;
///
/// let reactor = Reactor::new()?;
/// let connecting = UnixStream::connect(&reactor, "/run/app.sock");
/// let talking = reactor.spawn(async move {
///     let mut stream = connecting.await?;
///     stream.write_all(b"reload\n").await?;
///     stream.close().await?;
///     Ok(())
/// });
/// reactor.run_until(talking)?;
/// # Ok::<(), ropewalk_deferred::Failure>(())
/// ```
#[derive(Clone)]
pub struct UnixStream(pub(super) End);

stream_of_bytes!(UnixStream);

impl UnixStream {
    /// Connects to the socket at a path, as [`connect_unix`](crate::ReactorUnix::connect_unix) does.
    ///
    /// The deferred fails with [`ConnectError`](crate::ConnectError). Cancelling it ends the attempt.
    #[track_caller]
    pub fn connect(reactor: &Reactor, path: impl Into<UnixAddress>) -> Deferred<Self> {
        Self::connect_with(reactor, path, ConnectOptions::new())
    }

    /// As [`connect`](Self::connect), with options, of which the time limit alone has a meaning here.
    #[track_caller]
    pub fn connect_with(
        reactor: &Reactor,
        path: impl Into<UnixAddress>,
        options: ConnectOptions,
    ) -> Deferred<Self> {
        let connecting = reactor.connect_unix_with(path, options, Pulled);
        connecting.map(|transport| Self(End::new(transport)))
    }

    /// The address of the other end: most often nothing, if that has connected.
    ///
    /// # Errors
    ///
    /// None as things are: it is what users of other streams expect.
    pub fn peer_addr(&self) -> io::Result<UnixAddress> {
        unix(&self.0.transport().peer())
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// As [`peer_addr`](Self::peer_addr).
    pub fn local_addr(&self) -> io::Result<UnixAddress> {
        unix(&self.0.transport().host())
    }

    /// Ends the connection at once; the peer sees what has reached it, and then an end like any other, for
    /// Unix sockets know no reset. Whoever reads or writes gets
    /// [`ConnectionLost::Aborted`](crate::ConnectionLost::Aborted).
    pub fn abort(&self) {
        self.0.transport().abort_connection();
    }
}

fn unix(address: &Address) -> io::Result<UnixAddress> {
    address.unix_addr().cloned().ok_or_else(|| io::ErrorKind::Unsupported.into())
}
