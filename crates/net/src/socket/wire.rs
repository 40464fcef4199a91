//! Reading and writing on a socket, by the connection itself or by its filter.
//!
//! A peer that is gone is an error and never a signal, whatever the program does with signals: it may
//! not be ours.
//!
//! On Linux the system is asked without the C library: that makes a thread ready to be cancelled before
//! each read and write, and takes it back after it, which costs more than all that is done for them
//! here. No thread of Rust is cancelled.

use crate::filter::Wire;
#[cfg(target_os = "linux")]
use rustix::net::{RecvFlags, SendFlags, recv};
use socket2::Socket;
use std::io::{self, IoSlice, Read, Write};

/// "Do not send a signal", where a flag says so; elsewhere the socket itself does.
#[cfg(not(any(windows, target_vendor = "apple")))]
const FLAGS: i32 = libc::MSG_NOSIGNAL;
#[cfg(any(windows, target_vendor = "apple"))]
const FLAGS: i32 = 0;

/// The most slices of one call: with more, systems refuse it as a whole.
const MOST_SLICES: usize = 1024;

#[cfg(target_os = "linux")]
#[inline]
pub(super) fn receive(socket: &Socket, buffer: &mut [u8]) -> io::Result<usize> {
    let (_, received) = recv(socket, buffer, RecvFlags::empty())?;
    Ok(received)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn receive(mut socket: &Socket, buffer: &mut [u8]) -> io::Result<usize> {
    socket.read(buffer)
}

#[inline]
pub(super) fn send(socket: &Socket, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    match slices {
        [one] => send_one(socket, one),
        many => socket.send_vectored_with_flags(part_of(many), FLAGS),
    }
}

/// As many as one call takes. The first says something if any does: nothing sent of something would look
/// like the end.
fn part_of<'a, 'b>(slices: &'a [IoSlice<'b>]) -> &'a [IoSlice<'b>] {
    if slices.len() <= MOST_SLICES {
        return slices;
    }
    let first = slices.iter().position(|slice| !slice.is_empty()).unwrap_or(0);
    &slices[first..slices.len().min(first + MOST_SLICES)]
}

#[cfg(target_os = "linux")]
#[inline]
fn send_one(socket: &Socket, data: &[u8]) -> io::Result<usize> {
    Ok(rustix::net::send(socket, data, SendFlags::NOSIGNAL)?)
}

#[cfg(not(target_os = "linux"))]
fn send_one(socket: &Socket, data: &[u8]) -> io::Result<usize> {
    socket.send_with_flags(data, FLAGS)
}

/// A socket, as a filter sees it.
pub(super) struct SocketWire<'a>(pub(super) &'a Socket);

impl Wire for SocketWire<'_> {}

impl Read for SocketWire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        receive(self.0, buffer)
    }
}

impl Write for SocketWire<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        send_one(self.0, data)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        send(self.0, slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
