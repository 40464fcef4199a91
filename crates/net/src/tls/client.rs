//! How one connection is the client of a handshake.

use super::HANDSHAKE_TIMEOUT;
use super::building::{names, safe_versions, unusable};
use super::error::{Part, TlsConfigError};
use super::pem;
use super::rustls::{ClientConfig, crypto::ring};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How this side is the client: whom it trusts, and how it shows who it is.
///
/// The simple case is [`with_roots`](Self::with_roots). Whatever else rustls can do (the roots of the
/// system, with the crate `rustls-native-certs` or `rustls-platform-verifier`; other ways to check
/// servers) is in its own `ClientConfig`, and `Arc<ClientConfig>` is taken wherever a `TlsClient` is.
///
/// Sessions with a server are resumed by connections that have clones of one `TlsClient`.
///
/// # Threads
///
/// Any thread.
///
/// # Examples
///
/// ```
/// use ropewalk_net::tls::TlsClient;
///
/// # let names = vec!["localhost".to_owned()];
/// # let roots = rcgen::generate_simple_self_signed(names).unwrap().cert.pem();
/// let client = TlsClient::with_roots(roots)?.alpn(["h2", "http/1.1"]);
/// # Ok::<(), ropewalk_net::tls::TlsConfigError>(())
/// ```
///
/// Twisted: `optionsForClientTLS`.
#[doc(alias = "optionsForClientTLS")]
#[derive(Clone)]
pub struct TlsClient {
    config: Arc<ClientConfig>,
    timeout: Duration,
    server_name: Option<Arc<str>>,
}

impl TlsClient {
    /// A client that trusts servers with a certificate from one of these roots, and shows none itself.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError`]: the text cannot be used.
    pub fn with_roots(roots: impl AsRef<[u8]>) -> Result<Self, TlsConfigError> {
        Self::build(roots.as_ref(), None)
    }

    /// As [`with_roots`](Self::with_roots); and servers that ask for it are shown this certificate,
    /// followed by those that lead to a root.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError`]: one of the texts cannot be used, or the key belongs to another certificate.
    pub fn with_roots_and_certificate(
        roots: impl AsRef<[u8]>,
        certificates: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> Result<Self, TlsConfigError> {
        Self::build(roots.as_ref(), Some((certificates.as_ref(), key.as_ref())))
    }

    fn build(roots: &[u8], own: Option<(&[u8], &[u8])>) -> Result<Self, TlsConfigError> {
        let provider = Arc::new(ring::default_provider());
        let trusting = safe_versions(ClientConfig::builder_with_provider(provider))?
            .with_root_certificates(pem::roots(roots)?);
        let config = match own {
            None => trusting.with_no_client_auth(),
            Some((certificates, key)) => {
                let chain =
                    pem::certificates(certificates, Part::Certificate, "the client's certificate")?;
                trusting.with_client_auth_cert(chain, pem::key(key)?).map_err(unusable)?
            }
        };
        Ok(Arc::new(config).into())
    }

    /// The application protocols that are asked for, the best one first.
    #[must_use]
    pub fn alpn<P: AsRef<[u8]>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        Arc::make_mut(&mut self.config).alpn_protocols = names(protocols);
        self
    }

    /// How long a handshake may take that
    /// [`start_tls_client`](crate::Transport::start_tls_client) begins; a connection on which it takes
    /// longer is closed. Default: 10 seconds. No limit: [`Duration::MAX`].
    ///
    /// For [`connect_tls`](crate::ReactorTls::connect_tls) the time of its
    /// [`ConnectOptions`](crate::ConnectOptions) counts instead, from the name on.
    #[must_use]
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The name that the server's certificate has to be for, and that the server is told; default: the
    /// host that [`connect_tls`](crate::ReactorTls::connect_tls) connects to.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_net::ReactorTls as _;
    /// # struct Quiet;
    /// # impl ropewalk_net::Protocol for Quiet {
    /// #     fn data_received(&mut self, _: &ropewalk_net::Transport, _: &[u8]) {}
    /// # }
    /// # fn example(reactor: &ropewalk_reactor::Reactor, client: ropewalk_net::tls::TlsClient) {
    /// let client = client.for_server("mail.example");
    /// reactor.connect_tls("127.0.0.1", 8465, client, Quiet).detach();
    /// # }
    /// ```
    #[must_use]
    pub fn for_server(mut self, name: &str) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// What rustls goes by.
    #[must_use]
    pub fn config(&self) -> &Arc<ClientConfig> {
        &self.config
    }

    pub(super) fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }
}

impl From<Arc<ClientConfig>> for TlsClient {
    fn from(config: Arc<ClientConfig>) -> Self {
        Self { config, timeout: HANDSHAKE_TIMEOUT, server_name: None }
    }
}

impl From<ClientConfig> for TlsClient {
    fn from(config: ClientConfig) -> Self {
        Arc::new(config).into()
    }
}

impl From<&Self> for TlsClient {
    fn from(client: &Self) -> Self {
        client.clone()
    }
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClient")
            .field("handshake_timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
