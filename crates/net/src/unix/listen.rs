//! Ports that are Unix sockets.

use super::UnixListenOptions;
use crate::error::{CannotListen, ListenError, ListenErrorKind};
use crate::listening::{Listener, ListeningPort, Opened, is_open};
use crate::{Factory, UnixAddress};
use ropewalk_reactor::Reactor;
use std::os::unix::net::UnixListener;
use std::panic::Location;

pub(super) fn listen<F: Factory<UnixAddress>>(
    reactor: &Reactor,
    address: &UnixAddress,
    options: &UnixListenOptions,
    factory: F,
    location: &'static Location<'static>,
) -> Result<ListeningPort<UnixAddress>, CannotListen<F>> {
    let refused = |kind: ListenErrorKind, factory| {
        let error = ListenError::of_path(address.to_string(), kind);
        Err(CannotListen { error, unused: factory })
    };
    match is_open(reactor).and_then(|()| options.open(address).map_err(Into::into)) {
        Ok(opened) => Listener::start(reactor, opened, options.most(), location, factory).or_else(
            |(kind, opened, factory)| {
                opened.close();
                refused(kind, factory)
            },
        ),
        Err(kind) => refused(kind, factory),
    }
}

/// As [`listen`], on a socket that somebody else has opened, and gets back if it is of no use. Its file
/// is theirs, too.
pub(super) fn adopt<F: Factory<UnixAddress>>(
    reactor: &Reactor,
    socket: UnixListener,
    factory: F,
    location: &'static Location<'static>,
) -> Result<ListeningPort<UnixAddress>, CannotListen<(UnixListener, F)>> {
    let opened = Opened::new(socket.into());
    let started = match is_open(reactor) {
        Ok(()) => Listener::start(reactor, opened, None, location, factory),
        Err(kind) => Err((kind, opened, factory)),
    };
    started.map_err(|(kind, opened, factory)| {
        let socket = UnixListener::from(opened.socket);
        let address = socket.local_addr().map(|address| UnixAddress::from(&address).to_string());
        let address = address.unwrap_or_else(|error| error.to_string());
        let error = ListenError::of_path(address, kind);
        CannotListen { error, unused: (socket, factory) }
    })
}
