//! Cuts a stream of bytes into lines, however the stream is divided.
//!
//! What has been
//! searched is not searched again, so a line that comes byte by byte costs no more than its length.

use crate::unread::Unread;
use memchr::{memchr, memmem::Finder};
use std::mem::take;

/// What was found.
#[derive(Debug, PartialEq)]
pub(super) enum Piece<'a> {
    /// A line without its end.
    Line(&'a [u8]),
    /// A line that is longer than the limit.
    TooLong,
}

/// What to do after a piece.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Next {
    Continue,
    /// Keep the rest for later.
    Pause,
    /// Forget the rest.
    Stop,
}

/// What a line ends with.
#[derive(Debug)]
enum End {
    /// `\n`, with an optional `\r` before it.
    Newline,
    Byte(u8),
    Bytes(Box<Finder<'static>>),
}

#[derive(Debug)]
pub(super) struct Splitter {
    end: End,
    limit: usize,
    unread: Unread,
    /// How much of what is unread holds no start of a delimiter.
    searched: usize,
    /// Inside of a line that is too long.
    skipping: bool,
}

impl Splitter {
    pub(super) fn new(limit: usize) -> Self {
        Self { end: End::Newline, limit, unread: Unread::default(), searched: 0, skipping: false }
    }

    pub(super) fn set_delimiter(&mut self, delimiter: &[u8]) {
        self.end = match delimiter {
            [] => End::Newline,
            [byte] => End::Byte(*byte),
            bytes => End::Bytes(Box::new(Finder::new(bytes).into_owned())),
        };
    }

    pub(super) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Drops the line that has begun: its end will not come.
    pub(super) fn forget(&mut self) {
        self.unread.clear();
        self.searched = 0;
    }

    /// What has come and was not dealt with, and is not kept: another stream begins.
    pub(super) fn take_rest(&mut self) -> Vec<u8> {
        (self.searched, self.skipping) = (0, false);
        self.unread.take()
    }

