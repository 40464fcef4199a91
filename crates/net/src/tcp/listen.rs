//! Ports for TCP.

use super::{ListenAddress, ListenOptions};
use crate::Factory;
use crate::error::{CannotListen, ListenError, ListenErrorKind};
use crate::listening::{Listener, ListeningPort, Opened, is_open};
use ropewalk_reactor::Reactor;
use std::net::TcpListener;
use std::panic::Location;

pub(crate) fn listen<F: Factory>(
    reactor: &Reactor,
    address: impl ListenAddress,
    options: &ListenOptions,
    factory: F,
    location: &'static Location<'static>,
) -> Result<ListeningPort, CannotListen<F>> {
    let refused = |address, kind, factory| {
        Err(CannotListen { error: ListenError::new(address, kind), unused: factory })
    };
    let address = match address.into_socket_addr() {
        Ok(address) => address,
        Err(text) => return refused(text, ListenErrorKind::Address, factory),
    };
    let opened = is_open(reactor).and_then(|()| options.open(address).map_err(Into::into));
    match opened {
        Ok(socket) => {
            Listener::start(reactor, Opened::new(socket), options.most(), location, factory)
                .or_else(|(kind, _, factory)| refused(address.to_string(), kind, factory))
        }
        Err(kind) => refused(address.to_string(), kind, factory),
    }
}

/// As [`listen`], on a socket that somebody else has opened, and gets back if it is of no use.
pub(crate) fn adopt<F: Factory>(
    reactor: &Reactor,
    socket: TcpListener,
    factory: F,
    location: &'static Location<'static>,
) -> Result<ListeningPort, CannotListen<(TcpListener, F)>> {
    let opened = Opened::new(socket.into());
    let started = match is_open(reactor) {
        Ok(()) => Listener::start(reactor, opened, None, location, factory),
        Err(kind) => Err((kind, opened, factory)),
    };
    started.map_err(|(kind, opened, factory)| {
        let socket = TcpListener::from(opened.socket);
        let address = socket.local_addr().map_or_else(|error| error.to_string(), |a| a.to_string());
        CannotListen { error: ListenError::new(address, kind), unused: (socket, factory) }
    })
}
