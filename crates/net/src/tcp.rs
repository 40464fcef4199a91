//! TCP: sockets that listen, connect and carry connections.

mod connection;
mod connector;
mod listener;

pub use connector::ConnectOptions;
pub(crate) use connector::connect;
pub use listener::{ListenAddress, ListeningPort};
pub(crate) use listener::{Listener, listen};
