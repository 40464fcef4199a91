//! Unix sockets: connections that stay on this machine, and are found in its file system.

mod listen;
mod options;
mod place;
mod reactor_unix;

pub use options::UnixListenOptions;
pub use reactor_unix::ReactorUnix;
