//! The producer that is made of an iterator.

use super::Producer;
use crate::Transport;
use bytes::Bytes;
use ropewalk_deferred::Promise;

/// Writes what the iterator gives, one piece when the one before has gone.
pub(crate) struct Pieces<I> {
    pub(crate) pieces: I,
    /// Absent when it is fired.
    pub(crate) sent: Option<Promise<()>>,
}

impl<I> Producer for Pieces<I>
where
    I: Iterator<Item: Into<Bytes>> + 'static,
{
    fn resume_producing(&mut self, transport: &Transport) {
        if self.sent.as_ref().is_none_or(Promise::is_cancelled) {
            return transport.unregister_producer();
        }
        // Nobody asks again after a piece that is nothing.
        match self.pieces.by_ref().map(Into::into).find(|piece: &Bytes| !piece.is_empty()) {
            Some(piece) => {
                transport.write_owned(piece);
            }
            None => {
                transport.unregister_producer();
                if let Some(sent) = self.sent.take() {
                    sent.settle(Ok(()));
                }
            }
        }
    }

    fn stop_producing(&mut self, transport: &Transport) {
        if let Some(sent) = self.sent.take() {
            sent.settle(Err(transport.connection().why_it_ends().into()));
        }
    }
}
