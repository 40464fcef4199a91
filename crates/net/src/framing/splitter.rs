//! Cuts a stream of bytes into strings that are preceded by their length.

use super::{Format, FrameError, Framing};
use crate::line::Next;
use crate::unread::Unread;

/// What was found.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    String(&'a [u8]),
    Failed(FrameError),
}

/// What stands before a string.
#[derive(Debug, PartialEq)]
pub(super) struct Head {
    /// Its own length.
    pub(super) size: usize,
    /// That of the string.
    pub(super) length: u64,
}

#[derive(Debug, Default)]
pub(super) struct Splitter {
    unread: Unread,
    /// How much of a string that is too long is still to come.
    skip: u64,
    /// Where the next string begins cannot be known any more.
    broken: bool,
}

impl Splitter {
    /// Drops the string that has begun: its end will not come.
    pub(super) fn forget(&mut self) {
        self.unread.clear();
    }

    /// What has come and was not dealt with, and is not kept: another stream begins.
    pub(super) fn take_rest(&mut self) -> Vec<u8> {
        (self.skip, self.broken) = (0, false);
        self.unread.take()
    }

    pub(super) fn feed(
        &mut self,
        framing: &Framing,
        data: &[u8],
        mut deliver: impl FnMut(Piece<'_>) -> Next,
    ) {
        let Self { unread, skip, broken } = self;
        unread.feed(data, |input| {
            let mut used = 0;
            loop {
                used += skipped(skip, input.len() - used);
                if *broken {
                    return input.len();
                }
                if *skip > 0 {
                    return used;
                }
                let Some((size, piece)) = first(framing, &input[used..]) else { return used };
                used += size;
                if let Piece::Failed(error) = &piece {
                    match error {
                        FrameError::TooLong { length, .. } => {
                            *skip = length.saturating_add(framing.format.end().len() as u64);
                        }
                        _ => *broken = true,
                    }
                }
                match deliver(piece) {
                    Next::Continue => {}
                    Next::Pause => return used,
                    Next::Stop => return input.len(),
                }
            }
        });
    }
}

/// How much of what is there is thrown away.
fn skipped(skip: &mut u64, there: usize) -> usize {
    let now = usize::try_from(*skip).map_or(there, |skip| skip.min(there));
    *skip -= now as u64;
    now
}

/// The first piece of `input`, and how much of it is dealt with then.
fn first<'a>(framing: &Framing, input: &'a [u8]) -> Option<(usize, Piece<'a>)> {
    let Head { size, length } = match framing.format.head(input) {
        Ok(head) => head?,
        Err(error) => return Some((0, Piece::Failed(error))),
    };
    let limit = framing.limit();
    let body = match usize::try_from(length) {
        Ok(body) if body <= limit => body,
        _ => return Some((size, Piece::Failed(FrameError::TooLong { length, limit }))),
    };
    let (string, rest) = input.get(size..)?.split_at_checked(body)?;
    let end = framing.format.end();
    if rest.len() < end.len() {
        return None;
    }
    if rest.starts_with(end) {
        Some((size + body + end.len(), Piece::String(string)))
    } else {
        Some((0, Piece::Failed(FrameError::MissingEnd)))
    }
}

impl Format {
    /// `None` if more has to come.
    pub(super) fn head(self, input: &[u8]) -> Result<Option<Head>, FrameError> {
        match self {
            Self::Netstring => netstring_head(input),
            Self::Prefix { width, little } => {
                let size = usize::from(width);
                let Some(bytes) = input.get(..size) else { return Ok(None) };
                let add = |length: u64, byte: &u8| length << 8 | u64::from(*byte);
                let length = if little {
                    bytes.iter().rev().fold(0, add)
                } else {
                    bytes.iter().fold(0, add)
                };
                Ok(Some(Head { size, length }))
            }
        }
    }

    pub(super) fn end(self) -> &'static [u8] {
        match self {
            Self::Netstring => b",",
            Self::Prefix { .. } => b"",
        }
    }
}

