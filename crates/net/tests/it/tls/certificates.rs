//! Certificates for tests, made when they are needed.

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, KeyPair, date_time_ymd};
use ropewalk_net::tls::rustls::ServerConfig;
use ropewalk_net::tls::rustls::crypto::ring;
use ropewalk_net::tls::rustls::server::ResolvesServerCert;
use ropewalk_net::tls::{TlsClient, TlsServer};
use std::sync::{Arc, LazyLock};

/// Somebody who signs certificates.
pub(crate) struct Authority {
    certificate: Certificate,
    key: KeyPair,
}

/// A certificate and its key, in PEM.
pub(crate) struct Signed {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        Self { certificate: params.self_signed(&key).unwrap(), key }
    }

    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    pub(crate) fn sign(&self, names: &[&str]) -> Signed {
        self.sign_with(names, |_| ())
    }

    pub(crate) fn sign_with(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Signed {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.certificate, &self.key).unwrap();
        Signed { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

impl Signed {
    pub(crate) fn server(&self) -> TlsServer {
        TlsServer::from_pem(&self.certificate, &self.key).unwrap()
    }
}

/// Whom the tests trust.
pub(crate) static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| Authority::new("the tests"));

/// Whom nobody trusts.
pub(crate) static STRANGER: LazyLock<Authority> = LazyLock::new(|| Authority::new("a stranger"));

/// The certificate of this machine.
static LOCALHOST: LazyLock<Signed> =
    LazyLock::new(|| AUTHORITY.sign(&["localhost", "127.0.0.1", "::1"]));

pub(crate) fn server() -> TlsServer {
    LOCALHOST.server()
}

pub(crate) fn server_pem() -> (&'static str, &'static str) {
    (&LOCALHOST.certificate, &LOCALHOST.key)
}

/// A client that trusts the authority of the tests, and asks for `localhost` at any address.
pub(crate) fn client() -> TlsClient {
    TlsClient::with_roots(AUTHORITY.pem()).unwrap().for_server("localhost")
}

pub(crate) fn expired() -> Signed {
    AUTHORITY.sign_with(&["localhost"], |params| {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    })
}

/// A server whose certificates are chosen by the test.
pub(crate) fn server_that_asks(resolver: impl ResolvesServerCert + 'static) -> TlsServer {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap();
    config.with_no_client_auth().with_cert_resolver(Arc::new(resolver)).into()
}
