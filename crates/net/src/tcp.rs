//! TCP: sockets that listen, connect and carry connections.

mod connection;
mod connector;
mod listen_address;
mod listen_options;
mod listener;
mod listening_port;
mod rests;

pub use connector::ConnectOptions;
pub(crate) use connector::connect;
pub use listen_address::ListenAddress;
pub use listen_options::ListenOptions;
pub(crate) use listener::{Listener, adopt, listen};
pub use listening_port::ListeningPort;
