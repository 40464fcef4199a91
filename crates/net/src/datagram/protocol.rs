//! What an application writes: the protocol of one UDP port.

use super::DatagramTransport;
use crate::StopReason;
use std::net::SocketAddr;

/// What one UDP port does with the datagrams that it receives.
///
/// A closure that takes the transport, the data and the sender's address is a protocol.
///
/// The methods are called on the reactor thread, one at a time, in this order:
/// [`start_protocol`](Self::start_protocol) once, [`datagram_received`](Self::datagram_received) and
/// [`connection_refused`](Self::connection_refused) any number of times,
/// [`stop_protocol`](Self::stop_protocol) exactly once.
///
/// They are never called from inside one another. What a method asks of the [`DatagramTransport`] and
/// what would have to call the protocol again is done when it has returned, in a later turn.
///
/// A panic in a method closes that one port, with the panic as the reason; what else happens is
/// decided by the reactor's panic policy.
///
/// # Examples
///
/// ```
/// use ropewalk_net::{DatagramProtocol, DatagramTransport, ReactorUdp as _, StopReason};
/// use ropewalk_reactor::Reactor;
/// use std::net::SocketAddr;
///
/// /// Sends back what it gets, and counts.
/// struct Echo(u64);
///
/// impl DatagramProtocol for Echo {
///     fn datagram_received(&mut self, port: &DatagramTransport, data: &[u8], peer: SocketAddr) {
///         self.0 += 1;
///         if let Err(error) = port.send_to(data, peer) {
///             eprintln!("{error}");
///         }
///     }
///
///     fn stop_protocol(&mut self, _: &DatagramTransport, reason: &StopReason) {
///         println!("{} datagrams, then {reason}", self.0);
///     }
/// }
///
/// let reactor = Reactor::new()?;
/// let port = reactor.listen_udp("127.0.0.1:0", Echo(0)).unwrap();
/// # std::io::Result::Ok(())
/// ```
///
/// Twisted: `DatagramProtocol`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a protocol for datagrams",
    note = "implement `DatagramProtocol`, or pass a closure: `|transport, data, peer| …`, with the \
            types `&DatagramTransport`, `&[u8]` and `SocketAddr`"
)]
pub trait DatagramProtocol: 'static {
    /// The port is open. Called before `listen_udp` returns: the place to connect, to join groups and
    /// to send something first.
    ///
    /// Twisted: `startProtocol`.
    #[doc(alias = "startProtocol")]
    fn start_protocol(&mut self, transport: &DatagramTransport) {
        let _ = transport;
    }

    /// A datagram has come from `peer`. It is whole: `data` has room for the longest that there are.
    ///
    /// Twisted: `datagramReceived`.
    #[doc(alias = "datagramReceived")]
    fn datagram_received(&mut self, transport: &DatagramTransport, data: &[u8], peer: SocketAddr);

    /// Nobody listens at the address that this port is [connected](DatagramTransport::connect) to, as
    /// far as the peer's system says so. The port stays as it is.
    ///
    /// Twisted: `connectionRefused`, of `ConnectedDatagramProtocol`.
    #[doc(alias = "connectionRefused")]
    fn connection_refused(&mut self, transport: &DatagramTransport) {
        let _ = transport;
    }

    /// The port is closed, for this reason. Nothing is called after this; the protocol is dropped
    /// when it returns.
    ///
    /// Twisted: `stopProtocol`.
    #[doc(alias = "stopProtocol")]
    fn stop_protocol(&mut self, transport: &DatagramTransport, reason: &StopReason) {
        let _ = (transport, reason);
    }
}

impl<F> DatagramProtocol for F
where
    F: FnMut(&DatagramTransport, &[u8], SocketAddr) + 'static,
{
    fn datagram_received(&mut self, transport: &DatagramTransport, data: &[u8], peer: SocketAddr) {
        self(transport, data, peer);
    }
}
