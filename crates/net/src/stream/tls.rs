//! An encrypted connection as a stream.

use super::TcpStream;
use super::end::{End, inet, stream_of_bytes};
use crate::connection::Pulled;
use crate::tls::{TlsClient, TlsInfo, TlsServer};
use crate::{ConnectOptions, ReactorTls as _};
use ropewalk_deferred::Deferred;
use ropewalk_reactor::Reactor;
use std::io;
use std::net::SocketAddr;

/// An encrypted connection that a task reads and writes, as it does with a
/// [`TcpStream`].
///
/// What is written may wait in the TLS session for room, up to a bounded amount, which the loop sends on
/// by itself; `flush` waits until it is sent. `close` says goodbye in TLS, so that the peer knows that
/// this was all. A stream that is dropped without it does not, and loses what was not sent; the peer
/// gets an error. From such a peer one gets one here: [`UnexpectedEof`](io::ErrorKind::UnexpectedEof),
/// or a reset.
///
/// # Threads
///
/// Reactor thread; it is neither `Send` nor `Sync`.
///
/// # Examples
///
/// A server; each handshake is awaited by the task of its connection, so that a client that takes its
/// time delays no other.
///
/// ```no_run
/// use futures_lite::io;
/// use ropewalk_net::tls::TlsServer;
/// use ropewalk_net::{TcpListener, TlsStream};
/// use ropewalk_reactor::Reactor;
/// use ropewalk_task::ReactorTask as _;
///
/// # fn example(reactor: &Reactor, server: TlsServer) -> Result<(), ropewalk_deferred::Failure> {
/// let listener = TcpListener::bind(reactor, "0.0.0.0:8443")?;
/// let weak = reactor.downgrade();
/// let accepting = async move {
///     while let Ok((stream, peer)) = listener.accept().await {
///         let handshake = TlsStream::accept(stream, &server);
///         let serving = async move {
///             let stream = handshake.await?;
///             Ok(io::copy(&stream, &mut &stream).await?)
///         };
///         weak.with(|reactor| {
///             let served = reactor.spawn(serving).map(drop);
///             served.add_errback(move |failure| eprintln!("{peer}: {failure}")).detach();
///         });
///     }
/// };
/// reactor.spawn(accepting).detach();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TlsStream(End);

stream_of_bytes!(TlsStream);

impl TlsStream {
    /// Connects to `port` of `host`, and encrypts the connection from the first byte, as
    /// [`connect_tls`](crate::ReactorTls::connect_tls) does.
    ///
    /// The deferred fails with [`ConnectError`](crate::ConnectError). Cancelling it ends the attempt.
    #[track_caller]
    pub fn connect(
        reactor: &Reactor,
        host: &str,
        port: u16,
        client: impl Into<TlsClient>,
    ) -> Deferred<Self> {
        Self::connect_with(reactor, host, port, ConnectOptions::new(), client)
    }

    /// As [`connect`](Self::connect), with other settings.
    #[track_caller]
    pub fn connect_with(
        reactor: &Reactor,
        host: &str,
        port: u16,
        options: ConnectOptions,
        client: impl Into<TlsClient>,
    ) -> Deferred<Self> {
        let connecting = reactor.connect_tls_with(host, port, options, client, Pulled);
        connecting.map(|transport| Self(End::new(transport)))
    }

    /// Encrypts a connection that was accepted, from here on; see
    /// [`start_tls_server`](crate::Transport::start_tls_server) for its time limit and its errors.
    ///
    /// Nothing is handed back if it fails, because the connection has ended then, for all clones of
    /// `stream`: what they would write was meant to be encrypted. Of one that is
    /// [encrypted already](crate::tls::TlsErrorKind::AlreadyTls), only this clone is dropped.
    #[track_caller]
    pub fn accept(stream: TcpStream, server: impl Into<TlsServer>) -> Deferred<Self> {
        let handshake = stream.0.transport().start_tls_server(server);
        handshake.map(move |()| Self(stream.0))
    }

    /// What the two sides have agreed on; nothing after the end of the connection.
    #[must_use]
    pub fn tls(&self) -> Option<TlsInfo> {
        self.0.transport().tls()
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::peer_addr`].
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        inet(&self.0.transport().peer())
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::peer_addr`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        inet(&self.0.transport().host())
    }

    /// Ends the connection at once; the peer sees a reset.
    pub fn abort(&self) {
        self.0.transport().abort_connection();
    }
}

impl TcpStream {
    /// Encrypts the connection from here on, as the client of the handshake; the server's certificate
    /// has to be for `name`. As the server: [`TlsStream::accept`].
    ///
    /// See [`start_tls_client`](crate::Transport::start_tls_client) for its time limit and its errors.
    /// Nothing is handed back if it fails, also for a `name` that is none: the connection has ended then,
    /// for all clones of this stream.
    ///
    /// # Notes
    ///
    /// What a reader around this stream has read ahead did not come encrypted, and must not be obeyed
    /// as if it had: when there is any, give the connection up.
    #[track_caller]
    pub fn start_tls(self, client: impl Into<TlsClient>, name: &str) -> Deferred<TlsStream> {
        let handshake = self.0.transport().start_tls_client(client, name);
        handshake.map(move |()| TlsStream(self.0))
    }
}
