//! A UDP port without a protocol, for tasks that await datagrams one by one.

use super::{DatagramPort, DatagramProtocol, DatagramTransport};
use crate::StopReason;
use ropewalk_deferred::{Deferred, Failure, Promise};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

/// How many datagrams are taken from the system before somebody wants them: as many as one turn
/// receives. The others wait in the buffer of the system, which drops what it has no room for.
const AHEAD: usize = 64;

/// One datagram and its sender.
type Datagram = (Vec<u8>, SocketAddr);

/// A UDP socket whose methods give deferreds, which tasks can await. Dropping it closes the port.
///
/// [`udp_socket`](crate::ReactorUdp::udp_socket) opens one. For a program that would rather be told of
/// datagrams there is [`listen_udp`](crate::ReactorUdp::listen_udp).
///
/// # Threads
///
/// Reactor thread; it is neither `Send` nor `Sync`.
///
/// # Examples
///
/// ```
/// use ropewalk_net::ReactorUdp as _;
/// use ropewalk_reactor::Reactor;
/// use ropewalk_task::ReactorTask as _;
///
/// let peer = std::net::UdpSocket::bind("127.0.0.1:0")?;
/// let reactor = Reactor::new()?;
/// let socket = reactor.udp_socket("127.0.0.1:0")?;
/// peer.send_to(b"hello", socket.address())?;
/// let (data, sender) = reactor.run_until(socket.recv_from())?;
/// assert_eq!((&data[..], sender), (&b"hello"[..], peer.local_addr()?));
/// # Ok::<(), ropewalk_deferred::Failure>(())
/// ```
#[must_use = "dropping it closes the port"]
pub struct UdpSocket {
    port: DatagramPort,
    inbox: Rc<Inbox>,
}

#[derive(Default)]
pub(crate) struct Inbox {
    arrived: RefCell<VecDeque<io::Result<Datagram>>>,
    waiting: Cell<VecDeque<Promise<Datagram>>>,
}

/// The protocol of such a socket.
pub(crate) struct Receiver(Rc<Inbox>);

impl UdpSocket {
    pub(crate) fn open<E>(
        open: impl FnOnce(Receiver) -> Result<DatagramPort, E>,
    ) -> Result<Self, E> {
        let inbox = Rc::<Inbox>::default();
        let port = open(Receiver(Rc::clone(&inbox)))?;
        Ok(Self { port, inbox })
    }

    /// The next datagram, and who sent it. Those who wait are served in turn.
    ///
    /// It fails with [`StopReason`] when the port is closed, and with an [`io::Error`] of the kind
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) if nobody listens at the address that the
    /// socket is [connected](Self::connect) to.
    #[track_caller]
    pub fn recv_from(&self) -> Deferred<(Vec<u8>, SocketAddr)> {
        let mut arrived = self.inbox.arrived.borrow_mut();
        let next = arrived.pop_front();
        let has_room = arrived.is_empty();
        drop(arrived);
        if has_room {
            self.port.transport().resume_producing();
        }
        if let Some(next) = next {
            return next.map_or_else(Deferred::fail, Deferred::succeed);
        }
        if let Some(reason) = self.port.transport().0.reason() {
            return Deferred::fail(reason);
        }
        let (promise, deferred) = Deferred::new();
        let mut waiting = self.inbox.waiting.take();
        waiting.retain(|promise| !promise.is_cancelled());
        waiting.push_back(promise);
        self.inbox.waiting.set(waiting);
        deferred
    }

    /// Sends one datagram to `peer`; it fires when the system has taken it.
    ///
    /// It fails with [`SendError`](crate::SendError), and with [`StopReason`] if the port is closed meanwhile.
    #[track_caller]
    pub fn send_to(&self, data: &[u8], peer: SocketAddr) -> Deferred<()> {
        send(self.port.transport(), data, Some(peer))
    }

    /// Sends one datagram to the address that the socket is connected to.
    ///
    /// It fails as [`send_to`](Self::send_to) does.
    #[track_caller]
    pub fn send(&self, data: &[u8]) -> Deferred<()> {
        send(self.port.transport(), data, None)
    }

    /// Binds this socket to one peer: see [`DatagramTransport::connect`]. What has come from others
    /// before is not received any more.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn connect(&self, peer: SocketAddr) -> io::Result<()> {
        self.port.transport().connect(peer)?;
        let peer = self.port.transport().peer();
        let is_ours = |arrived: &io::Result<Datagram>| {
            arrived.as_ref().is_ok_and(|(_, sender)| Some(*sender) == peer)
        };
        self.inbox.arrived.borrow_mut().retain(is_ours);
        self.port.transport().resume_producing();
        Ok(())
    }

    /// The address of this end.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// The transport: for groups, broadcasts, and sending without waiting.
    #[must_use]
    pub fn transport(&self) -> &DatagramTransport {
        self.port.transport()
    }

    /// Closes the port: see [`DatagramTransport::stop_listening`]. What has come can still be received.
    #[track_caller]
    pub fn close(&self) -> Deferred<()> {
        self.port.stop_listening()
    }
}

#[track_caller]
fn send(transport: &DatagramTransport, data: &[u8], peer: Option<SocketAddr>) -> Deferred<()> {
    match transport.0.send(data, peer) {
        Ok(()) => Deferred::succeed(()),
        Err(error) if error.is_full() => {
            let (again, data) = (transport.clone(), data.to_vec());
            transport.when_writable().add_callback(move |()| send(&again, &data, peer))
        }
        Err(error) => Deferred::fail(error),
    }
}

impl Inbox {
    /// The first who still waits.
    fn next(&self) -> Option<Promise<Datagram>> {
        let mut waiting = self.waiting.take();
        let mut next = waiting.pop_front();
        while next.as_ref().is_some_and(Promise::is_cancelled) {
            next = waiting.pop_front();
        }
        self.waiting.set(waiting);
        next
    }

    fn put(&self, transport: &DatagramTransport, arrived: io::Result<Datagram>) {
        match self.next() {
            Some(promise) => promise.settle(arrived.map_err(Failure::from)),
            None => {
                let mut queue = self.arrived.borrow_mut();
                queue.push_back(arrived);
                let is_full = queue.len() >= AHEAD;
                drop(queue);
                if is_full {
                    transport.pause_producing();
                }
            }
        }
    }
}

impl DatagramProtocol for Receiver {
    fn datagram_received(&mut self, transport: &DatagramTransport, data: &[u8], peer: SocketAddr) {
        self.0.put(transport, Ok((data.to_vec(), peer)));
    }

    fn connection_refused(&mut self, transport: &DatagramTransport) {
        self.0.put(transport, Err(io::ErrorKind::ConnectionRefused.into()));
    }

    fn stop_protocol(&mut self, _: &DatagramTransport, reason: &StopReason) {
        for promise in self.0.waiting.take() {
            promise.settle(Err(reason.clone().into()));
        }
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UdpSocket")
            .field("port", &self.port)
            .field("arrived", &self.inbox.arrived.borrow().len())
            .finish()
    }
}
