//! How a string is sent: with what tells it apart.

use super::{Format, Framing};
use crate::error::Bytes as InWords;
use crate::{Pressure, Transport};
use bytes::Bytes;
use std::error::Error;
use std::fmt;
use std::io::Write as _;

/// Digits of the longest length, and a colon.
const HEAD: usize = 21;

/// What stands before a string.
pub(super) struct HeadBytes {
    bytes: [u8; HEAD],
    size: usize,
}

impl HeadBytes {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.size]
    }
}

impl Framing {
    /// Sends a string, as a copy if it has to wait.
    ///
    /// # Errors
    ///
    /// [`StringTooLong`], with `string` inside: nothing was sent.
    ///
    /// Twisted: `sendString`.
    #[doc(alias = "sendString")]
    pub fn send_string<S: AsRef<[u8]>>(
        &self,
        transport: &Transport,
        string: S,
    ) -> Result<Pressure, StringTooLong<S>> {
        let bytes = string.as_ref();
        match self.head_of(bytes.len()) {
            Some(head) => Ok(transport.write_sequence(&[head.bytes(), bytes, self.format.end()])),
            None => Err(StringTooLong { string, limit: self.limit() }),
        }
    }

    /// Sends a string without copying it, as [`Transport::write_owned`] does.
    ///
    /// # Errors
    ///
    /// [`StringTooLong`], with `string` inside: nothing was sent.
    pub fn send_string_owned(
        &self,
        transport: &Transport,
        string: impl Into<Bytes>,
    ) -> Result<Pressure, StringTooLong<Bytes>> {
        let string = string.into();
        match self.head_of(string.len()) {
            Some(head) => {
                let head = Bytes::copy_from_slice(head.bytes());
                let end = Bytes::from_static(self.format.end());
                Ok(transport.write_owned_sequence([head, string, end]))
            }
            None => Err(StringTooLong { string, limit: self.limit() }),
        }
    }

    /// `None` for a length that is not allowed.
    pub(super) fn head_of(&self, length: usize) -> Option<HeadBytes> {
        if length > self.limit() {
            return None;
        }
        let mut bytes = [0; HEAD];
        let size = match self.format {
            Format::Netstring => {
                let mut room = &mut bytes[..];
                // There is room for every length.
                let _ = write!(room, "{length}:");
                HEAD - room.len()
            }
            Format::Prefix { width, little } => {
                let size = usize::from(width);
                let ordered = (length as u64).to_be_bytes();
                bytes[..size].copy_from_slice(&ordered[ordered.len() - size..]);
                if little {
                    bytes[..size].reverse();
                }
                size
            }
        };
        Some(HeadBytes { bytes, size })
    }
}

/// A string is too long for its [`Framing`], and was not sent.
///
/// Twisted: `StringTooLongError`.
#[doc(alias = "StringTooLongError")]
pub struct StringTooLong<S> {
    string: S,
    limit: usize,
}

impl<S> StringTooLong<S> {
    /// The string.
    pub fn into_string(self) -> S {
        self.string
    }

    /// How many bytes are allowed.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }
}

impl<S> fmt::Debug for StringTooLong<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StringTooLong").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl<S> fmt::Display for StringTooLong<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the string has more than {}; send it in parts", InWords(self.limit))
    }
}

impl<S> Error for StringTooLong<S> {}
