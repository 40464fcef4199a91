//! What stands between a connection and its protocol: it tells the service of both ends.
//!
//! Each method of the trait must be here: one that is left out would not reach the application.

use super::course::Course;
use crate::parting::part_with;
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

    fn handshake_completed(&mut self, transport: &Transport) {
        if let Some(protocol) = &mut self.protocol {
            protocol.handshake_completed(transport);
        }
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        if let Some(protocol) = &mut self.protocol {
            protocol.data_received(transport, data);
        }
    }

    fn peer_done(&mut self, transport: &Transport) {
        match &mut self.protocol {
            Some(protocol) => protocol.peer_done(transport),
            None => transport.lose_connection(),
        }
    }

    fn write_done(&mut self, transport: &Transport) {
        if let Some(protocol) = &mut self.protocol {
            protocol.write_done(transport);
        }
    }

    fn drained(&mut self, transport: &Transport) {
        if let Some(protocol) = &mut self.protocol {
            protocol.drained(transport);
        }
    }

    fn resumed(&mut self, transport: &Transport) {
        if let Some(protocol) = &mut self.protocol {
            protocol.resumed(transport);
        }
    }

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
