//! Whoever connects to a port: accepted, given a protocol, and made a connection.

use super::Listener;
use crate::connection::Connection;
use crate::events::tell;
use crate::listening::accepting::accept;
use crate::listening::places::{Place, Places};
use crate::parting::report;
use crate::socket::{Owner, SocketCarrier};
use crate::{Address, Protocol};
use ropewalk_reactor::{Interest, Reactor};
use socket2::{SockAddr, Socket};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

/// The most connections that are accepted in one turn (I7), if there is time for them.
const ACCEPTS: usize = 64;

impl Listener {
    pub(super) fn accept(self: &Rc<Self>, reactor: &Reactor, socket: &Socket) {
        let (mut panic, mut pace) = (None, reactor.pace());
        for served in 0..ACCEPTS {
            if pace.is_over(served) {
                // Those who still wait make the port ready again.
                break;
            }
            let Some(place) = Places::take(self) else {
                // Who has asked for one asks for another most likely, and had to watch again.
                if served == 0 || self.places.are_full() {
                    self.watch();
                }
                break;
            };
            match accept(socket) {
                Ok((stream, peer)) => {
                    if self.rests.end(&self.address) {
                        self.keep_spare();
                    }
                    let welcome = || self.welcome(reactor, stream, &peer, place);
                    match catch_unwind(AssertUnwindSafe(welcome)) {
                        Err(another) if panic.is_some() => {
                            report(another, self.location, "another factory or protocol panicked");
                        }
                        // The first one goes to the reactor when the others have been served.
                        Err(first) => panic = Some(first),
                        Ok(()) => {}
                    }
                }
                Err(error) => {
                    if !self.refused(reactor, socket, &error) {
                        break;
                    }
                }
            }
            if !self.is_open() {
                break;
            }
        }
        if let Some(payload) = panic {
            resume_unwind(payload);
        }
    }

    fn welcome(self: &Rc<Self>, reactor: &Reactor, stream: Socket, peer: &SockAddr, place: Place) {
        let peer = match Address::from_system(peer) {
            Ok(peer) => peer,
            Err(error) => return dropped("an unknown peer", &error),
        };
        let Some(mut factory) = self.factory.take() else { return };
        let built = catch_unwind(AssertUnwindSafe(|| factory.build(reactor, peer.clone())));
        self.factory.set(Some(factory));
        let protocol = match built {
            Ok(Some(protocol)) => protocol,
            Ok(None) => {
                return tell(|| tracing::debug!(%peer, "the factory declined a connection"));
            }
            Err(payload) => resume_unwind(payload),
        };
        match self.begin(reactor, stream, peer.clone(), protocol) {
            Ok(connection) => {
                // Not before: whoever has asked for one waits on if this one is dropped.
                self.places.one_has_come();
                if let Some(place) = place.if_counted() {
                    connection.occupy(place);
                }
                connection.start();
            }
            Err(error) => dropped(peer, &error),
        }
    }

    fn begin(
        &self,
        reactor: &Reactor,
        stream: Socket,
        peer: Address,
        protocol: Box<dyn Protocol>,
    ) -> io::Result<Rc<Connection>> {
        let Some(network) = self.network.upgrade() else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let host = if self.is_wildcard {
            Address::from_system(&stream.local_addr()?)?
        } else {
            // The same, and a system call less.
            self.address.clone()
        };
        let carrier = SocketCarrier::new(reactor, &network);
        let connection = Connection::on_socket(carrier, (host, peer), self.location);
        let owner = Owner::new(Rc::clone(&connection));
        let registration = reactor
            .register_at(stream, Interest::READABLE, self.location, move |_, _, readiness| {
                owner.ready(readiness);
            })
            .map_err(|refused| refused.into_parts().1)?;
        SocketCarrier::attach(&connection, registration, protocol);
        Ok(connection)
    }
}

fn dropped(peer: impl std::fmt::Display, error: &io::Error) {
    tell(|| tracing::warn!(%peer, %error, "an accepted connection was dropped"));
}

#[cfg(all(test, target_os = "linux"))]
#[expect(clippy::unwrap_used, reason = "the lint's exception for tests leaves out their helpers")]
mod tests {
    use super::Places;
    use crate::tcp::listen;
    use crate::{ConnectionLost, ListenOptions, ListeningPort, Protocol, Transport};
    use ropewalk_reactor::Reactor;
    use ropewalk_testing::{EventLog, capture_tracing};
    use socket2::{Domain, SockAddr, Socket, Type};
    use std::fs::File;
    use std::net::{Ipv4Addr, SocketAddr};
    use std::os::fd::OwnedFd;
    use std::panic::Location;

    struct Logging(EventLog);

    impl Protocol for Logging {
        fn connection_made(&mut self, _: &Transport) {
            self.0.add("made");
        }

        fn data_received(&mut self, _: &Transport, _: &[u8]) {}

        fn connection_lost(&mut self, _: &Transport, _: &ConnectionLost) {
            self.0.add("lost");
        }
    }

    impl Drop for Logging {
        fn drop(&mut self) {
            self.0.add("dropped");
        }
    }

    fn port(reactor: &Reactor, log: &EventLog) -> ListeningPort {
        let log = log.clone();
        let factory = move |_| Logging(log.clone());
        let options = ListenOptions::new();
        let port = listen(reactor, "127.0.0.1:0", &options, factory, Location::caller()).unwrap();
        port.accept_only(1);
        port
    }

    /// As if the system had accepted this; whether the port still has a place for another one.
    fn welcome(reactor: &Reactor, port: &ListeningPort, socket: Socket, peer: &SockAddr) -> bool {
        let place = Places::take(&port.listener).unwrap();
        port.listener.welcome(reactor, socket, peer, place);
        port.listener.places().has_one()
    }

    fn socket() -> Socket {
        Socket::new(Domain::IPV4, Type::STREAM, None).unwrap()
    }

    fn known() -> SockAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, 7)).into()
    }

    /// What the system would not let happen in a test is told by hand: a connection that is accepted and
    /// cannot be used. Who has asked for one is still to get one.
    #[test]
    fn a_connection_that_is_dropped_is_none_that_was_asked_for() {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let port = port(&reactor, &log);
        let of_no_known_family = SockAddr::vsock(2, 7);
        assert!(welcome(&reactor, &port, socket(), &of_no_known_family));
        assert_eq!(reactor.stats().sources, 1);
        assert!(!welcome(&reactor, &port, socket(), &known()), "that was the one");
        assert_eq!(reactor.stats().sources, 2);
        assert_eq!(log.take(), ["made"]);
    }

    /// A file is nothing that the system watches: it stands for a socket that it has no room for.
    #[test]
    fn i2_a_connection_that_cannot_be_watched_is_none() {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let port = port(&reactor, &log);
        let file = Socket::from(OwnedFd::from(File::open("/proc/self/exe").unwrap()));
        let events = capture_tracing(|| assert!(welcome(&reactor, &port, file, &known())));
        assert_eq!(log.take(), ["dropped"], "it was not made, and so it is not lost");
        let warning = events.iter().find(|event| event.message.ends_with("was dropped"));
        let error = warning.unwrap().field("error").unwrap().to_owned();
        assert!(error.contains("os error 1"), "{error}");
    }
}
