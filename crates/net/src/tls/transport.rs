//! What TLS adds to a transport.

use super::error::{TlsError, TlsErrorKind};
use super::rustls::pki_types::ServerName;
use super::rustls::{ClientConnection, ServerConnection};
use super::session::{Handshake, Session};
use super::{TlsClient, TlsInfo, TlsServer};
use crate::Transport;
use crate::connection::Limit;
use crate::resolver::to_ascii;
use ropewalk_deferred::Deferred;
use std::sync::Arc;
use std::time::Duration;

impl Transport {
    /// Encrypts the connection from here on, as the server of the handshake.
    ///
    /// What was written before goes out first, as it is; what is written from now on waits for the
    /// handshake. Nothing is read in plain any more. When the handshake is complete the protocol's
    /// [`handshake_completed`](crate::Protocol::handshake_completed) is called, and then the deferred
    /// fires. A handshake that fails, or cannot even begin, or takes longer than the server's
    /// [`handshake_timeout`](TlsServer::handshake_timeout), ends the connection, and the deferred fails
    /// with [`TlsError`]: nothing that was meant to be encrypted goes out in plain. Cancelling it ends
    /// the connection, too. Only who asks for a connection that is
    /// [encrypted already](TlsErrorKind::AlreadyTls) is told so, and it goes on.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Notes
    ///
    /// What has come together with the words that asked for encryption did not come encrypted, and must
    /// not be obeyed as if it had. A protocol that keeps such bytes hands them over with
    /// [`start_tls_server_after`](Self::start_tls_server_after), and a
    /// [`LineReceiver`](crate::LineReceiver) does that by itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_net::tls::TlsServer;
    /// use ropewalk_net::{LineProtocol, Transport};
    ///
    /// struct Mail {
    ///     tls: TlsServer,
    /// }
    ///
    /// impl LineProtocol for Mail {
    ///     fn line_received(&mut self, transport: &Transport, line: &[u8]) {
    ///         if line == b"STARTTLS" && transport.tls().is_none() {
    ///             transport.write(b"220 go ahead\r\n");
    ///             transport
    ///                 .start_tls_server(&self.tls)
    ///                 .add_errback(|failure| eprintln!("{failure}"))
    ///                 .detach();
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// Twisted: `ITLSTransport.startTLS`.
    #[doc(alias = "startTLS")]
    #[doc(alias = "ITLSTransport")]
    #[track_caller]
    pub fn start_tls_server(&self, server: impl Into<TlsServer>) -> Deferred<()> {
        self.start_tls_server_after(server, &[])
    }

    /// As [`start_tls_server`](Self::start_tls_server); and `received`, which has come already, is the
    /// beginning of the handshake.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_net::tls::TlsServer;
    /// use ropewalk_net::{Protocol, Transport};
    ///
    /// /// Takes both kinds of clients on one port, as the first byte says.
    /// struct Either {
    ///     tls: TlsServer,
    /// }
    ///
    /// impl Protocol for Either {
    ///     fn data_received(&mut self, transport: &Transport, data: &[u8]) {
    ///         if data[0] == 22 && transport.tls().is_none() {
    ///             transport.start_tls_server_after(&self.tls, data).detach();
    ///         } else {
    ///             transport.write(data);
    ///         }
    ///     }
    /// }
    /// ```
    #[track_caller]
    pub fn start_tls_server_after(
        &self,
        server: impl Into<TlsServer>,
        received: &[u8],
    ) -> Deferred<()> {
        let server = server.into();
        let handshake = ServerConnection::new(Arc::clone(server.config()))
            .map(|tls| Handshake { tls: tls.into(), ahead: received.to_vec(), server_name: None })
            .map_err(|error| TlsError::new(TlsErrorKind::Config(error)));
        let counts = Some(Arc::clone(server.counts()));
        self.connection().secure(handshake, limit(server.timeout()), counts)
    }

    /// Encrypts the connection from here on, as the client of the handshake; the server's certificate
    /// has to be for `name`, a host name or an address.
    ///
    /// All else is as with [`start_tls_server`](Self::start_tls_server); a `name` that is neither ends
    /// the connection.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// Twisted: `ITLSTransport.startTLS`.
    #[track_caller]
    pub fn start_tls_client(&self, client: impl Into<TlsClient>, name: &str) -> Deferred<()> {
        self.start_tls_client_after(client, name, &[])
    }

    /// As [`start_tls_client`](Self::start_tls_client); and `received`, which has come already, is the
    /// beginning of what the server has to say in the handshake.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    #[track_caller]
    pub fn start_tls_client_after(
        &self,
        client: impl Into<TlsClient>,
        name: &str,
        received: &[u8],
    ) -> Deferred<()> {
        let client = client.into();
        self.be_client(&client, name, received, limit(client.timeout()))
    }

    #[track_caller]
    pub(super) fn be_client(
        &self,
        client: &TlsClient,
        name: &str,
        received: &[u8],
        limit: Limit,
    ) -> Deferred<()> {
        let handshake = server_name(name).and_then(|server| {
            let tls = ClientConnection::new(Arc::clone(client.config()), server)
                .map_err(|error| TlsError::new(TlsErrorKind::Config(error)))?;
            let server_name = Some(name.to_owned());
            Ok(Handshake { tls: tls.into(), ahead: received.to_vec(), server_name })
        });
        self.connection().secure(handshake, limit, None)
    }

    /// What the two sides of an encrypted connection have agreed on; nothing of one that is plain, or
    /// whose handshake is under way.
    ///
    /// Also in `connection_lost`, and not after it; and nothing where rustls calls what is in its
    /// configuration.
    ///
    /// Twisted: `ITLSTransport`, `INegotiated`.
    #[doc(alias = "INegotiated")]
    #[must_use]
    pub fn tls(&self) -> Option<TlsInfo> {
        let mut info = None;
        self.connection().carrier().look_at_filter(&mut |filter| {
            info = filter.as_any().downcast_ref().and_then(Session::info);
        });
        info
    }
}

fn limit(timeout: Duration) -> Limit {
    Limit { left: timeout, whole: timeout }
}

/// The name that a certificate has to be for.
pub(super) fn server_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    // The dot at the end of a name says that it is complete, which no certificate does.
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    let invalid = || TlsError::new(TlsErrorKind::InvalidName(name.to_owned()));
    // Certificates are for names as they are looked up.
    let encoded = to_ascii(bare).map_err(|_| invalid())?;
    ServerName::try_from(encoded.into_owned()).map_err(|_| invalid())
}

#[cfg(all(test, feature = "idna"))]
mod tests {
    use super::server_name;

    #[test]
    fn b192_a_certificate_is_for_the_encoded_name() {
        let name = server_name("bücher.example.").unwrap();
        assert_eq!(name.to_str(), "xn--bcher-kva.example");
    }
}
