//! TCP: sockets that listen, connect and carry connections.

mod connection;
mod connector;
mod listen_address;
mod listener;

pub use connector::ConnectOptions;
pub(crate) use connector::connect;
pub use listen_address::ListenAddress;
pub use listener::ListeningPort;
pub(crate) use listener::{Listener, listen};
