//! How a port, or one connection, is the server of a handshake.

use super::building::{names, safe_versions, unusable};
use super::counts::Counts;
use super::error::{Part, TlsConfigError};
use super::pem;
use super::rustls::server::WebPkiClientVerifier;
use super::rustls::{ServerConfig, ServerConnection, crypto::ring};
use super::{HANDSHAKE_TIMEOUT, HandshakeCounts};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How this side is the server: its certificate, and what it wants of its clients.
///
/// The simple case is [`from_pem`](Self::from_pem). Whatever else rustls can do (several certificates,
/// chosen by the name that the client asks for; other ways to check clients; other ciphers) is in its
/// own `ServerConfig`, and `Arc<ServerConfig>` is taken wherever a `TlsServer` is.
///
/// Clones are the same server: they count together, and resume each other's sessions.
///
/// Data that a client sends before the handshake is complete (0-RTT) is not taken, because whoever has
/// seen it can send it again: `max_early_data_size` counts as 0, and the clients send it afterwards.
///
/// # Threads
///
/// Any thread.
///
/// # Examples
///
/// ```
/// use ropewalk_net::tls::TlsServer;
/// use std::time::Duration;
///
/// # let names = vec!["localhost".to_owned()];
/// # let made = rcgen::generate_simple_self_signed(names).unwrap();
/// # let (certificate, key) = (made.cert.pem(), made.key_pair.serialize_pem());
/// let server = TlsServer::from_pem(certificate, key)?
///     .alpn(["http/1.1"])
///     .handshake_timeout(Duration::from_secs(5));
/// # Ok::<(), ropewalk_net::tls::TlsConfigError>(())
/// ```
///
/// Twisted: `CertificateOptions`.
#[doc(alias = "CertificateOptions")]
#[derive(Clone)]
pub struct TlsServer {
    config: Arc<ServerConfig>,
    timeout: Duration,
    counts: Arc<Counts>,
}

impl TlsServer {
    /// A server with this certificate, followed by those that lead to a root, and the key that belongs
    /// to it. It asks its clients for none.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError`]: one of the texts cannot be used, or the key belongs to another certificate.
    pub fn from_pem(
        certificates: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> Result<Self, TlsConfigError> {
        Self::build(certificates.as_ref(), key.as_ref(), None)
    }

    /// As [`from_pem`](Self::from_pem); and only clients are let in that have a certificate from one of
    /// these `roots`.
    ///
    /// # Errors
    ///
    /// As `from_pem`.
    pub fn from_pem_with_client_roots(
        certificates: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
        roots: impl AsRef<[u8]>,
    ) -> Result<Self, TlsConfigError> {
        Self::build(certificates.as_ref(), key.as_ref(), Some(roots.as_ref()))
    }

    fn build(
        certificates: &[u8],
        key: &[u8],
        client_roots: Option<&[u8]>,
    ) -> Result<Self, TlsConfigError> {
        let chain = pem::certificates(certificates, Part::Certificate, "the server's certificate")?;
        let key = pem::key(key)?;
        let provider = Arc::new(ring::default_provider());
        let verifier = match client_roots {
            None => WebPkiClientVerifier::no_client_auth(),
            Some(text) => {
                let roots = Arc::new(pem::roots(text)?);
                WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider))
                    .build()
                    .map_err(|error| {
                        let text = format!("the roots for clients cannot be used: {error}");
                        TlsConfigError::new(Part::Roots, text)
                    })?
            }
        };
        let config = safe_versions(ServerConfig::builder_with_provider(provider))?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .map_err(unusable)?;
        Ok(Arc::new(config).into())
    }

    /// The application protocols that are offered, the best one first. A client that asks for others
    /// only is refused; one that asks for none is not.
    #[must_use]
    pub fn alpn<P: AsRef<[u8]>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        Arc::make_mut(&mut self.config).alpn_protocols = names(protocols);
        self
    }

    /// How long a handshake may take; a connection on which it takes longer is closed. Default: 10
    /// seconds. No limit: [`Duration::MAX`].
    #[must_use]
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// What rustls goes by.
    #[must_use]
    pub fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// How many handshakes there were, with this server and all its clones: on ports that are encrypted
    /// from the first byte, with [`start_tls_server`](crate::Transport::start_tls_server), and of streams.
    ///
    /// Those that fail are named in the log: the first one, and then one a minute with their number.
    #[must_use]
    pub fn handshakes(&self) -> HandshakeCounts {
        self.counts.get()
    }

    /// Whether a handshake can begin at all.
    pub(super) fn check(&self) -> Result<(), TlsConfigError> {
        ServerConnection::new(Arc::clone(&self.config))
            .map(drop)
            .map_err(|error| pem::refused(Part::Nothing, "the configuration cannot be used", error))
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }
}

impl From<Arc<ServerConfig>> for TlsServer {
    fn from(mut config: Arc<ServerConfig>) -> Self {
        // Nobody would read it; and a client that is told so sends it again, encrypted as all else.
        if config.max_early_data_size > 0 {
            Arc::make_mut(&mut config).max_early_data_size = 0;
        }
        Self { config, timeout: HANDSHAKE_TIMEOUT, counts: Arc::default() }
    }
}

impl From<ServerConfig> for TlsServer {
    fn from(config: ServerConfig) -> Self {
        Arc::new(config).into()
    }
}

impl From<&Self> for TlsServer {
    fn from(server: &Self) -> Self {
        server.clone()
    }
}

impl fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsServer")
            .field("handshake_timeout", &self.timeout)
            .field("handshakes", &self.handshakes())
            .finish_non_exhaustive()
    }
}
