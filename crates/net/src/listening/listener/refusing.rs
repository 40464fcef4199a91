//! A port whose connections the system cannot accept, for want of descriptors most likely: it rests.

use super::Listener;
use crate::listening::rests::Rests;
use crate::listening::spare;
use ropewalk_reactor::Reactor;
use socket2::Socket;
use std::io;
use std::rc::Rc;

impl Listener {
    pub(super) fn refused(self: &Rc<Self>, reactor: &Reactor, socket: &Socket, error: &io::Error) {
        match error.kind() {
            // Nobody waits any more. Where several reactors share a socket each of them is woken,
            // and one is first.
            io::ErrorKind::WouldBlock
            | io::ErrorKind::Interrupted
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset => {}
            // What has befallen this connection while it waited; those behind it may be well.
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::TimedOut => {}
            _ => {
                // Most likely no descriptors are left. The connection stays in the backlog, so
                // trying again at once would keep the loop busy with nothing.
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

    fn refuse(reactor: &Reactor, port: &ListeningPort, error: &io::Error) {
        let unused = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        port.listener.refused(reactor, &unused, error);
    }

    /// What the system would say is a stand-in here; a process of its own shows the real thing.
    #[test]
    fn a_port_rests_when_the_system_has_no_room_and_then_goes_on() {
        let clock = ManualClock::new();
        let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
        let port = port(&reactor);
        refuse(&reactor, &port, &io::Error::other("too many open files"));
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
            refuse(&reactor, &port, &kind.into());
        }
        assert!(!port.listener.resting.get());
        assert_eq!(reactor.stats().pending_timers, 0);
    }
}
