//! Sockets that carry connections, of whatever family.

mod carrier;
mod owner;
mod wire;

pub(crate) use carrier::SocketCarrier;
pub(crate) use owner::Owner;