    pub(super) fn feed(&mut self, data: &[u8], deliver: impl FnMut(Piece<'_>) -> Next) {
        let mut unread = take(&mut self.unread);
        unread.feed(data, |input| self.split(input, deliver));
        self.unread = unread;
    }

    /// How much of `input` is dealt with.
    fn split(&mut self, input: &[u8], mut deliver: impl FnMut(Piece<'_>) -> Next) -> usize {
        let mut used = 0;
        let mut searched = take(&mut self.searched);
        loop {
            let rest = &input[used..];
            let piece = match self.find(&rest[searched..]) {
                Some((at, length)) => {
                    let line = self.without_return(&rest[..searched + at]);
                    used += searched + at + length;
                    searched = 0;
                    if take(&mut self.skipping) {
                        continue;
                    }
                    if line.len() > self.limit { Piece::TooLong } else { Piece::Line(line) }
                }
                None => {
                    let plain = rest.len() - self.begun(rest);
                    if !self.skipping && plain <= self.limit {
                        self.searched = plain;
                        return used;
                    }
                    used += plain;
                    searched = 0;
                    if self.skipping {
                        return used;
                    }
                    self.skipping = true;
                    Piece::TooLong
                }
            };
            match deliver(piece) {
                Next::Continue => {}
                Next::Pause => return used,
                Next::Stop => return input.len(),
            }
        }
    }

    /// Where the first end of a line is, and how long it is.
    fn find(&self, input: &[u8]) -> Option<(usize, usize)> {
        match &self.end {
            End::Newline => memchr(b'\n', input).map(|at| (at, 1)),
            End::Byte(byte) => memchr(*byte, input).map(|at| (at, 1)),
            End::Bytes(finder) => finder.find(input).map(|at| (at, finder.needle().len())),
        }
    }

    fn without_return<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        match (&self.end, line) {
            (End::Newline, [shorter @ .., b'\r']) => shorter,
            _ => line,
        }
    }

    /// How many bytes at the end of `input` may be the start of the end of a line.
    fn begun(&self, input: &[u8]) -> usize {
        match &self.end {
            End::Newline => usize::from(input.ends_with(b"\r")),
            End::Byte(_) => 0,
            End::Bytes(finder) => {
                let longest = (finder.needle().len() - 1).min(input.len());
                let starts = |length: &usize| input.ends_with(&finder.needle()[..*length]);
                (1..=longest).rev().find(starts).unwrap_or(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Next, Piece, Splitter};
    use proptest::prelude::{Just, prop_assert_eq, proptest};
    use proptest::{collection, prop_oneof};

    const LIMIT: usize = 5;

    /// `None` is a line that is too long.
    type Lines = Vec<Option<Vec<u8>>>;

    fn collect(lines: &mut Lines, next: Next) -> impl FnMut(Piece<'_>) -> Next {
        move |piece| {
            lines.push(match piece {
                Piece::Line(line) => Some(line.to_vec()),
                Piece::TooLong => None,
            });
            next
        }
    }

    fn split(delimiter: &[u8], chunks: &[&[u8]]) -> Lines {
        let mut splitter = Splitter::new(LIMIT);
        splitter.set_delimiter(delimiter);
        let mut lines = Vec::new();
        for chunk in chunks {
            splitter.feed(chunk, collect(&mut lines, Next::Continue));
        }
        lines
    }

    /// The same by the plainest means: only complete lines, and all of the input at hand.
    fn model(delimiter: &[u8], mut input: &[u8]) -> Lines {
        let end: &[u8] = if delimiter.is_empty() { b"\n" } else { delimiter };
        let mut lines = Vec::new();
        while let Some(at) = (0..input.len()).find(|at| input[*at..].starts_with(end)) {
            let mut line = &input[..at];
            if delimiter.is_empty() {
                line = line.strip_suffix(b"\r").unwrap_or(line);
            }
            lines.push((line.len() <= LIMIT).then(|| line.to_vec()));
            input = &input[at + end.len()..];
        }
        lines
    }

    proptest! {
        #[test]
        fn any_division_gives_the_same_lines(
            delimiter in prop_oneof![
                Just(&b""[..]), Just(&b"\r\n"[..]), Just(&b"a"[..]), Just(&b"aab"[..]),
            ],
            chunks in collection::vec(
                collection::vec(prop_oneof![Just(b'a'), Just(b'b'), Just(b'\r'), Just(b'\n')], 0..9),
                0..9,
            ),
        ) {
            let whole = chunks.concat();
            let lines = split(delimiter, &chunks.iter().map(Vec::as_slice).collect::<Vec<_>>());
            prop_assert_eq!(&lines, &split(delimiter, &[&whole]));
            let mut expected = model(delimiter, &whole);
            // A line without an end may be known to be too long already.
            if lines.len() == expected.len() + 1 {
                expected.push(None);
            }
            prop_assert_eq!(lines, expected);
        }

        #[test]
        fn pauses_change_nothing(
            input in collection::vec(prop_oneof![Just(b'a'), Just(b'\r'), Just(b'\n')], 0..50),
        ) {
            let mut splitter = Splitter::new(LIMIT);
            let mut lines = Vec::new();
            splitter.feed(&input, collect(&mut lines, Next::Pause));
            for _ in 0..input.len() {
                splitter.feed(&[], collect(&mut lines, Next::Pause));
            }
            prop_assert_eq!(lines, split(b"", &[&input]));
        }
    }

    #[test]
    fn a_line_of_exactly_the_limit_passes_with_either_end() {
        let expected = [Some(b"12345".to_vec()), Some(b"12345".to_vec())];
        assert_eq!(split(b"", &[b"12345\r", b"\n12345\n"]), expected);
        assert_eq!(split(b"", &[b"12345\r\n123456\n1\n"])[1..], [None, Some(b"1".to_vec())]);
    }

    #[test]
    fn a_line_that_never_ends_takes_no_more_memory_than_the_limit() {
        let mut splitter = Splitter::new(LIMIT);
        let mut lines = Vec::new();
        for _ in 0..10_000 {
            splitter.feed(b"xxxxxxxxx", collect(&mut lines, Next::Continue));
        }
        assert_eq!(lines, [None]);
        assert!(splitter.unread.capacity() <= 64, "{}", splitter.unread.capacity());
    }

    #[test]
    fn what_comes_after_a_stop_is_forgotten() {
        let mut splitter = Splitter::new(LIMIT);
        let mut lines = Vec::new();
        splitter.feed(b"a\nb\nc", collect(&mut lines, Next::Stop));
        assert_eq!(lines, [Some(b"a".to_vec())]);
        splitter.feed(b"d\n", collect(&mut lines, Next::Continue));
        assert_eq!(lines[1..], [Some(b"d".to_vec())]);
    }
}
