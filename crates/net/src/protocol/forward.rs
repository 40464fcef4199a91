//! Protocols around others: what they do not do themselves, they hand on.
//!
//! Written once, so that a new method of [`Protocol`](crate::Protocol) reaches all that are inside.

/// The methods of a protocol that hand on to the one inside, if there is one:
/// `forward!(|this| this.protocol.as_mut(), [drained, resumed])`.
macro_rules! forward {
    (|$this:ident| $inner:expr, [$($method:ident),* $(,)?]) => {
        $($crate::protocol::forward::forward!(@ $method, |$this| $inner);)*
    };
    (@ data_received, |$this:ident| $inner:expr) => {
        fn data_received(&mut self, transport: &$crate::Transport, data: &[u8]) {
            let $this = self;
            if let Some(protocol) = $inner {
                protocol.data_received(transport, data);
            }
        }
    };
    // Without a protocol the connection ends, as with one that says nothing of it.
    (@ peer_done, |$this:ident| $inner:expr) => {
        fn peer_done(&mut self, transport: &$crate::Transport) {
            let $this = self;
            match $inner {
                Some(protocol) => protocol.peer_done(transport),
                None => transport.lose_connection(),
            }
        }
    };
    (@ connection_lost, |$this:ident| $inner:expr) => {
        fn connection_lost(
            &mut self,
            transport: &$crate::Transport,
            reason: &$crate::ConnectionLost,
        ) {
            let $this = self;
            if let Some(protocol) = $inner {
                protocol.connection_lost(transport, reason);
            }
        }
    };
    (@ $method:ident, |$this:ident| $inner:expr) => {
        fn $method(&mut self, transport: &$crate::Transport) {
            let $this = self;
            if let Some(protocol) = $inner {
                protocol.$method(transport);
            }
        }
    };
}

pub(crate) use forward;
