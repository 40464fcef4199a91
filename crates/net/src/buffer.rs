//! What was written and not yet sent: a queue of chunks that are sent many at a time.
//!
//! A partial send moves the start of the first chunk and copies nothing. Small writes share a
//! chunk, so that a million of them do not become a million system calls. When everything is sent
//! the memory is given back: most connections are idle most of the time.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

/// Writes are gathered in one chunk up to this size.
const SHARED_CHUNK: usize = 16 * 1024;

/// The most chunks that go into one system call.
const SLICES: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    chunks: VecDeque<Vec<u8>>,
    /// How much of the first chunk has been sent.
    start: usize,
    len: usize,
}

impl Outgoing {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn push(&mut self, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        self.len += data.len();
        match self.chunks.back_mut() {
            Some(last) if last.len() + data.len() <= SHARED_CHUNK => last.extend_from_slice(data),
            _ => self.chunks.push_back(data.to_vec()),
        }
    }

    /// Offers what is there to `write` once, and forgets what it took.
    pub(crate) fn send(
        &mut self,
        write: impl FnOnce(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let mut used = 0;
        for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
            *slice = IoSlice::new(if used == 0 { &chunk[self.start..] } else { chunk });
            used += 1;
        }
        let sent = write(&slices[..used])?;
        self.forget(sent);
        Ok(sent)
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    fn forget(&mut self, sent: usize) {
        self.len = self.len.saturating_sub(sent);
        if self.len == 0 {
            self.clear();
            return;
        }
        self.start += sent;
        while let Some(first) = self.chunks.front() {
            if self.start < first.len() {
                break;
            }
            self.start -= first.len();
            self.chunks.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Outgoing, SHARED_CHUNK};
    use proptest::prelude::{Strategy as _, prop_assert_eq, proptest};
    use proptest::{collection, prop_oneof};

    #[derive(Clone, Debug)]
    enum Step {
        Push(usize),
        Send(usize),
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
        assert_eq!(sent.ok(), Some(wire.len() - before));
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out_once_and_in_order(steps in collection::vec(
            prop_oneof![
                (0..100_usize).prop_map(Step::Push),
                (SHARED_CHUNK - 9..SHARED_CHUNK + 9).prop_map(Step::Push),
                (0..40_000_usize).prop_map(Step::Send),
            ],
            0..40,
        )) {
            let (mut outgoing, mut written, mut wire) = (Outgoing::default(), vec![], vec![]);
            for step in steps {
                match step {
                    Step::Push(length) => {
                        // No period that a chunk could share.
                        let start = written.len();
                        written.extend((start..start + length).map(|n| (n % 251) as u8));
                        outgoing.push(&written[start..]);
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
        assert_eq!(outgoing.chunks.capacity(), 0);
    }
}
