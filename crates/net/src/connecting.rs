//! Connecting, to a name or to a Unix socket.

mod attempt;
mod opening;
mod options;
mod race;
mod target;

pub(crate) use attempt::connect;
pub use options::ConnectOptions;
pub(crate) use target::Target;

use crate::socket::Owner;
