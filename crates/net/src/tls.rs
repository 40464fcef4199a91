//! TLS on any connection, with rustls.
//!
//! - From the first byte: [`listen_tls`](ReactorTls::listen_tls) and
//!   [`connect_tls`](ReactorTls::connect_tls), or an endpoint. The protocol hears of a connection when
//!   its handshake is complete.
//! - Later: [`start_tls_server`](crate::Transport::start_tls_server) and
//!   [`start_tls_client`](crate::Transport::start_tls_client) on a connection that began in plain.
//!
//! The rest is as on any connection. [`Transport::tls`](crate::Transport::tls) tells what the two sides
//! have agreed on. An end that the peer has not announced is
//! [`ConnectionLost::Lost`](crate::ConnectionLost::Lost), of the kind
//! [`UnexpectedEof`](std::io::ErrorKind::UnexpectedEof): whoever can cut a connection cannot make a part
//! look like the whole.
//!
//! What waits to be sent is bounded in a session, and waits in the connection beyond that, as ever. An
//! idle session has about 10 KiB; most of it belongs to rustls.
//!
//! [`TlsServer`] and [`TlsClient`] are how the two sides go about it. They are made of PEM texts, or of
//! the configurations of [`rustls`] itself, which is here for that purpose. Theirs have *ring* for their
//! cryptography, and need no provider that is installed for the process.
//!
//! # Examples
//!
//! ```
//! use ropewalk_net::tls::{TlsClient, TlsServer};
//! use ropewalk_net::{Protocol, ReactorTls as _, Transport};
//! use ropewalk_reactor::Reactor;
//!
//! struct Greeter;
//!
//! impl Protocol for Greeter {
//!     fn connection_made(&mut self, transport: &Transport) {
//!         transport.write(b"hello\n");
//!         transport.lose_connection();
//!     }
//!     fn data_received(&mut self, _: &Transport, _: &[u8]) {}
//! }
//!
//! struct Listener;
//!
//! impl Protocol for Listener {
//!     fn data_received(&mut self, transport: &Transport, data: &[u8]) {
//!         assert!(transport.tls().is_some() && data == b"hello\n");
//!         Reactor::with_current(Reactor::stop);
//!     }
//! }
//!
//! # let names = vec!["localhost".to_owned()];
//! # let made = rcgen::generate_simple_self_signed(names).unwrap();
//! # let (certificate, key) = (made.cert.pem(), made.key_pair.serialize_pem());
//! let server = TlsServer::from_pem(&certificate, &key)?;
//! let client = TlsClient::with_roots(&certificate)?.for_server("localhost");
//!
//! let reactor = Reactor::new()?;
//! let port = reactor.listen_tls("127.0.0.1:0", &server, |_peer| Greeter)?;
//! reactor.connect_tls("127.0.0.1", port.address().port(), &client, Listener).detach();
//! reactor.run()?;
//! assert_eq!(server.handshakes().completed, 1);
//! # Ok::<(), ropewalk_deferred::Failure>(())
//! ```

mod building;
mod client;
mod connect;
mod counts;
mod error;
mod info;
mod listen;
mod pem;
mod reactor_tls;
mod server;
mod session;
mod transport;
mod wrap;

pub use client::TlsClient;
pub(crate) use counts::Counts;
pub use counts::HandshakeCounts;
pub(crate) use error::has_told_why;
pub use error::{TlsConfigError, TlsError, TlsErrorKind};
pub use info::TlsInfo;
pub use reactor_tls::ReactorTls;
pub use rustls;
pub use server::TlsServer;
pub(crate) use session::Handshake;
pub use wrap::{TlsWrapped, TlsWrappedServer, wrap_client_tls, wrap_server_tls};

use std::time::Duration;

/// How long a handshake may take if nobody says otherwise.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