/// Digits without a needless zero, and a colon.
fn netstring_head(input: &[u8]) -> Result<Option<Head>, FrameError> {
    let mut length = 0_u64;
    for (at, byte) in input.iter().enumerate() {
        match byte {
            b':' if at > 0 => return Ok(Some(Head { size: at + 1, length })),
            b'0'..=b'9' if at == 0 || length > 0 => {
                let next = length.checked_mul(10);
                let next = next.and_then(|ten| ten.checked_add(u64::from(byte - b'0')));
                length = next.ok_or(FrameError::BadLength)?;
            }
            _ => return Err(FrameError::BadLength),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::{Format, FrameError, Framing, Head, Next, Piece, Splitter};
    use proptest::prelude::{Just, Strategy, any, prop_assert_eq, proptest};
    use proptest::{collection, prop_oneof, test_runner::Config};

    type Strings = Vec<Result<Vec<u8>, FrameError>>;

    fn split(framing: &Framing, pieces: &[&[u8]], next: Next) -> Strings {
        let (mut splitter, mut strings) = (Splitter::default(), Vec::new());
        let mut take = |piece: Piece<'_>| {
            strings.push(match piece {
                Piece::String(string) => Ok(string.to_vec()),
                Piece::Failed(error) => Err(error),
            });
            next
        };
        for piece in pieces {
            splitter.feed(framing, piece, &mut take);
        }
        for _ in 0..pieces.iter().map(|piece| piece.len()).sum() {
            splitter.feed(framing, &[], &mut take);
        }
        strings
    }

    fn framings() -> impl Strategy<Value = Framing> {
        let format = prop_oneof![
            Just(Framing::netstrings()),
            Just(Framing::u8()),
            Just(Framing::u16()),
            Just(Framing::u16().little_endian()),
            Just(Framing::u32()),
            Just(Framing::u32().little_endian()),
        ];
        (format, 0..300_usize).prop_map(|(framing, limit)| framing.max_length(limit))
    }

    proptest! {
        #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

        #[test]
        fn what_is_framed_comes_out_again_however_it_is_divided(
            framing in framings(),
            strings in collection::vec(collection::vec(any::<u8>(), 0..280), 0..9),
            cuts in collection::vec(0..2_000_usize, 0..20),
        ) {
            let (mut wire, mut expected) = (Vec::new(), Strings::new());
            for string in strings {
                let anything = framing.max_length(usize::MAX);
                let Some(head) = anything.head_of(string.len()) else { continue };
                wire.extend(head.bytes());
                wire.extend(&string);
                wire.extend(framing.format.end());
                let (length, limit) = (string.len() as u64, framing.limit());
                expected.push(if string.len() <= limit {
                    Ok(string)
                } else {
                    Err(FrameError::TooLong { length, limit })
                });
            }
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(wire.len())).collect();
            cuts.extend([0, wire.len()]);
            cuts.sort_unstable();
            let pieces: Vec<_> = cuts.windows(2).map(|cut| &wire[cut[0]..cut[1]]).collect();
            prop_assert_eq!(&split(&framing, &[&wire], Next::Continue), &expected);
            prop_assert_eq!(&split(&framing, &pieces, Next::Continue), &expected);
            prop_assert_eq!(&split(&framing, &pieces, Next::Pause), &expected, "with pauses");
        }

        #[test]
        fn anything_is_taken_the_same_way_however_it_is_divided(
            framing in framings(),
            pieces in collection::vec(collection::vec(
                prop_oneof![b'0'..=b'9', Just(b':'), Just(b','), any::<u8>()], 0..9,
            ), 0..20),
        ) {
            let pieces: Vec<_> = pieces.iter().map(Vec::as_slice).collect();
            let whole = split(&framing, &[&pieces.concat()], Next::Continue);
            prop_assert_eq!(split(&framing, &pieces, Next::Continue), whole);
        }
    }

    #[test]
    fn the_length_of_a_netstring_is_a_number_without_needless_zeros() {
        let head = |text: &str| Format::Netstring.head(text.as_bytes());
        assert_eq!(head("0:"), Ok(Some(Head { size: 2, length: 0 })));
        assert_eq!(head("120:x"), Ok(Some(Head { size: 4, length: 120 })));
        assert_eq!(head("12"), Ok(None));
        for bad in [":", "00:", "01:", "1a:", "-1:", " 1:", "99999999999999999999"] {
            assert_eq!(head(bad), Err(FrameError::BadLength), "{bad:?}");
        }
    }

    #[test]
    fn nothing_is_believed_after_an_error() {
        let strings = split(&Framing::netstrings(), &[b"1:a;1:b,", b"1:c,"], Next::Continue);
        assert_eq!(strings, [Err(FrameError::MissingEnd)]);
        let strings = split(&Framing::netstrings(), &[b"x1:b,", b"1:c,"], Next::Continue);
        assert_eq!(strings, [Err(FrameError::BadLength)]);
    }

    #[test]
    fn a_length_that_is_only_promised_takes_no_memory() {
        let framing = Framing::u32().max_length(usize::MAX);
        let mut splitter = Splitter::default();
        splitter.feed(&framing, &[0xff; 100], |_| Next::Continue);
        assert!(splitter.unread.capacity() < 200);
    }
}
