//! What the loop holds of a connection.

use super::SocketCarrier;
use crate::connection::Connection;
use ropewalk_reactor::Readiness;
use std::rc::Rc;

/// What the loop holds of a connection: while it lives, so does the connection.
///
/// It goes with the registration, or with the whole reactor. In the second case the protocol has
/// not heard of its end yet, and does now.
pub(crate) struct Owner {
    /// With its type, which is one word less: there is one of these for each connection.
    connection: Rc<Connection<SocketCarrier>>,
}

impl Owner {
    pub(crate) fn new(connection: Rc<Connection<SocketCarrier>>) -> Self {
        Self { connection }
    }

    pub(crate) fn ready(&self, readiness: Readiness) {
        if let Some(network) = self.connection.carrier().network.upgrade() {
            let connection: Rc<Connection> =
                Rc::<Connection<SocketCarrier>>::clone(&self.connection);
            network.with_buffer(|buffer| {
                connection.ready(readiness.readable, readiness.writable, buffer);
            });
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let connection: Rc<Connection> = Rc::<Connection<SocketCarrier>>::clone(&self.connection);
        connection.abandon();
    }
}
