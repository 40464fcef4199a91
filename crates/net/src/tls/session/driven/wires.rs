//! Wires in memory.

use crate::filter::Wire;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::rc::Rc;

/// What is on its way from one end to the other.
#[derive(Default)]
pub(super) struct Pipe {
    pub(super) bytes: VecDeque<u8>,
    pub(super) closed: bool,
    /// How much it may still give, and take.
    pub(super) gives: usize,
    pub(super) takes: usize,
}

/// One end of two pipes.
pub(super) struct Socket {
    pub(super) from: Rc<RefCell<Pipe>>,
    pub(super) to: Rc<RefCell<Pipe>>,
}

impl Wire for Socket {}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut from = self.from.borrow_mut();
        if from.bytes.is_empty() && from.closed {
            return Ok(0);
        }
        let count = buffer.len().min(from.bytes.len()).min(from.gives);
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        from.gives -= count;
        for (place, byte) in buffer.iter_mut().zip(from.bytes.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }
}

impl Write for Socket {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let mut to = self.to.borrow_mut();
        let count = data.len().min(to.takes);
        if count == 0 && !data.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        to.takes -= count;
        to.bytes.extend(&data[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One whose peer is gone.
pub(super) struct Broken;

impl Wire for Broken {}

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::ConnectionReset.into())
    }
}

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
