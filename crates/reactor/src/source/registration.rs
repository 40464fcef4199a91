//! Who holds a source that is watched.

use super::Interest;
use crate::core::Core;
use crate::selector::Armed;
use polling::AsSource;
use std::fmt;
use std::io;
use std::rc::{Rc, Weak};

/// A watched source, and the right to stop watching it.
///
/// It owns the source and lends it with [`source`](Self::source). Dropping it ends the watching and
/// then closes the source, at any time, also from inside its own callback; [`detach`](Self::detach)
/// leaves it to the reactor.
///
/// Twisted: what `addReader` and `addWriter` keep in the reactor.
#[must_use = "dropping it ends the watching; `detach` leaves it to the reactor"]
pub struct Registration<S: AsSource> {
    /// `None`: it is detached.
    core: Option<Weak<Core>>,
    armed: Rc<Armed<S>>,
}

impl<S: AsSource> Registration<S> {
    pub(super) fn new(core: &Rc<Core>, armed: Rc<Armed<S>>) -> Self {
        Self { core: Some(Rc::downgrade(core)), armed }
    }

    /// The source.
    pub fn source(&self) -> &S {
        self.armed.source()
    }

    pub(crate) fn armed(&self) -> &Armed<S> {
        &self.armed
    }

    /// Changes what the source is watched for.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn set_interest(&self, interest: Interest) -> io::Result<()> {
        self.armed.set_interest(interest)
    }

    /// Watches until the reactor is dropped, which closes the source.
    ///
    /// Nobody can end the watching before that: the callback is called, for what is watched now, for
    /// as long as the reactor turns; it and what it captured are dropped with the reactor. It is for
    /// sources that do not end, such as a listener: a connection that has hung up is ready in each
    /// turn from then on.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::{Interest, Reactor};
    /// use std::net::UdpSocket;
    ///
    /// let reactor = Reactor::new()?;
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// let address = socket.local_addr()?;
    /// let answer = |reactor: &Reactor, socket: &UdpSocket, _| {
    ///     let (_, _asker) = socket.recv_from(&mut [0; 16]).unwrap();
    ///     reactor.stop();
    /// };
    /// reactor.register(socket, Interest::READABLE, answer)?.detach();
    /// UdpSocket::bind("127.0.0.1:0")?.send_to(b"hello", address)?;
    /// reactor.run().unwrap();
    /// drop(reactor); // closes the socket
    /// UdpSocket::bind(address)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn detach(mut self) {
        self.core = None;
    }
}

impl<S: AsSource> Drop for Registration<S> {
    fn drop(&mut self) {
        // What the reactor has of a detached one stays; if the reactor has gone, this was the last.
        let Some(core) = &self.core else { return };
        self.armed.disarm();
        if let Some(core) = core.upgrade() {
            // Out of the borrow first: the callback and what it captured are the user's.
            let removed = core.sources.borrow_mut().remove(self.armed.key());
            drop(removed);
        }
    }
}

impl<S: AsSource> fmt::Debug for Registration<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").field("key", &self.armed.key()).finish_non_exhaustive()
    }
}
