//! Reading and writing on a socket, by the connection itself or by its filter.
//!
//! A peer that is gone is an error and never a signal, whatever the program does with signals: it may
//! not be ours.

use crate::filter::Wire;
use socket2::Socket;
use std::io::{self, IoSlice, Read, Write};

/// "Do not send a signal", where a flag says so; elsewhere the socket itself does.
#[cfg(not(any(windows, target_vendor = "apple")))]
const FLAGS: i32 = libc::MSG_NOSIGNAL;
#[cfg(any(windows, target_vendor = "apple"))]
const FLAGS: i32 = 0;

pub(super) fn send(socket: &Socket, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    match slices {
        [one] => socket.send_with_flags(one, FLAGS),
        many => socket.send_vectored_with_flags(many, FLAGS),
    }
}

/// A socket, as a filter sees it.
pub(super) struct SocketWire<'a>(pub(super) &'a Socket);

impl Wire for SocketWire<'_> {}

impl Read for SocketWire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for SocketWire<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.send_with_flags(data, FLAGS)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        send(self.0, slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
