//! A TCP connection as a stream.

use super::end::{End, inet, stream_of_bytes};
use crate::connection::Pulled;
use crate::{ConnectOptions, KeepAlive, ReactorNet as _};
use ropewalk_deferred::Deferred;
use ropewalk_reactor::Reactor;
use std::io;
use std::net::SocketAddr;

/// A TCP connection that a task reads and writes: [`AsyncRead`](futures_io::AsyncRead) and
/// [`AsyncWrite`](futures_io::AsyncWrite).
///
/// Nothing is buffered on either side. A read takes what the system has, straight into the reader's
/// buffer; what nobody reads stays with the system, and in the end with the peer. A write takes what
/// the system has room for, and says how much that was.
///
/// **The end.** A read of 0 bytes is the end of what the peer sends. A connection that breaks, is
/// [aborted](Self::abort), or ends with its reactor gives an error whose kind is that of the system, and
/// in which [`ConnectionLost::of`](crate::ConnectionLost::of) finds the reason that a
/// [`Protocol`](crate::Protocol) would be told. After a write that failed, what had come before can still
/// be read; then the error is told again.
///
/// **Closing.** `close` says that nothing more comes, when all is sent; reading goes on. (Elsewhere it is
/// the `shutdown` of the half that writes.) A stream that is dropped after it ends gently: what was sent
/// arrives, whatever the peer still sends. A stream that is dropped without it is closed at once, as a
/// socket is: what the system has taken is delivered, unless something unread makes the system reset the
/// connection. So a task that panics, or is cancelled in the middle of something, does not leave what
/// looks like a regular end if the connection is encrypted.
///
/// **One reader, one writer.** Clones and references are the same connection, so that one task may read
/// and another one write. Of two that wait for the same only the latest is woken.
///
/// # Threads
///
/// Reactor thread; it is neither `Send` nor `Sync`.
///
/// # Examples
///
/// ```
/// use futures_lite::{AsyncReadExt as _, AsyncWriteExt as _};
/// use ropewalk_net::{TcpListener, TcpStream};
/// use ropewalk_reactor::Reactor;
/// use ropewalk_task::ReactorTask as _;
///
/// let reactor = Reactor::new()?;
/// let listener = TcpListener::bind(&reactor, "127.0.0.1:0")?;
/// let connecting = TcpStream::connect(&reactor, "127.0.0.1", listener.local_addr().port());
/// reactor
///     .spawn(async move {
///         let (mut stream, _peer) = listener.accept().await?;
///         stream.write_all(b"hello\n").await?;
///         stream.close().await?;
///         Ok(())
///     })
///     .detach();
/// let reading = reactor.spawn(async move {
///     let mut text = String::new();
///     connecting.await?.read_to_string(&mut text).await?;
///     Ok(text)
/// });
/// assert_eq!(reactor.run_until(reading)?, "hello\n");
/// # Ok::<(), ropewalk_deferred::Failure>(())
/// ```
#[derive(Clone)]
pub struct TcpStream(pub(super) End);

stream_of_bytes!(TcpStream);

impl TcpStream {
    /// Connects to `port` of `host`, a name or an address, as
    /// [`connect_tcp`](crate::ReactorNet::connect_tcp) does.
    ///
    /// The deferred fails with [`ConnectError`](crate::ConnectError). Cancelling it ends the attempt.
    #[track_caller]
    pub fn connect(reactor: &Reactor, host: &str, port: u16) -> Deferred<Self> {
        Self::connect_with(reactor, host, port, ConnectOptions::new())
    }

    /// As [`connect`](Self::connect), with other settings.
    #[track_caller]
    pub fn connect_with(
        reactor: &Reactor,
        host: &str,
        port: u16,
        options: ConnectOptions,
    ) -> Deferred<Self> {
        let connecting = reactor.connect_tcp_with(host, port, options, Pulled);
        connecting.map(|transport| Self(End::new(transport)))
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// None as things are: it is what users of other streams expect.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        inet(&self.0.transport().peer())
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// As [`peer_addr`](Self::peer_addr).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        inet(&self.0.transport().host())
    }

    /// Ends the connection at once; the peer sees a reset. Whoever reads or writes gets
    /// [`ConnectionLost::Aborted`](crate::ConnectionLost::Aborted).
    pub fn abort(&self) {
        self.0.transport().abort_connection();
    }

    /// Sends small writes at once, or gathers them for a while: see
    /// [`Transport::set_nodelay`](crate::Transport::set_nodelay).
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.0.transport().set_nodelay(on)
    }

    /// Whether small writes are sent at once; `false` after the end of the connection.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.0.transport().nodelay()
    }

    /// Has the system probe a peer that is silent: see
    /// [`Transport::set_keepalive`](crate::Transport::set_keepalive).
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn set_keepalive(&self, on: bool) -> io::Result<()> {
        self.0.transport().set_keepalive(on)
    }

    /// As [`set_keepalive(true)`](Self::set_keepalive), with times of its own.
    ///
    /// # Errors
    ///
    /// What the operating system says; for one, of a time that is too long for it.
    pub fn set_keepalive_with(&self, keep_alive: KeepAlive) -> io::Result<()> {
        self.0.transport().set_keepalive_with(keep_alive)
    }

    /// Whether the system probes the peer; `false` after the end of the connection.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn keepalive(&self) -> io::Result<bool> {
        self.0.transport().keepalive()
    }
}
