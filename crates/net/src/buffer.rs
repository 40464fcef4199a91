//! What was written and not yet sent: a queue of chunks that are sent many at a time.
//!
//! A partial send moves the start of the first chunk and copies nothing. Small writes share a
//! chunk, so that a million of them do not become a million system calls; what is handed over
//! whole, and is not small, is kept as it is. When everything is sent the memory is given back: most
//! connections are idle most of the time.
//!
//! Whoever borrows the queue drops what it hands out after the borrow: a chunk that was handed over
//! may be a value of the application.

use crate::parting::drop_alone;
use bytes::Bytes;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::iter;
use std::mem::take;
use std::panic::Location;

/// Writes are gathered in one chunk up to this size.
const SHARED_CHUNK: usize = 16 * 1024;

/// What is handed over and not larger is copied: that costs less than a chunk of its own.
const SMALL: usize = 512;

/// The most chunks that go into one system call.
const SLICES: usize = 64;

#[derive(Debug)]
enum Chunk {
    Gathered(Vec<u8>),
    Owned(Bytes),
}

impl Chunk {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Gathered(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}

/// Chunks that have been sent.
#[derive(Debug, Default)]
#[must_use = "dropped when the queue is not borrowed any more"]
pub(crate) struct Spent(VecDeque<Chunk>);

impl Spent {
    /// Drops them: each may be a value of the application, whose drop panics.
    pub(crate) fn let_go(self, location: &'static Location<'static>) {
        for chunk in self.0 {
            drop_alone(chunk, location);
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    /// There while something waits: an idle connection has one word of this.
    queue: Option<Box<Queue>>,
}

#[derive(Debug, Default)]
struct Queue {
    len: usize,
    chunks: VecDeque<Chunk>,
    /// How much of the first chunk has been sent.
    start: usize,
}

impl Queue {
    /// What is still to be sent of each chunk.
    fn rest(&self) -> impl Iterator<Item = &[u8]> {
        let starts = iter::once(self.start).chain(iter::repeat(0));
        self.chunks.iter().zip(starts).map(|(chunk, start)| &chunk.bytes()[start..])
    }
}

impl Outgoing {
    pub(crate) fn len(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.len)
    }

    pub(crate) fn push(&mut self, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        let chunks = self.grow(data.len());
        match chunks.back_mut() {
            Some(Chunk::Gathered(last)) if last.len() + data.len() <= SHARED_CHUNK => {
                last.extend_from_slice(data);
            }
            _ => chunks.push_back(Chunk::Gathered(data.to_vec())),
        }
    }

    fn grow(&mut self, length: usize) -> &mut VecDeque<Chunk> {
        let queue = self.queue.get_or_insert_default();
        queue.len += length;
        &mut queue.chunks
    }

    /// Hands `data` back if it was copied.
    #[must_use = "dropped when the queue is not borrowed any more"]
    pub(crate) fn push_owned(&mut self, data: Bytes) -> Option<Bytes> {
        if data.len() <= SMALL {
            self.push(&data);
            return Some(data);
        }
        self.grow(data.len()).push_back(Chunk::Owned(data));
        None
    }

    /// Offers what is there to `write` once, and hands out what it took.
    pub(crate) fn send(
        &mut self,
        write: impl FnOnce(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<Spent> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let mut used = 0;
        let waiting = self.queue.iter().flat_map(|queue| queue.rest());
        for (slice, bytes) in slices.iter_mut().zip(waiting) {
            *slice = IoSlice::new(bytes);
            used += 1;
        }
        let sent = write(&slices[..used])?;
        Ok(self.forget(sent))
    }

    /// The same bytes, in memory of our own.
    #[cfg(feature = "tls")]
    pub(crate) fn copy(&self) -> Self {
        let mut copy = Self::default();
        self.queue.iter().flat_map(|queue| queue.rest()).for_each(|bytes| copy.push(bytes));
        copy
    }

    pub(crate) fn clear(&mut self) -> Spent {
        Spent(take(self).queue.map(|queue| queue.chunks).unwrap_or_default())
    }

    fn forget(&mut self, sent: usize) -> Spent {
        let Some(queue) = self.queue.as_deref_mut().filter(|queue| sent < queue.len) else {
            return self.clear();
        };
        queue.len -= sent;
        let mut spent = Spent::default();
        queue.start += sent;
        while let Some(length) = queue.chunks.front().map(|first| first.bytes().len()) {
            if queue.start < length {
                break;
            }
            queue.start -= length;
            // What is gathered is ours, and can be dropped here.
            let first = queue.chunks.pop_front();
            spent.0.extend(first.filter(|chunk| matches!(chunk, Chunk::Owned(_))));
        }
        spent
    }
}

#[cfg(test)]
mod tests {
    use super::{Outgoing, SHARED_CHUNK, SMALL};
    use bytes::Bytes;
    use proptest::prelude::{Strategy as _, prop_assert_eq, proptest};
    use proptest::{collection, prop_oneof};

    #[derive(Clone, Debug)]
    enum Step {
        Push(usize),
        PushOwned(usize),
        Send(usize),
    }

    /// No period that a chunk could share.
    fn pattern(start: usize, length: usize) -> Vec<u8> {
        (start..start + length).map(|n| (n % 251) as u8).collect()
    }

    /// Takes up to `room` bytes, as a kernel does.
    fn send(outgoing: &mut Outgoing, room: usize, wire: &mut Vec<u8>) {
        let before = wire.len();
        let sent = outgoing.send(|slices| {
            for slice in slices {
                let room = room - (wire.len() - before);
                wire.extend_from_slice(&slice[..slice.len().min(room)]);
            }
            Ok(wire.len() - before)
        });
        drop(sent.unwrap());
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out_once_and_in_order(steps in collection::vec(
            prop_oneof![
                (0..100_usize).prop_map(Step::Push),
                (SHARED_CHUNK - 9..SHARED_CHUNK + 9).prop_map(Step::Push),
                (SMALL - 9..SMALL + 9).prop_map(Step::PushOwned),
                (0..50_000_usize).prop_map(Step::PushOwned),
                (0..40_000_usize).prop_map(Step::Send),
            ],
            0..40,
        )) {
            let (mut outgoing, mut written, mut wire) = (Outgoing::default(), vec![], vec![]);
            for step in steps {
                match step {
                    Step::Push(length) => {
                        let data = pattern(written.len(), length);
                        outgoing.push(&data);
                        written.extend(data);
                    }
                    Step::PushOwned(length) => {
                        let data = Bytes::from(pattern(written.len(), length));
                        written.extend(&data);
                        drop(outgoing.push_owned(data));
                    }
                    Step::Send(room) => send(&mut outgoing, room, &mut wire),
                }
                prop_assert_eq!(outgoing.len(), written.len() - wire.len());
            }
            while outgoing.len() > 0 {
                send(&mut outgoing, usize::MAX, &mut wire);
            }
            assert!(wire == written, "the wire differs");
        }
    }

    #[test]
    fn an_empty_buffer_owns_no_memory() {
        let mut outgoing = Outgoing::default();
        outgoing.push(&[7; 100_000]);
        send(&mut outgoing, usize::MAX, &mut Vec::new());
        assert!(outgoing.queue.is_none());
    }
}
