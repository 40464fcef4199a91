//! A port of this machine whose connections are encrypted, as an endpoint.

use super::description::Text;
use super::error::Fault;
use super::fields::{Fields, Schema};
use super::{BoxFactory, ServerEndpoint, TcpServerEndpoint};
use crate::error::{ListenError, ListenErrorKind};
use crate::tls::{ReactorTls as _, TlsConfigError, TlsServer};
use crate::{Address, ListeningPort};
use ropewalk_reactor::Reactor;
use std::fmt;
use std::path::{Path, PathBuf};

/// A port of this machine to listen on, with TLS from the first byte.
///
/// As a text it is `tls:8443:certificate=cert.pem:key=key.pem`, and further what a
/// [`TcpServerEndpoint`] may have. The files are PEM: the certificate, followed by those that lead to
/// a root, and the key; without `key` both are in one. With `trust=ca.pem` only clients are let in
/// that have a certificate from one of those roots.
///
/// The files are read, which takes a moment of the reactor thread, when it is listened on. A program
/// with a configuration of its own has [`listen_tls`](crate::ReactorTls::listen_tls).
///
/// # Threads
///
/// Any thread: it is a value, which is used on the reactor thread.
///
/// # Examples
///
/// ```
/// use ropewalk_net::{TcpServerEndpoint, TlsServerEndpoint, server_from_string};
///
/// let tcp = TcpServerEndpoint::new(([127, 0, 0, 1], 8443));
/// let endpoint = TlsServerEndpoint::new(tcp, "cert.pem", "key.pem");
/// let text = "tls:8443:certificate=cert.pem:key=key.pem:interface=127.0.0.1";
/// assert_eq!(endpoint.to_string(), text);
/// assert_eq!(server_from_string(text)?, endpoint.into());
/// # Ok::<(), ropewalk_net::EndpointParseError>(())
/// ```
///
/// Twisted: `SSL4ServerEndpoint`.
#[doc(alias = "SSL4ServerEndpoint")]
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct TlsServerEndpoint {
    tcp: TcpServerEndpoint,
    certificate: PathBuf,
    key: PathBuf,
    trust: Option<PathBuf>,
}

impl TlsServerEndpoint {
    /// A port, and the files of the certificate and of its key.
    #[must_use]
    pub fn new(
        tcp: TcpServerEndpoint,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        Self { tcp, certificate: certificate.into(), key: key.into(), trust: None }
    }

    /// Lets in only clients with a certificate from one of the roots in this file.
    #[must_use]
    pub fn trust(mut self, roots: impl Into<PathBuf>) -> Self {
        self.trust = Some(roots.into());
        self
    }

    pub(super) const SCHEMA: Schema = Schema {
        places: &["port"],
        fields: &["port", "certificate", "key", "trust", "interface", "backlog", "maxConnections"],
        example: "tls:8443:certificate=cert.pem:key=key.pem",
    };

    pub(super) fn read(fields: &mut Fields) -> Result<Self, Fault> {
        let tcp = TcpServerEndpoint::read(fields)?;
        let certificate = fields.need("certificate")?.into_text();
        let key = fields.take_text("key").unwrap_or_else(|| certificate.clone());
        let trust = fields.take_text("trust").map(Into::into);
        Ok(Self { tcp, certificate: certificate.into(), key: key.into(), trust })
    }

    fn server(&self) -> Result<TlsServer, TlsConfigError> {
        let (certificate, key) = (read_file(&self.certificate)?, read_file(&self.key)?);
        let server = match &self.trust {
            None => TlsServer::from_pem(certificate, key),
            Some(path) => TlsServer::from_pem_with_client_roots(certificate, key, read_file(path)?),
        };
        // Without roots none of them is at fault.
        let roots = self.trust.as_ref().unwrap_or(&self.certificate);
        server.map_err(|error| error.in_files(&self.certificate, &self.key, roots))
    }
}

/// What is in a file of PEM.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, TlsConfigError> {
    std::fs::read(path).map_err(|error| TlsConfigError::unreadable(path, &error))
}

impl ServerEndpoint for TlsServerEndpoint {
    fn listen(
        &self,
        reactor: &Reactor,
        factory: BoxFactory,
    ) -> Result<ListeningPort<Address>, ListenError> {
        let (address, options) = (self.tcp.address(), self.tcp.options());
        let server = self
            .server()
            .map_err(|error| ListenError::new(address.to_string(), ListenErrorKind::Tls(error)))?;
        Ok(reactor.listen_tls_with(address, options, server, factory)?.into())
    }
}

impl fmt::Display for TlsServerEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.tcp.print_place(Text::new("tls"));
        text = text.field("certificate", &self.certificate.to_string_lossy());
        if self.key != self.certificate {
            text = text.field("key", &self.key.to_string_lossy());
        }
        if let Some(trust) = &self.trust {
            text = text.field("trust", &trust.to_string_lossy());
        }
        f.write_str(&self.tcp.print_fields(text).into_string())
    }
}
