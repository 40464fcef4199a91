//! How what is written goes out, or into the queue.
//!
//! As in `requests`, nothing here calls the protocol.

use super::{Connection, is_transient};
use crate::parting::drop_alone;
use crate::{ConnectionLost, Pressure};
use bytes::{Buf as _, Bytes};
use std::io::{self, IoSlice};
use std::rc::Rc;
use std::sync::Arc;

impl Connection {
    pub(crate) fn write(self: &Rc<Self>, data: &[u8]) -> Pressure {
        let (before, sent) = match self.send_now(data.len(), &[IoSlice::new(data)]) {
            Ok(state) => state,
            Err(answer) => return answer,
        };
        if sent < data.len() {
            self.outgoing.borrow_mut().push(&data[sent..]);
        }
        self.written(before, data.len())
    }

    pub(crate) fn write_sequence(self: &Rc<Self>, slices: &[IoSlice<'_>]) -> Pressure {
        let total = slices.iter().map(|slice| slice.len()).sum();
        let (before, mut sent) = match self.send_now(total, slices) {
            Ok(state) => state,
            Err(answer) => return answer,
        };
        if sent < total {
            let mut outgoing = self.outgoing.borrow_mut();
            for slice in slices {
                let skipped = sent.min(slice.len());
                sent -= skipped;
                outgoing.push(&slice[skipped..]);
            }
        }
        self.written(before, total)
    }

    /// As `write`, of what need not be copied.
    pub(crate) fn write_owned(self: &Rc<Self>, mut data: Bytes) -> Pressure {
        let total = data.len();
        let (before, sent) = match self.send_now(total, &[IoSlice::new(&data)]) {
            Ok(state) => state,
            Err(answer) => return answer,
        };
        if sent < total {
            data.advance(sent);
            self.queue(data);
        }
        self.written(before, total)
    }

    pub(crate) fn write_owned_sequence(self: &Rc<Self>, pieces: Vec<Bytes>) -> Pressure {
        let slices: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        let total = slices.iter().map(|slice| slice.len()).sum();
        let (before, mut sent) = match self.send_now(total, &slices) {
            Ok(state) => state,
            Err(answer) => return answer,
        };
        if sent < total {
            for mut piece in pieces {
                let skipped = sent.min(piece.len());
                sent -= skipped;
                piece.advance(skipped);
                self.queue(piece);
            }
        }
        self.written(before, total)
    }

    /// What is given back is dropped when the queue is not borrowed any more: it may be a value of
    /// the application, behind its `Bytes`.
    fn queue(&self, data: Bytes) {
        let copied = self.outgoing.borrow_mut().push_owned(data);
        drop_alone(copied, self.location);
    }

    /// Sends what it can if nothing waits. How much waited before, and how much was sent of the
    /// `total`; or the answer, if that was all, or the rest is not to be queued.
    // Always: four callers are too many for the compiler, and each is worth its copy.
    #[inline(always)]
    fn send_now(
        self: &Rc<Self>,
        total: usize,
        slices: &[IoSlice<'_>],
    ) -> Result<(usize, usize), Pressure> {
        if !self.accepts_writes() {
            return Err(Pressure::Relaxed);
        }
        let (before, mut written) = (self.buffered(), Ok(0));
        if before == 0 && total > 0 {
            written = self.write_some(slices);
            // Nearly always: and a plain carrier keeps nothing.
            if self.plain.get() && matches!(written, Ok(sent) if sent == total) {
                self.note_write(true, false);
                return Err(Pressure::Relaxed);
            }
        }
        self.keep_rest(before, total, written)
    }

    /// As the carrier's own.
    #[inline]
    pub(super) fn write_some(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self.unless_plain() {
            None => self.carrier.write_plain(slices),
            Some(carrier) => carrier.write(slices),
        }
    }

    /// Whether what is not sent may be queued. If not, what the carrier has taken of it still counts
    /// until it is thrown away.
    fn keep_rest(
        self: &Rc<Self>,
        before: usize,
        total: usize,
        written: io::Result<usize>,
    ) -> Result<(usize, usize), Pressure> {
        let sent = match written {
            Ok(sent) => sent,
            Err(error) if is_transient(&error) => 0,
            Err(error) => {
                self.carrier.backlog(before, self.buffered());
                self.end_later(ConnectionLost::Lost(Arc::new(error)));
                return Err(Pressure::Relaxed);
            }
        };
        if sent < total {
            let limit = self.limits().max;
            if self.buffered() + (total - sent) > limit {
                self.carrier.backlog(before, self.buffered());
                self.end_later(ConnectionLost::PeerTooSlow { limit });
                return Err(Pressure::High);
            }
        }
        Ok((before, sent))
    }

    /// Everything is sent or queued.
    fn written(self: &Rc<Self>, before: usize, total: usize) -> Pressure {
        let after = self.buffered();
        if after == 0 {
            self.note_write(total > 0, false);
            return Pressure::Relaxed;
        }
        if after > before {
            self.carrier.backlog(before, after);
            if before == 0 {
                self.watch();
            }
        }
        let high = after > self.limits().high;
        if high {
            self.pressed.set(true);
        }
        self.note_write(total > 0, high);
        if high { Pressure::High } else { Pressure::Relaxed }
    }
}
