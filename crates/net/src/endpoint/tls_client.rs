//! A port of a host and an encrypted connection to it, as an endpoint.

use super::description::Text;
use super::error::Fault;
use super::fields::{Fields, Schema};
use super::tls_server::read_file;
use super::{ClientEndpoint, HostnameEndpoint};
use crate::tls::{ReactorTls as _, TlsClient, TlsConfigError};
use crate::{Protocol, Transport};
use ropewalk_deferred::Deferred;
use ropewalk_reactor::Reactor;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::panic::Location;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// A port of a host to connect to, with TLS from the first byte.
///
/// As a text it is `tls:example.net:443:trust=ca.pem`, and further what a [`HostnameEndpoint`] may
/// have. `trust` is a file, in PEM, with the roots from one of which the server's certificate has to
/// come; it has to be for the host, or for `name=other.example` if that is said. Servers that ask for
/// it are shown the certificate in `certificate=cert.pem`, whose key is in `key=key.pem` or in the same
/// file.
///
/// The files are read, which takes a moment of the reactor thread, with the first connection, and kept
/// by all clones: what is in them later does not matter. A program with a configuration of its own has
/// [`connect_tls`](crate::ReactorTls::connect_tls).
///
/// The time limit is for the name, the connection and the handshake together. Files that cannot be used
/// are a [`TlsConfigError`].
///
/// # Threads
///
/// Any thread: it is a value, which is used on the reactor thread.
///
/// # Examples
///
/// ```
/// use ropewalk_net::{HostnameEndpoint, TlsClientEndpoint, client_from_string};
///
/// let host = HostnameEndpoint::new("127.0.0.1", 443);
/// let endpoint = TlsClientEndpoint::new(host, "ca.pem").name("example.net");
/// let text = "tls:127.0.0.1:443:trust=ca.pem:name=example.net";
/// assert_eq!(endpoint.to_string(), text);
/// assert_eq!(client_from_string(text)?, endpoint.into());
/// # Ok::<(), ropewalk_net::EndpointParseError>(())
/// ```
///
/// Twisted: `SSL4ClientEndpoint`, the `tls` of `clientFromString`.
#[doc(alias = "SSL4ClientEndpoint")]
#[derive(Clone)]
pub struct TlsClientEndpoint {
    host: HostnameEndpoint,
    files: Files,
    name: Option<String>,
    /// What was in the files.
    client: Arc<OnceLock<TlsClient>>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Files {
    trust: PathBuf,
    /// The certificate, and its key.
    own: Option<(PathBuf, PathBuf)>,
}

const EXAMPLE_WITH_CERTIFICATE: &str =
    "tls:example.net:443:trust=ca.pem:certificate=cert.pem:key=key.pem";

impl TlsClientEndpoint {
    /// A port of a host, and the file with the roots that are trusted.
    #[must_use]
    pub fn new(host: HostnameEndpoint, trust: impl Into<PathBuf>) -> Self {
        let files = Files { trust: trust.into(), own: None };
        Self { host, files, name: None, client: Arc::default() }
    }

    /// Shows servers that ask for it the certificate in this file; its key is in the other one.
    #[must_use]
    pub fn certificate(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.files.own = Some((certificate.into(), key.into()));
        self.client = Arc::default();
        self
    }

    /// The name that the server's certificate has to be for. Default: the host.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self.client = Arc::default();
        self
    }

    pub(super) const SCHEMA: Schema = Schema {
        places: &["host", "port"],
        fields: &[
            "host",
            "port",
            "trust",
            "certificate",
            "key",
            "name",
            "timeout",
            "family",
            "bindAddress",
        ],
        example: "tls:example.net:443:trust=ca.pem",
    };

    pub(super) fn read(fields: &mut Fields) -> Result<Self, Fault> {
        let host = HostnameEndpoint::read(fields)?;
        let mut endpoint = Self::new(host, fields.need("trust")?.into_text());
        endpoint.name = fields.take_text("name");
        endpoint.files.own = match fields.take_text("key") {
            Some(key) => {
                let certificate = fields.need_as("certificate", EXAMPLE_WITH_CERTIFICATE)?;
                Some((certificate.into_text().into(), key.into()))
            }
            None => fields.take_text("certificate").map(|both| (both.clone().into(), both.into())),
        };
        Ok(endpoint)
    }

    fn client(&self) -> Result<TlsClient, TlsConfigError> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let roots = read_file(&self.files.trust)?;
        let client = match &self.files.own {
            None => TlsClient::with_roots(roots),
            Some((certificate, key)) => TlsClient::with_roots_and_certificate(
                roots,
                read_file(certificate)?,
                read_file(key)?,
            ),
        };
        let Files { trust, own } = &self.files;
        // Without a certificate it is not at fault.
        let (certificate, key) = own.as_ref().map_or((trust, trust), |(one, other)| (one, other));
        let mut client = client.map_err(|error| error.in_files(certificate, key, trust))?;
        if let Some(name) = &self.name {
            client = client.for_server(name);
        }
        Ok(self.client.get_or_init(|| client).clone())
    }
}

impl ClientEndpoint for TlsClientEndpoint {
    fn connect(&self, reactor: &Reactor, protocol: Box<dyn Protocol>) -> Deferred<Transport> {
        self.connect_at(reactor, protocol, Location::caller())
    }

    fn connect_at(
        &self,
        reactor: &Reactor,
        protocol: Box<dyn Protocol>,
        location: &'static Location<'static>,
    ) -> Deferred<Transport> {
        let (host, port) = (self.host.host(), self.host.port());
        match self.client() {
            Ok(client) => reactor.connect_tls_with(
                host,
                port,
                self.host.options().on_behalf_of(location),
                client,
                protocol,
            ),
            Err(error) => Deferred::fail(error),
        }
    }
}

impl fmt::Display for TlsClientEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.host.print_places(Text::new("tls"));
        text = text.field("trust", &self.files.trust.to_string_lossy());
        if let Some((certificate, key)) = &self.files.own {
            text = text.field("certificate", &certificate.to_string_lossy());
            if key != certificate {
                text = text.field("key", &key.to_string_lossy());
            }
        }
        if let Some(name) = &self.name {
            text = text.field("name", name);
        }
        f.write_str(&self.host.print_fields(text).into_string())
    }
}

impl fmt::Debug for TlsClientEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClientEndpoint")
            .field("host", &self.host)
            .field("files", &self.files)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// By where it leads; whether the files were read makes no difference.
impl PartialEq for TlsClientEndpoint {
    fn eq(&self, other: &Self) -> bool {
        (&self.host, &self.files, &self.name) == (&other.host, &other.files, &other.name)
    }
}

impl Eq for TlsClientEndpoint {}

impl Hash for TlsClientEndpoint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.host, &self.files, &self.name).hash(state);
    }
}
