//! TCP: sockets that listen, connect and carry connections.

mod listen;
mod listen_address;
mod listen_options;

pub(crate) use listen::{adopt, listen};
pub use listen_address::ListenAddress;
pub use listen_options::ListenOptions;

use crate::connecting::{self, ConnectOptions, Target};
use crate::{Protocol, Transport};
use ropewalk_deferred::Deferred;
use ropewalk_reactor::Reactor;

#[track_caller]
pub(crate) fn connect(
    reactor: &Reactor,
    (host, port): (&str, u16),
    options: ConnectOptions,
    protocol: Box<dyn Protocol>,
) -> Deferred<Transport> {
    let target = Target::Host { host: host.to_owned(), port };
    connecting::connect(reactor, target, options, protocol)
}
