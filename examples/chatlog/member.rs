//! A client as the chat sees it: where to send, and whether to listen.

use ropewalk::net::{Address, Bytes, Transport};
use std::cell::Cell;

/// So many questions and lines of one client may be under way; then it is not read from.
const IN_FLIGHT: usize = 16;

/// A client that has so much still to read is not worth waiting for: it is disconnected.
const SLOW: usize = 4 * 1024 * 1024;

pub(crate) struct Member {
    transport: Transport,
    in_flight: Cell<usize>,
    /// More was written than it has read.
    pressed: Cell<bool>,
    /// It will say nothing more, and goes when it has its answers.
    leaving: Cell<bool>,
}

impl Member {
    pub(crate) fn new(transport: &Transport) -> Self {
        let transport = transport.clone();
        transport.set_max_buffered(SLOW);
        let (in_flight, pressed, leaving) = (Cell::new(0), Cell::new(false), Cell::new(false));
        Self { transport, in_flight, pressed, leaving }
    }

    pub(crate) fn peer(&self) -> Address {
        self.transport.peer()
    }

    /// Sends what is a line, or several, with the end of the last.
    pub(crate) fn send(&self, lines: impl Into<Bytes>) {
        if self.transport.write_owned(lines).is_high() {
            self.pressed.set(true);
            self.listen_or_not();
        }
    }

    /// Sends an error, in one line.
    pub(crate) fn error(&self, text: &str) {
        let text = text.replace(['\r', '\n'], " ");
        self.send(format!("error: {text}\n"));
    }

    /// Everything that was sent has been taken.
    pub(crate) fn drained(&self) {
        self.pressed.set(false);
        self.listen_or_not();
    }

    /// Something was asked that will be answered.
    pub(crate) fn asked(&self) {
        self.in_flight.set(self.in_flight.get() + 1);
        self.listen_or_not();
    }

    pub(crate) fn answered(&self) {
        self.in_flight.set(self.in_flight.get() - 1);
        self.listen_or_not();
    }

    /// It says no more: it is let go when what it asked for has been answered.
    pub(crate) fn leaves(&self) {
        self.leaving.set(true);
        self.listen_or_not();
    }

    fn listen_or_not(&self) {
        let busy = self.in_flight.get() >= IN_FLIGHT;
        if self.leaving.get() && self.in_flight.get() == 0 {
            self.transport.lose_connection();
        } else if busy || self.pressed.get() || self.leaving.get() {
            self.transport.pause_producing();
        } else if self.in_flight.get() <= IN_FLIGHT / 2 {
            self.transport.resume_producing();
        }
    }
}
