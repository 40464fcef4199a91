//! TLS on any connection, with rustls.

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
pub use counts::HandshakeCounts;
pub(crate) use error::has_told_why;
pub use error::{TlsConfigError, TlsError, TlsErrorKind};
pub use info::TlsInfo;
pub use reactor_tls::ReactorTls;
pub use rustls;
pub use server::TlsServer;
pub(crate) use session::Handshake;
pub use wrap::{TlsWrapped, wrap_client_tls};

use std::time::Duration;

/// How long a handshake may take if nobody says otherwise.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
