//! What becomes of a port when a connection cannot be accepted.
//!
//! That is the connection's own fault, and the next one has its turn; or it is for want of descriptors
//! most likely, and then the port rests.

use super::Listener;
use crate::events::tell;
use crate::listening::rests::Rests;
use crate::listening::spare;
use ropewalk_reactor::Reactor;
use socket2::Socket;
use std::io;
use std::rc::Rc;

/// Further errors of a connection that broke before it was accepted, and that of a firewall which
/// forbids it: some systems hand them on.
#[cfg(unix)]
const OF_ONE: &[i32] = &[
    libc::EPERM,
    libc::EPROTO,
    libc::ENOPROTOOPT,
    libc::EOPNOTSUPP,
    #[cfg(any(target_os = "android", target_os = "linux"))]
    libc::ENONET,
    libc::EHOSTDOWN,
];
#[cfg(not(unix))]
const OF_ONE: &[i32] = &[];

/// Whom an error of `accept` is about.
enum Refused {
    /// Nobody waits any more. Where several reactors share a socket each of them is woken, and one is
    /// first.
    Nobody,
    /// The one that was next, and does not wait any more.
    One,
    /// All that wait, and go on doing so.
    All,
}

impl Refused {
    fn by(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Self::Nobody,
            io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::TimedOut => Self::One,
            _ if error.raw_os_error().is_some_and(|number| OF_ONE.contains(&number)) => Self::One,
            _ => Self::All,
        }
    }
}

impl Listener {
    /// Whether another one may be accepted at once.
    pub(super) fn refused(
        self: &Rc<Self>,
        reactor: &Reactor,
        socket: &Socket,
        error: &io::Error,
    ) -> bool {
        match Refused::by(error) {
            Refused::Nobody => false,
            Refused::One if self.rests.go_on_without_one() => {
                let address = &self.address;
                tell(|| {
                    tracing::debug!(%address, %error, "a connection broke before it was accepted");
                });
                true
            }
            Refused::One | Refused::All => {
                self.rest(reactor, socket, error);
                false
            }
        }
    }

    /// Another thread may have been faster when the last one was given up.
    #[cold]
    pub(super) fn keep_spare(&self) {
        self.network.upgrade().inspect(|network| spare::keep(network));
    }

    /// Most likely no descriptors are left. The connection stays in the backlog, so trying again at once
    /// would keep the loop busy with nothing.
    fn rest(self: &Rc<Self>, reactor: &Reactor, socket: &Socket, error: &io::Error) {
        let again = self.rests.begin(&self.address, error, reactor.now());
        if let (true, Some(network)) = (again, self.network.upgrade()) {
            let told = spare::turn_away(&network, socket, error);
            self.rests.turned_away(told);
        }
        self.resting.set(true);
        self.watch();
        let weak = Rc::downgrade(self);
        reactor.call_later(Rests::LENGTH, move |_| {
            let Some(listener) = weak.upgrade() else { return };
            listener.resting.set(false);
            listener.watch();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::Rests;
    use crate::tcp::listen;
    use crate::{ListenOptions, ListeningPort, Protocol, Transport};
    use ropewalk_reactor::{ManualClock, Reactor};
    use socket2::{Domain, Socket, Type};
    use std::io;
    use std::net::TcpStream;
    use std::panic::Location;
    use std::time::Duration;

    struct Quiet;

    impl Protocol for Quiet {
        fn data_received(&mut self, _: &Transport, _: &[u8]) {}
    }

    fn port(reactor: &Reactor) -> ListeningPort {
        let options = ListenOptions::new();
        listen(reactor, "127.0.0.1:0", &options, |_| Quiet, Location::caller()).unwrap()
    }

    /// As if the system had said so; whether the port goes on at once.
    fn refuse(reactor: &Reactor, port: &ListeningPort, error: &io::Error) -> bool {
        let unused = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        port.listener.refused(reactor, &unused, error)
    }

    /// What the system would say is a stand-in here; a process of its own shows the real thing.
    #[test]
    fn a_port_rests_when_the_system_has_no_room_and_then_goes_on() {
        let clock = ManualClock::new();
        let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
        let port = port(&reactor);
        assert!(!refuse(&reactor, &port, &io::Error::other("too many open files")));
        let _peer = TcpStream::connect(port.address()).unwrap();
        let turn = || reactor.turn(Some(Duration::ZERO)).unwrap();
        let events = reactor.stats().events;
        (0..5).for_each(|_| turn());
        assert_eq!(reactor.stats().events, events, "the loop is not kept busy");
        assert_eq!(reactor.stats().sources, 1);
        clock.advance(Rests::LENGTH);
        (0..5).for_each(|_| turn());
        assert_eq!(reactor.stats().sources, 2);
    }

    /// Linux tells who accepts what has gone wrong with one connection.
    #[test]
    fn a_connection_that_broke_while_it_waited_does_not_make_others_wait() {
        let reactor = Reactor::new().unwrap();
        let port = port(&reactor);
        for kind in [io::ErrorKind::HostUnreachable, io::ErrorKind::NetworkDown] {
            assert!(refuse(&reactor, &port, &kind.into()));
        }
        #[cfg(unix)]
        for number in [libc::EPROTO, libc::ENETDOWN, libc::EHOSTUNREACH, libc::EPERM] {
            assert!(refuse(&reactor, &port, &io::Error::from_raw_os_error(number)));
        }
        assert!(!port.listener.resting.get());
        assert_eq!(reactor.stats().pending_timers, 0);
    }

    /// A system whose policy forbids to accept says so each time, and the loop would have no end.
    #[cfg(unix)]
    #[test]
    fn a_port_that_only_has_connections_that_break_rests_after_all() {
        let reactor = Reactor::new().unwrap();
        let port = port(&reactor);
        let forbidden = io::Error::from_raw_os_error(libc::EPERM);
        let tries = (0..1_000).take_while(|_| refuse(&reactor, &port, &forbidden)).count();
        assert!((10..1_000).contains(&tries), "{tries}");
        assert!(port.listener.resting.get());
    }
}
