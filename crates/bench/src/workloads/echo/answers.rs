//! What a server that is written by hand owes to one client.

use std::io::{self, ErrorKind, Read, Write};

/// What the system did not take at once. As long as there is something, nothing more is read.
#[derive(Default)]
pub(super) struct Answers {
    unsent: Vec<u8>,
}

pub(super) enum Progress {
    /// All that had come is answered, as far as one can know.
    Done,
    /// There may be more to read; whoever is told of what is ready only once has to look.
    More,
    /// It goes on when there is room to write.
    Blocked,
    /// The client has gone.
    Ended,
}

impl Answers {
    /// One read and one write, or what is left of an earlier one.
    pub(super) fn give(
        &mut self,
        mut stream: impl Read + Write,
        buffer: &mut [u8],
    ) -> io::Result<Progress> {
        if !self.unsent.is_empty() {
            let written = write(&mut stream, &self.unsent)?;
            self.unsent.drain(..written);
            return Ok(if self.unsent.is_empty() { Progress::More } else { Progress::Blocked });
        }
        let length = match stream.read(buffer) {
            Ok(0) => return Ok(Progress::Ended),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Progress::Done),
            read => read?,
        };
        let written = write(&mut stream, &buffer[..length])?;
        if written < length {
            self.unsent.extend_from_slice(&buffer[written..length]);
            return Ok(Progress::Blocked);
        }
        Ok(if length < buffer.len() { Progress::Done } else { Progress::More })
    }
}

fn write(mut stream: impl Write, bytes: &[u8]) -> io::Result<usize> {
    match stream.write(bytes) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        written => written,
    }
}

#[cfg(test)]
mod tests {
    use super::{Answers, Progress};
    use std::io::{self, Read, Write};

    /// What comes in, what went out, and how much more it takes.
    struct Socket<'a>(&'a [u8], &'a mut Vec<u8>, usize);

    impl Read for Socket<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }

    impl Write for Socket<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.2 == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let taken = bytes.len().min(self.2);
            self.1.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_not_taken_is_given_later() {
        let (mut answers, mut out, mut buffer) = (Answers::default(), Vec::new(), [0; 8]);
        let mut give = |input: &[u8], room| {
            let socket = Socket(input, &mut out, room);
            answers.give(socket, &mut buffer).unwrap()
        };
        assert!(matches!(give(b"abcd", 3), Progress::Blocked));
        assert!(matches!(give(b"not read", 0), Progress::Blocked));
        assert!(matches!(give(b"not read", 9), Progress::More));
        assert!(matches!(give(b"efghijkl", 9), Progress::More));
        assert!(matches!(give(b"m", 9), Progress::Done));
        assert!(matches!(give(b"", 9), Progress::Ended));
        assert_eq!(out, b"abcdefghijklm");
    }
}
