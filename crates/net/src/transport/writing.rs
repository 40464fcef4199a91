//! What goes out of a transport, and how much of it may wait.

use super::Transport;
use crate::connection::Limits;
use bytes::Bytes;
use ropewalk_deferred::Deferred;
use std::io::IoSlice;

/// What [`Transport::write`] says about the bytes that wait to be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Pressure {
    /// Fine, go on.
    Relaxed,
    /// More waits than the [high mark](Transport::set_write_limits): the peer reads more slowly
    /// than you write. Nothing is refused, but who goes on fills the memory. Wait for
    /// [`Protocol::drained`](crate::Protocol::drained) or [`Transport::flushed`], or let a
    /// [`Producer`](crate::Producer) write, which is told.
    High,
}

impl Pressure {
    /// Whether it is [`Pressure::High`].
    #[must_use]
    pub fn is_high(self) -> bool {
        self == Self::High
    }
}

impl Transport {
    /// Sends `data`: at once if nothing waits, and what does not go out now when there is room.
    ///
    /// It never blocks and never calls the protocol. After the connection is lost, or
    /// [`lose_connection`](Self::lose_connection) or
    /// [`lose_write_connection`](Self::lose_write_connection) was called, `data` is dropped.
    ///
    /// What has to wait is copied; [`write_owned`](Self::write_owned) keeps it as it is.
    ///
    /// Twisted: `write`.
    pub fn write(&self, data: &[u8]) -> Pressure {
        self.0.write(data)
    }

    /// Sends several pieces, in one go where the system can.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn example(transport: &ropewalk_net::Transport, line: &[u8]) {
    /// transport.write_sequence(&[line, b"\n"]);
    /// # }
    /// ```
    ///
    /// Twisted: `writeSequence`.
    #[doc(alias = "writeSequence")]
    pub fn write_sequence(&self, pieces: &[&[u8]]) -> Pressure {
        let slices: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        self.0.write_sequence(&slices)
    }

    /// As [`write`](Self::write), of something that need not be copied: a `Vec<u8>`, a `String`, a
    /// `&'static [u8]` or [`Bytes`] that others share.
    ///
    /// What the system does not take now waits as it is, however often it is sent in parts. Only
    /// pieces of 512 bytes and less are gathered.
    ///
    /// # Examples
    ///
    /// ```
    /// use bytes::Bytes;
    ///
    /// # fn example(transport: &ropewalk_net::Transport) -> std::io::Result<()> {
    /// transport.write_owned(std::fs::read("page.html")?);
    /// transport.write_owned("the end\n");
    ///
    /// // One picture in memory, for any number of connections.
    /// let picture = Bytes::from(std::fs::read("logo.png")?);
    /// transport.write_owned(picture.clone());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Twisted: `write`.
    pub fn write_owned(&self, data: impl Into<Bytes>) -> Pressure {
        self.0.write_owned(data.into())
    }

    /// As [`write_owned`](Self::write_owned), of several pieces, in one go where the system can.
    ///
    /// # Examples
    ///
    /// ```
    /// use bytes::Bytes;
    ///
    /// # fn example(transport: &ropewalk_net::Transport, body: Bytes) {
    /// let head = Bytes::from(format!("content-length: {}\r\n\r\n", body.len()));
    /// transport.write_owned_sequence([head, body]);
    /// # }
    /// ```
    ///
    /// Twisted: `writeSequence`.
    pub fn write_owned_sequence(
        &self,
        pieces: impl IntoIterator<Item = impl Into<Bytes>>,
    ) -> Pressure {
        self.0.write_owned_sequence(pieces.into_iter().map(Into::into).collect())
    }

    /// Whether what is written now is accepted. After
    /// [`lose_connection`](Self::lose_connection) and
    /// [`lose_write_connection`](Self::lose_write_connection) it is only as long as a
    /// [`Producer`](crate::Producer) is registered, for which both wait.
    #[must_use]
    pub fn accepts_writes(&self) -> bool {
        self.0.accepts_writes()
    }

    /// How many bytes were written and are not yet sent.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.0.buffered()
    }

    /// The low and the high mark, in bytes; see [`set_write_limits`](Self::set_write_limits).
    #[must_use]
    pub fn write_limits(&self) -> (usize, usize) {
        let Limits { low, high, .. } = self.0.limits();
        (low, high)
    }

    /// Sets how much may wait to be sent. With more than `high` bytes [`write`](Self::write) answers
    /// [`Pressure::High`] and a [`Producer`](crate::Producer) is told to pause; when at most `low`
    /// are left, [`Protocol::drained`](crate::Protocol::drained) is called and the producer goes on.
    ///
    /// Default: 0 and 64 KiB. A `low` above `high` counts as `high`. A low mark above 0 keeps the
    /// peer busy while more is being made.
    ///
    /// Twisted: `bufferSize`.
    #[doc(alias = "bufferSize")]
    pub fn set_write_limits(&self, low: usize, high: usize) {
        let limits = Limits { low: low.min(high), high, ..self.0.limits() };
        self.0.set_limits(limits);
    }

    /// How many bytes may wait to be sent at most; see [`set_max_buffered`](Self::set_max_buffered).
    #[must_use]
    pub fn max_buffered(&self) -> usize {
        self.0.limits().max
    }

    /// Sets how many bytes may wait to be sent before the connection is given up.
    ///
    /// A write of which more would have to wait is not taken, not even in part, but for what could
    /// be sent at once. It answers [`Pressure::High`], and the connection ends as by
    /// [`abort_connection`](Self::abort_connection), with
    /// [`ConnectionLost::PeerTooSlow`](crate::ConnectionLost::PeerTooSlow): a protocol that does
    /// not look at the answer can neither fill the memory nor go on with a gap in what it sends.
    ///
    /// Default: [`usize::MAX`], which is no limit. A server that writes without asking sets one,
    /// larger than its largest answer.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn example(transport: &ropewalk_net::Transport) {
    /// transport.set_max_buffered(4 * 1024 * 1024);
    /// # }
    /// ```
    pub fn set_max_buffered(&self, bytes: usize) {
        self.0.set_limits(Limits { max: bytes, ..self.0.limits() });
    }

    /// Fires when everything written so far, and meanwhile, has been handed to the system; at once
    /// if nothing waits.
    ///
    /// Fails with [`ConnectionLost`](crate::ConnectionLost) if the connection ends first, or has
    /// ended otherwise than well.
    #[track_caller]
    pub fn flushed(&self) -> Deferred<()> {
        let (promise, deferred) = Deferred::new();
        self.0.when_flushed(promise);
        deferred
    }
}
