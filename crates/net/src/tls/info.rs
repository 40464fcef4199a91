//! What a transport knows of its TLS session.

use super::rustls::{CipherSuite, CommonState, HandshakeKind, ProtocolVersion};
use rustls_pki_types::CertificateDer;
use std::fmt;
use std::sync::Arc;

/// What the two sides of an encrypted connection have agreed on.
///
/// Given by [`Transport::tls`](crate::Transport::tls). Clones share what they know: it costs next to nothing
/// to ask for one with each line.
///
/// # Threads
///
/// Any thread.
///
/// Twisted: `ITLSTransport.getPeerCertificate`, `negotiatedProtocol`.
#[doc(alias = "getPeerCertificate")]
#[doc(alias = "negotiatedProtocol")]
#[derive(Clone)]
pub struct TlsInfo(Arc<Agreed>);

#[derive(Debug)]
struct Agreed {
    peer_certificates: Vec<CertificateDer<'static>>,
    alpn: Option<Vec<u8>>,
    version: ProtocolVersion,
    cipher_suite: CipherSuite,
    server_name: Option<String>,
    resumed: bool,
}

impl TlsInfo {
    /// Nothing before the end of the handshake.
    pub(super) fn new(state: &CommonState, server_name: Option<String>) -> Option<Self> {
        Some(Self(Arc::new(Agreed {
            peer_certificates: state.peer_certificates().unwrap_or_default().to_vec(),
            alpn: state.alpn_protocol().map(<[u8]>::to_vec),
            version: state.protocol_version()?,
            cipher_suite: state.negotiated_cipher_suite()?.suite(),
            server_name,
            resumed: state.handshake_kind() == Some(HandshakeKind::Resumed),
        })))
    }

    /// The certificates of the peer, its own first; none of a client that was not asked for one.
    #[must_use]
    pub fn peer_certificates(&self) -> &[CertificateDer<'static>] {
        &self.0.peer_certificates
    }

    /// The application protocol that was agreed on, such as `h2`.
    #[must_use]
    pub fn alpn(&self) -> Option<&[u8]> {
        self.0.alpn.as_deref()
    }

    /// The version of TLS.
    #[must_use]
    pub fn version(&self) -> ProtocolVersion {
        self.0.version
    }

    /// How it is encrypted.
    #[must_use]
    pub fn cipher_suite(&self) -> CipherSuite {
        self.0.cipher_suite
    }

    /// The name of the server that the client has asked for; an address is not told to a server.
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        self.0.server_name.as_deref()
    }

    /// Whether the two sides knew each other from a session before.
    #[must_use]
    pub fn is_resumed(&self) -> bool {
        self.0.resumed
    }
}

impl fmt::Debug for TlsInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Agreed { peer_certificates, alpn, version, cipher_suite, server_name, resumed } =
            &*self.0;
        f.debug_struct("TlsInfo")
            .field("peer_certificates", peer_certificates)
            .field("alpn", alpn)
            .field("version", version)
            .field("cipher_suite", cipher_suite)
            .field("server_name", server_name)
            .field("is_resumed", resumed)
            .finish()
    }
}
