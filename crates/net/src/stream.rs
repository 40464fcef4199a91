//! Streams: connections that tasks read and write, with the traits that the ecosystem shares.

mod accept;
mod end;
mod lost;
mod tcp;
mod tcp_listener;
#[cfg(feature = "tls")]
mod tls;
#[cfg(unix)]
mod unix;
#[cfg(unix)]
mod unix_listener;

pub use accept::Incoming;
pub use tcp::TcpStream;
pub use tcp_listener::TcpListener;
#[cfg(feature = "tls")]
pub use tls::TlsStream;
#[cfg(unix)]
pub use unix::UnixStream;
#[cfg(unix)]
pub use unix_listener::UnixListener;
