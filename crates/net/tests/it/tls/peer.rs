//! Peers that are not ours: rustls on a socket that blocks, in a thread.

use super::certificates::client;
use ropewalk_net::tls::rustls::pki_types::ServerName;
use ropewalk_net::tls::rustls::{
    self, ClientConfig, ClientConnection, StreamOwned, SupportedProtocolVersion,
};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

pub(crate) type Peer = StreamOwned<ClientConnection, TcpStream>;

/// A client whose handshake happens with what is read and written.
pub(crate) fn connect(address: SocketAddr) -> Peer {
    connect_as(address, client().config())
}

pub(crate) fn connect_as(address: SocketAddr, config: &Arc<ClientConfig>) -> Peer {
    begin(TcpStream::connect(address).unwrap(), config)
}

/// The same on a connection that is there.
pub(crate) fn over(socket: TcpStream) -> Peer {
    begin(socket, client().config())
}

fn begin(socket: TcpStream, config: &Arc<ClientConfig>) -> Peer {
    let name = ServerName::try_from("localhost").unwrap();
    let tls = ClientConnection::new(Arc::clone(config), name).unwrap();
    StreamOwned::new(tls, socket)
}

/// A client that knows just one version.
pub(crate) fn config_for(version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    let pem = super::certificates::AUTHORITY.pem();
    let authority = rustls::pki_types::pem::PemObject::from_pem_slice(pem.as_bytes()).unwrap();
    roots.add(authority).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}
