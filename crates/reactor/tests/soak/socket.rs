//! The sources: one end of a pair of sockets each, whose other end all threads may write to.
//!
//! Byte number n is n modulo a prime, so that a byte that is lost, doubled or of another pair shows.

use std::cell::Cell;
use std::io::{ErrorKind, Read as _, Result, Write as _};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use ropewalk_reactor::{Interest, Registration};
use ropewalk_testing::soak::{get, lock};

use crate::world::World;

#[cfg(not(unix))]
pub(crate) use std::net::TcpStream as Stream;
#[cfg(unix)]
pub(crate) use std::os::unix::net::UnixStream as Stream;

const PRIME: u64 = 251;

/// The far end, and how much has come through.
#[derive(Debug)]
pub(crate) struct Wire {
    /// None when the near end is about to be closed.
    far: Mutex<Option<Stream>>,
    written: AtomicU64,
    read: AtomicU64,
}

impl Wire {
    /// Both ends; neither blocks.
    pub(crate) fn new() -> Result<(Arc<Self>, Rc<Stream>)> {
        let (near, far) = pair()?;
        near.set_nonblocking(true)?;
        far.set_nonblocking(true)?;
        let wire = Self {
            far: Mutex::new(Some(far)),
            written: AtomicU64::new(0),
            read: AtomicU64::new(0),
        };
        Ok((Arc::new(wire), Rc::new(near)))
    }

    fn far(&self) -> MutexGuard<'_, Option<Stream>> {
        lock(&self.far)
    }

    /// Writes what finds room of `count` bytes.
    pub(crate) fn write(&self, world: &World, count: usize) {
        let far = self.far();
        let Some(mut stream) = far.as_ref() else { return };
        let begin = get(&self.written);
        let bytes: Vec<u8> = (begin..).take(count).map(|number| (number % PRIME) as u8).collect();
        match stream.write(&bytes) {
            Ok(written) => {
                self.written.fetch_add(written as u64, Ordering::SeqCst);
                world.tally.written.fetch_add(written as u64, Ordering::SeqCst);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => world.complain(format!("a write to a socket failed: {error}")),
        }
    }

    /// Reads up to `count` bytes from the near end; how many, or `None` if there are none.
    pub(crate) fn read(&self, world: &World, mut near: &Stream, count: usize) -> Option<u64> {
        let mut bytes = vec![0; count];
        let read = match near.read(&mut bytes) {
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(error) => {
                world.complain(format!("a read from a socket failed: {error}"));
                return None;
            }
        };
        let begin = self.read.fetch_add(read as u64, Ordering::SeqCst);
        let are_right = bytes[..read]
            .iter()
            .zip(begin..)
            .all(|(byte, number)| u64::from(*byte) == number % PRIME);
        if !are_right {
            world.complain(format!("other bytes than were sent, {read} from number {begin}"));
        }
        Some(read as u64)
    }

    /// How many bytes wait for the reader. Of use when nobody writes.
    pub(crate) fn waiting(&self) -> u64 {
        get(&self.written) - get(&self.read)
    }
}

/// A registered source.
pub(crate) struct Tap {
    pub(crate) world: Arc<World>,
    pub(crate) wire: Arc<Wire>,
    pub(crate) near: Rc<Stream>,
    pub(crate) interest: Rc<Cell<Interest>>,
    /// None once it is dropped.
    pub(crate) registration: Option<Registration<Rc<Stream>>>,
}

impl Tap {
    pub(crate) fn set_interest(&self, interest: Interest) {
        let Some(registration) = &self.registration else { return };
        match registration.set_interest(interest) {
            Ok(()) => self.interest.set(interest),
            Err(error) => self.world.complain(format!("no change of interest: {error}")),
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        drop(self.registration.take());
        let far = self.wire.far().take();
        drop(far);
        // Nobody writes any more; what is there was never read.
        while let Some(left @ 1..) = self.wire.read(&self.world, &self.near, 65_536) {
            self.world.tally.left_over.fetch_add(left, Ordering::SeqCst);
        }
    }
}

#[cfg(unix)]
fn pair() -> Result<(Stream, Stream)> {
    Stream::pair()
}

#[cfg(not(unix))]
fn pair() -> Result<(Stream, Stream)> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let far = Stream::connect(listener.local_addr()?)?;
    Ok((listener.accept()?.0, far))
}
