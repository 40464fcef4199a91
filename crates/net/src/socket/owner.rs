//! What the loop holds of a connection.

use crate::connection::Connection;
use ropewalk_reactor::Readiness;
use std::rc::Rc;

/// What the loop holds of a connection: while it lives, so does the connection.
///
/// It goes with the registration, or with the whole reactor. In the second case the protocol has
/// not heard of its end yet, and does now.
pub(crate) struct Owner {
    connection: Rc<Connection>,
}

impl Owner {
    pub(crate) fn new(connection: Rc<Connection>) -> Self {
        Self { connection }
    }

    #[inline]
    pub(crate) fn ready(&self, readiness: Readiness) {
        let network = self.connection.socket().and_then(|socket| socket.network.upgrade());
        if let Some(network) = network {
            network.with_buffer(|buffer| {
                self.connection.ready(readiness.readable, readiness.writable, buffer);
            });
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.connection.abandon();
    }
}
