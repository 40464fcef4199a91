//! How a session sends: first what is plain, and then what is encrypted.

use super::Session;
use crate::filter::Wire;
use std::io::{self, IoSlice, Read, Write};

impl Session {
    /// Offers the socket everything there is. After an error there is nothing to be sent any more.
    pub(super) fn flush(&mut self, wire: &mut dyn Wire) -> io::Result<()> {
        if let Some(kind) = self.muted {
            return Err(kind.into());
        }
        let offered = self.offer(wire);
        match &offered {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => self.mute(error.kind()),
            _ => {}
        }
        offered
    }

    /// Sends nothing any more: a part of what was encrypted cannot be left out of the stream.
    pub(super) fn mute(&mut self, kind: io::ErrorKind) {
        drop(self.plain.clear());
        (self.early, self.encrypted) = (0, 0);
        self.muted = Some(kind);
    }

    fn offer(&mut self, wire: &mut dyn Wire) -> io::Result<()> {
        while self.plain.len() > 0 {
            let before = self.plain.len();
            match self.plain.send(|slices| wire.write_vectored(slices)) {
                Ok(_) if self.plain.len() == before => {
                    return Err(io::ErrorKind::WriteZero.into());
                }
                // It is a copy, with nothing of the application in it.
                Ok(spent) => drop(spent),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    // What is encrypted behind it has to be counted all the same.
                    self.offer_encrypted(&mut NoRoom)?;
                    return Err(error);
                }
            }
        }
        self.offer_encrypted(wire)
    }

    fn offer_encrypted(&mut self, wire: &mut dyn Wire) -> io::Result<()> {
        while self.tls.wants_write() {
            let mut tap = Tap { wire, offered: 0 };
            let written = self.tls.write_tls(&mut tap);
            let offered = tap.offered;
            match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.encrypted = offered.saturating_sub(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.encrypted = offered;
                    return Err(error);
                }
            }
        }
        self.encrypted = 0;
        Ok(())
    }

    /// As [`flush`](Self::flush), where a socket without room is none of the caller's business.
    pub(super) fn flush_if_possible(&mut self, wire: &mut dyn Wire) -> io::Result<()> {
        match self.flush(wire) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            result => result,
        }
    }
}

/// Sees how much rustls has to send.
struct Tap<'a> {
    wire: &'a mut dyn Wire,
    offered: usize,
}

impl Write for Tap<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.offered = data.len();
        self.wire.write(data)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.offered = slices.iter().map(|slice| slice.len()).sum();
        self.wire.write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A socket that takes nothing.
struct NoRoom;

impl Wire for NoRoom {}

impl Read for NoRoom {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Write for NoRoom {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
