//! What a transport knows of its TLS session.

use super::rustls::{CipherSuite, CommonState, HandshakeKind, ProtocolVersion};
use rustls_pki_types::CertificateDer;

/// What the two sides of an encrypted connection have agreed on.
///
/// Given by [`Transport::tls`](crate::Transport::tls).
///
/// Twisted: `ITLSTransport.getPeerCertificate`, `negotiatedProtocol`.
#[doc(alias = "getPeerCertificate")]
#[doc(alias = "negotiatedProtocol")]
#[derive(Clone, Debug)]
pub struct TlsInfo {
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
        Some(Self {
            peer_certificates: state.peer_certificates().unwrap_or_default().to_vec(),
            alpn: state.alpn_protocol().map(<[u8]>::to_vec),
            version: state.protocol_version()?,
            cipher_suite: state.negotiated_cipher_suite()?.suite(),
            server_name,
            resumed: state.handshake_kind() == Some(HandshakeKind::Resumed),
        })
    }

    /// The certificates of the peer, its own first; none of a client that was not asked for one.
    #[must_use]
    pub fn peer_certificates(&self) -> &[CertificateDer<'static>] {
        &self.peer_certificates
    }

    /// The application protocol that was agreed on, such as `h2`.
    #[must_use]
    pub fn alpn(&self) -> Option<&[u8]> {
        self.alpn.as_deref()
    }

    /// The version of TLS.
    #[must_use]
    pub fn version(&self) -> ProtocolVersion {
        self.version
    }

    /// How it is encrypted.
    #[must_use]
    pub fn cipher_suite(&self) -> CipherSuite {
        self.cipher_suite
    }

    /// The name of the server that the client has asked for; an address is not told to a server.
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// Whether the two sides knew each other from a session before.
    #[must_use]
    pub fn is_resumed(&self) -> bool {
        self.resumed
    }
}
