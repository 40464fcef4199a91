//! What an application writes: the protocol of one connection.

pub(crate) mod forward;

use crate::{ConnectionLost, Transport};
use forward::forward;

/// What one connection does with the bytes that it receives.
///
/// The methods are called on the reactor thread, one at a time, in this order:
/// [`connection_made`](Self::connection_made) once, [`data_received`](Self::data_received) any
/// number of times, [`connection_lost`](Self::connection_lost) exactly once.
///
/// They are never called from inside one another. What a method asks of the [`Transport`] and what
/// would have to call the protocol again (losing the connection, aborting it, reading on) is done
/// when it has returned, in a later turn. So `&mut self` is always the protocol's own.
///
/// A panic in a method ends that one connection, with the panic as the reason; what else happens
/// is decided by the reactor's panic policy.
///
/// # Examples
///
/// ```
/// use ropewalk_net::{ConnectionLost, Protocol, Transport};
///
/// /// Sends back what it gets.
/// struct Echo;
///
/// impl Protocol for Echo {
///     fn data_received(&mut self, transport: &Transport, data: &[u8]) {
///         transport.write(data);
///     }
///
///     fn connection_lost(&mut self, transport: &Transport, reason: &ConnectionLost) {
///         println!("{} is gone: {reason}", transport.peer());
///     }
/// }
/// ```
///
/// Twisted: `IProtocol`.
#[doc(alias = "IProtocol")]
pub trait Protocol: 'static {
    /// The connection is there. The place for a greeting.
    ///
    /// Twisted: `connectionMade`.
    #[doc(alias = "connectionMade")]
    fn connection_made(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// The handshake of a transport that is encrypted has ended well: the peer is known, and what
    /// was written before is on its way.
    ///
    /// Never called for a plain connection. A handshake that fails ends the connection.
    ///
    /// Twisted: `IHandshakeListener.handshakeCompleted`.
    #[doc(alias = "handshakeCompleted")]
    #[doc(alias = "IHandshakeListener")]
    fn handshake_completed(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// Some bytes have come. Their division into calls means nothing.
    ///
    /// Twisted: `dataReceived`.
    #[doc(alias = "dataReceived")]
    fn data_received(&mut self, transport: &Transport, data: &[u8]);

    /// The peer will send nothing more. It may still read, and writing goes on to be possible.
    ///
    /// As it stands it ends the connection when everything written has been sent, and a registered
    /// [`Producer`](crate::Producer) is done. A protocol that
    /// owes answers keeps the connection instead, and calls
    /// [`lose_connection`](Transport::lose_connection) when it has given them. Until it writes, it
    /// does not notice if the peer goes away altogether.
    ///
    /// Called once, after the last [`data_received`](Self::data_received), and not at all if the
    /// connection ends in another way.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_net::{Protocol, Transport};
    /// use ropewalk_reactor::Reactor;
    /// use std::time::Duration;
    ///
    /// /// Takes its time.
    /// struct Slow;
    ///
    /// impl Protocol for Slow {
    ///     fn data_received(&mut self, transport: &Transport, _request: &[u8]) {
    ///         let transport = transport.clone();
    ///         let Some(reactor) = Reactor::current() else { return };
    ///         reactor.call_later(Duration::from_millis(5), move |_| {
    ///             transport.write(b"here it is\n");
    ///             transport.lose_connection();
    ///         });
    ///     }
    ///
    ///     fn peer_done(&mut self, _: &Transport) {
    ///         // The answer is still to come.
    ///     }
    /// }
    /// ```
    ///
    /// Twisted: `IHalfCloseableProtocol.readConnectionLost`.
    #[doc(alias = "readConnectionLost")]
    #[doc(alias = "IHalfCloseableProtocol")]
    fn peer_done(&mut self, transport: &Transport) {
        transport.lose_connection();
    }

    /// This side will send nothing more: after
    /// [`lose_write_connection`](Transport::lose_write_connection) everything written has been
    /// sent, and the peer told. Reading goes on.
    ///
    /// Called once, and not at all if the connection ends in another way. If the peer is done, too,
    /// the end of the connection follows.
    ///
    /// Twisted: `IHalfCloseableProtocol.writeConnectionLost`.
    #[doc(alias = "writeConnectionLost")]
    fn write_done(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// Of what was written no more than the [low mark](Transport::set_write_limits), which mostly
    /// is nothing, is left to be sent, after a [`write`](Transport::write) had answered
    /// [`Pressure::High`](crate::Pressure::High): whoever stopped writing then can go on.
    ///
    /// Twisted: `resumeProducing` of a registered producer.
    fn drained(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// Reading goes on after [`pause_producing`](Transport::pause_producing): a protocol that has
    /// kept something back (complete lines, for example) can work on it now.
    fn resumed(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// The connection is gone, for this reason. Nothing is called after this; the protocol is
    /// dropped when it returns.
    ///
    /// Twisted: `connectionLost`.
    #[doc(alias = "connectionLost")]
    fn connection_lost(&mut self, transport: &Transport, reason: &ConnectionLost) {
        let _ = (transport, reason);
    }
}

impl<P: Protocol + ?Sized> Protocol for Box<P> {
    forward!(
        |this| Some(&mut **this),
        [
            connection_made,
            handshake_completed,
            data_received,
            peer_done,
            write_done,
            drained,
            resumed,
            connection_lost,
        ]
    );
}
