//! What is said on the wire: who says it, and how much was said before, can be told from each piece.

use ropewalk_testing::soak::mix;

/// How what is said is divided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Speech {
    /// Bytes: the speaker's number, and then what follows from it and the place.
    Bytes,
    /// Lines with the speaker's number, their own, and something of any length.
    Lines,
    /// The same as strings after their length.
    Strings,
}

/// So many bytes name the speaker.
const NAME: u64 = 4;

/// The byte at this place of what `speaker` says.
pub(crate) fn byte(speaker: u32, at: u64) -> u8 {
    let (from, place) = match at {
        0..NAME => (u64::from(speaker), at),
        _ => (mix(u64::from(speaker), at / 8), at % 8),
    };
    (from >> (8 * place)) as u8
}

/// The `number`-th message of `speaker`.
pub(crate) fn message(speaker: u32, number: u64) -> Vec<u8> {
    let bits = mix(!u64::from(speaker), number);
    let length = if bits % 64 == 0 { bits >> 32 & 0xfff } else { bits >> 32 & 0x7f };
    let mut message = format!("{speaker} {number} ").into_bytes();
    message.extend((0..length).map(|at| b'a' + ((bits >> (at % 50)) % 26) as u8));
    message
}

/// Who says this message.
pub(crate) fn speaker_of(message: &[u8]) -> Option<u32> {
    std::str::from_utf8(message).ok()?.split(' ').next()?.parse().ok()
}

impl Speech {
    /// About `size` bytes, after `said` bytes or messages; and how many of these there are now.
    pub(crate) fn next(self, speaker: u32, said: u64, size: usize) -> (Vec<u8>, u64) {
        if self == Self::Bytes {
            let end = said + size as u64;
            return ((said..end).map(|at| byte(speaker, at)).collect(), end);
        }
        let (mut words, mut now) = (Vec::new(), said);
        while now == said || words.len() < size {
            self.encode(&message(speaker, now), &mut words);
            now += 1;
        }
        (words, now)
    }

    fn encode(self, message: &[u8], words: &mut Vec<u8>) {
        if self == Self::Strings {
            words.extend((message.len() as u16).to_be_bytes());
        }
        words.extend(message);
        if self == Self::Lines {
            words.push(b'\n');
        }
    }
}
