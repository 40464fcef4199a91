//! What stands between a connection and its protocol: it tells the service of both ends.
//!
//! Each method of the trait must be named here: one that is left out would not reach the application.

use super::course::Course;
use crate::parting::part_with;
use crate::protocol::forward::forward;
use crate::{ConnectionLost, Protocol, Transport};
use std::panic::resume_unwind;
use std::rc::Rc;

pub(super) struct Link {
    course: Rc<Course>,
    attempt: u64,
    /// Made when there is a connection.
    protocol: Option<Box<dyn Protocol>>,
}

impl Link {
    pub(super) fn new(course: Rc<Course>, attempt: u64) -> Self {
        Self { course, attempt, protocol: None }
    }
}

impl Protocol for Link {
    fn connection_made(&mut self, transport: &Transport) {
        if !self.course.made(self.attempt, transport) {
            // Nobody waits for it any more.
            return transport.abort_connection();
        }
        match self.course.build(transport) {
            Some(protocol) => {
                self.protocol.insert(protocol).connection_made(transport);
            }
            None => {
                self.course.declined(self.attempt);
                transport.abort_connection();
            }
        }
    }

    forward!(
        |this| this.protocol.as_mut(),
        [handshake_completed, data_received, peer_done, write_done, drained, resumed]
    );

    /// The protocol first: who waits for the end of the service finds it gone (B209).
    fn connection_lost(&mut self, transport: &Transport, reason: &ConnectionLost) {
        let told = self.protocol.take().map_or(Ok(()), |protocol| {
            part_with(protocol, self.course.location, |protocol| {
                protocol.connection_lost(transport, reason);
            })
        });
        self.course.lost(self.attempt, reason);
        if let Err(payload) = told {
            resume_unwind(payload);
        }
    }
}
