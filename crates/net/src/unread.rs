//! What has come of a message whose end has not, or was not wanted yet.
//!
//! A message that is complete in what came is lent from there; only the rest is copied. Taking
//! messages out one by one, with a pause after each, moves nothing.

use std::mem::take;

/// Less than this is not worth a smaller place.
const SPARE: usize = 1024;

#[derive(Debug, Default)]
pub(crate) struct Unread {
    bytes: Vec<u8>,
    /// How much of `bytes` is dealt with.
    start: usize,
}

impl Unread {
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// What is here, which is not kept.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let Self { mut bytes, start } = take(self);
        bytes.drain(..start);
        bytes
    }

    /// Shows `split` what is kept and, behind it, `data`; keeps what it does not use.
    ///
    /// Meanwhile nothing is here, so that a panic in `split` finds everything in order.
    pub(crate) fn feed(&mut self, data: &[u8], split: impl FnOnce(&[u8]) -> usize) {
        let Self { mut bytes, mut start } = take(self);
        if start == bytes.len() {
            let used = split(data);
            self.bytes = data[used..].to_vec();
            return;
        }
        if !data.is_empty() {
            bytes.drain(..start);
            start = 0;
            bytes.extend_from_slice(data);
        }
        start += split(&bytes[start..]);
        let left = bytes.len() - start;
        *self = if bytes.capacity() > 4 * left + SPARE {
            Self { bytes: bytes[start..].to_vec(), start: 0 }
        } else {
            Self { bytes, start }
        };
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::{SPARE, Unread};
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
    use proptest::{collection, test_runner::Config};

    proptest! {
        #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

        #[test]
        fn what_is_not_used_is_shown_again_in_order(
            steps in collection::vec((collection::vec(any::<u8>(), 0..3_000), 0..3_000_usize), 0..20),
        ) {
            let (mut unread, mut model) = (Unread::default(), Vec::new());
            for (data, use_up) in steps {
                model.extend_from_slice(&data);
                let mut shown = Vec::new();
                unread.feed(&data, |input| {
                    shown = input.to_vec();
                    use_up.min(input.len())
                });
                prop_assert_eq!(&shown, &model);
                model.drain(..use_up.min(model.len()));
                prop_assert!(unread.capacity() <= 4 * model.len() + SPARE);
            }
        }
    }
}
