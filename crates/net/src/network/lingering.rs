//! The very end of a run: sockets that are half closed, and whose peers may still send.
//!
//! Closing a socket with something unread makes the system reset the connection, and a reset
//! throws away what the peer has not read yet. So what still comes is thrown away here until the
//! peer closes too. The loop that has ended does not turn any more, and everybody has been told
//! of the end: a small loop of its own serves these sockets, for a short time.

use crate::events::tell;
use ropewalk_reactor::{Interest, Reactor, Registration};
use slab::Slab;
use socket2::Socket;
use std::cell::{Cell, RefCell};
use std::io::{self, Read as _};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How long the end of a run is delayed at most.
pub(super) const LIMIT: Duration = Duration::from_secs(1);

/// How long it waits for peers of which none sends anything and none closes. Nothing unread is
/// left of these, so that the system delivers what was sent to them without us.
const QUIET: Duration = Duration::from_millis(250);

/// How much is read of one socket in one turn.
const BUFFER: usize = 64 * 1024;

/// Reads until all peers have closed, none has said anything for a while, or the time is over.
pub(super) fn linger(sockets: Vec<Socket>) {
    if sockets.is_empty() {
        return;
    }
    let reactor = match Reactor::new() {
        Ok(reactor) => reactor,
        Err(error) => return tell(|| tracing::debug!(%error, "no loop to linger with")),
    };
    let open: Rc<RefCell<Slab<Registration<Socket>>>> = Rc::default();
    let heard = Rc::new(Cell::new(Instant::now()));
    let buffer = Rc::new(RefCell::new(vec![0; BUFFER]));
    for socket in sockets {
        let (weak, heard, buffer) = (Rc::downgrade(&open), Rc::clone(&heard), Rc::clone(&buffer));
        let key = open.borrow().vacant_key();
        let registered = reactor.register(socket, Interest::READABLE, move |_, socket, _| {
            heard.set(Instant::now());
            if is_at_its_end(socket, &mut buffer.borrow_mut()) {
                // Out of the borrow first.
                let done = weak.upgrade().and_then(|open| open.borrow_mut().try_remove(key));
                drop(done);
            }
        });
        if let Ok(registration) = registered {
            open.borrow_mut().insert(registration);
        }
    }
    let begun = Instant::now();
    while !open.borrow().is_empty() {
        let last = heard.get();
        let left = LIMIT.saturating_sub(begun.elapsed());
        let quiet = QUIET.saturating_sub(last.elapsed());
        if left.is_zero() || reactor.turn(Some(left.min(quiet))).is_err() {
            break;
        }
        // Only after one more look: a thread that did not run for so long has not heard anything.
        if quiet.is_zero() && heard.get() == last {
            break;
        }
    }
    let (closed, took) = (open.borrow().len(), begun.elapsed());
    tell(|| tracing::debug!(closed, ?took, "lingered"));
}

/// Throws away what has come; `true` if nothing more will.
fn is_at_its_end(mut socket: &Socket, buffer: &mut [u8]) -> bool {
    match socket.read(buffer) {
        Ok(count) => count == 0,
        Err(error) => {
            !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
        }
    }
}
