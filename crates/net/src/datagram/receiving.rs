//! What the loop calls of a UDP port: never from inside of its protocol.

use super::sending::{is_full, was_refused};
use super::socket::Socket;
use crate::{StopReason, events};
use ropewalk_deferred::Promise;
use ropewalk_reactor::{Interest, Pace, Reactor, Readiness};
use std::io;
use std::net::UdpSocket;
use std::rc::Rc;
use std::sync::Arc;

/// The most datagrams that are received in one turn (I7), if there is time for them.
const DATAGRAMS: usize = 64;

/// After so many errors with nothing between them it is the socket that is broken.
const FAULTS: u32 = 64;

impl Socket {
    pub(super) fn ready(
        self: &Rc<Self>,
        reactor: &Reactor,
        socket: &UdpSocket,
        readiness: Readiness,
    ) {
        if readiness.writable {
            self.has_room();
        }
        if readiness.readable {
            let Some(network) = self.network.upgrade() else { return };
            network.with_buffer(|buffer| self.receive(socket, buffer, reactor.pace()));
        }
    }

    fn has_room(self: &Rc<Self>) {
        let waiting = self.writable.take();
        if !waiting.is_empty() {
            self.watch();
        }
        for promise in waiting {
            promise.settle(Ok(()));
        }
    }

    fn receive(self: &Rc<Self>, socket: &UdpSocket, buffer: &mut [u8], mut pace: Pace) {
        for served in 0..DATAGRAMS {
            // What is left makes the socket ready again.
            if pace.is_over(served) || self.paused.get() || !self.is_open() {
                return;
            }
            let received = socket.recv_from(buffer);
            let faults = self.faults.take();
            match received {
                // A socket that was connected may still have what came from others before.
                Ok((_, peer)) if self.peer.get().is_some_and(|ours| ours != peer) => {}
                Ok((count, peer)) => self.tell(|protocol, transport| {
                    protocol.datagram_received(transport, &buffer[..count], peer);
                }),
                Err(error) => match fate(&error) {
                    Fate::Nothing => return,
                    Fate::Refused if self.peer.get().is_some() => self.refused(),
                    // Some systems say this of any peer, and not of which one.
                    Fate::Refused => {}
                    Fate::Again if faults < FAULTS => {
                        self.faults.set(faults + 1);
                        self.note(&error);
                    }
                    Fate::Again => return self.finish(StopReason::Lost(Arc::new(error))),
                },
            }
        }
    }

    /// An error that is no more than news: reading or sending goes on.
    pub(super) fn note(&self, error: &io::Error) {
        let (host, peer) = (self.host(), self.peer.get());
        events::tell(|| tracing::debug!(%host, ?peer, %error, "an error that ends no UDP port"));
    }

    pub(super) fn refused(self: &Rc<Self>) {
        self.tell(|protocol, transport| protocol.connection_refused(transport));
    }

    pub(super) fn set_paused(self: &Rc<Self>, paused: bool) {
        if self.paused.replace(paused) != paused {
            self.watch();
        }
    }

    /// Fires `promise` when the system has room for another datagram.
    pub(super) fn when_writable(self: &Rc<Self>, promise: Promise<()>) {
        if let Some(reason) = self.reason() {
            promise.settle(Err(reason.into()));
            return;
        }
        let mut waiting = self.writable.take();
        waiting.push(promise);
        self.writable.set(waiting);
        self.watch();
    }

    fn watch(self: &Rc<Self>) {
        let waiting = self.writable.take();
        let interest = Interest::new(!self.paused.get(), !waiting.is_empty());
        self.writable.set(waiting);
        let watched = match &*self.registration.borrow() {
            Some(registration) => registration.set_interest(interest),
            None => return,
        };
        if let Err(error) = watched {
            if self.close(StopReason::Lost(Arc::new(error))) {
                self.complete_later();
            }
        }
    }
}

/// What an error of a socket means for it.
enum Fate {
    /// There is nothing more to receive for now.
    Nothing,
    /// Nobody listens at the other end.
    Refused,
    /// To be read on. Anybody can send the packets in which routers report on earlier datagrams (too
    /// long, no way, no such protocol …), so none of them may end the port; and whoever has read of one
    /// has it behind him. An error of the socket itself comes again and again.
    Again,
}

fn fate(error: &io::Error) -> Fate {
    match error.kind() {
        _ if is_full(error) => Fate::Nothing,
        // Some may be there in the next turn.
        io::ErrorKind::OutOfMemory => Fate::Nothing,
        _ if was_refused(error) => Fate::Refused,
        _ => Fate::Again,
    }
}
