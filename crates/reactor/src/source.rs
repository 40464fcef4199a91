//! I/O sources: what is watched, and the callbacks that hear of it.
//!
//! Keys carry a version beside the slot, so that an event that was fetched for a source which is
//! gone by now, and whose slot another one has taken, is recognised and dropped.

mod registration;

pub use registration::Registration;

use crate::error::RegisterError;
use crate::panics;
use crate::reactor::Reactor;
use crate::selector::{Armed, Event};
use crate::stopwatch::Kind;
use crate::storage::GiveBack as _;
use polling::AsSource;
use slab::Slab;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

/// What a source is watched for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interest(u8);

impl Interest {
    /// Nothing: the source stays registered, its callback rests, also when the peer hangs up. It
    /// hears of that as soon as something is watched for again.
    pub const NONE: Self = Self(0);
    /// Data to read, a connection to accept, or the end of the stream.
    pub const READABLE: Self = Self(1);
    /// Room to write, or the end of a connection attempt.
    pub const WRITABLE: Self = Self(2);
    /// Both.
    pub const BOTH: Self = Self(3);

    const EDGE: u8 = 4;

    /// The interest made of two answers.
    #[must_use]
    pub const fn new(readable: bool, writable: bool) -> Self {
        Self(readable as u8 | (writable as u8) << 1)
    }

    /// The same, edge-triggered: the callback is called when the source *becomes* ready, not as long
    /// as it is. Default: level-triggered.
    ///
    /// The callback must read, or write, until the source would block; what it leaves is not told of
    /// again before more comes. It spares a busy program the turns in which nothing is new. Setting
    /// the interest anew tells of what is there. A platform whose system has no such thing refuses it
    /// ([`Unsupported`](std::io::ErrorKind::Unsupported)).
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::Interest;
    ///
    /// let edge = Interest::READABLE.edge_triggered();
    /// assert!(edge.is_readable() && edge.is_edge_triggered());
    /// assert_ne!(edge, Interest::READABLE);
    /// ```
    #[must_use]
    pub const fn edge_triggered(self) -> Self {
        Self(self.0 | Self::EDGE)
    }

    /// Whether it is edge-triggered.
    #[must_use]
    pub const fn is_edge_triggered(self) -> bool {
        self.0 & Self::EDGE != 0
    }

    pub(crate) const fn is_none(self) -> bool {
        !self.is_readable() && !self.is_writable()
    }

    /// Whether reading is watched.
    #[must_use]
    pub const fn is_readable(self) -> bool {
        self.0 & 1 != 0
    }

    /// Whether writing is watched.
    #[must_use]
    pub const fn is_writable(self) -> bool {
        self.0 & 2 != 0
    }

    const fn is_met_by(self, readiness: Readiness) -> bool {
        (self.is_readable() && readiness.readable) || (self.is_writable() && readiness.writable)
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.is_readable(), self.is_writable()) {
            (false, false) => "Interest::NONE",
            (true, false) => "Interest::READABLE",
            (false, true) => "Interest::WRITABLE",
            (true, true) => "Interest::BOTH",
        })?;
        f.write_str(if self.is_edge_triggered() { ".edge_triggered()" } else { "" })
    }
}

/// What a source is ready for. A hang-up or an error makes it ready for both, so that the read or
/// the write that follows meets the reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Readiness {
    /// A read will not block.
    pub readable: bool,
    /// A write will not block.
    pub writable: bool,
    /// The peer has closed the connection, or the other end of the pipe is gone, as far as the
    /// system tells. `false` does not mean that it is there: reading meets the end in any case.
    pub hung_up: bool,
    /// The source has an error that is not fetched yet, as far as the system tells; the next read
    /// or write meets it.
    pub error: bool,
}

impl Readiness {
    /// Ready for nothing; what else there is can be set in a copy of it.
    pub const NONE: Self = Self { readable: false, writable: false, hung_up: false, error: false };
    /// A read will not block.
    pub const READABLE: Self = Self { readable: true, ..Self::NONE };
    /// A write will not block.
    pub const WRITABLE: Self = Self { writable: true, ..Self::NONE };
    /// Both.
    pub const BOTH: Self = Self { writable: true, ..Self::READABLE };
}

/// What the loop needs of a source, whatever its type.
trait Watched {
    fn interest(&self) -> Interest;
    fn rearm(&self);
    fn disarm(&self);
}

impl<S: AsSource> Watched for Armed<S> {
    fn interest(&self) -> Interest {
        Self::interest(self)
    }
    fn rearm(&self) {
        Self::rearm(self);
    }
    fn disarm(&self) {
        Self::disarm(self);
    }
}

type Callback = Box<dyn FnMut(&Reactor, Readiness)>;

pub(crate) struct Source {
    version: usize,
    watched: Rc<dyn Watched>,
    /// Absent while it runs.
    callback: Option<Callback>,
    location: &'static Location<'static>,
}

impl Drop for Source {
    fn drop(&mut self) {
        // The reactor may go before the registration: then nobody will ask for the events.
        self.watched.disarm();
    }
}

/// The slots of the registered sources.
#[derive(Default)]
pub(crate) struct Sources {
    slots: Slab<Source>,
    versions: usize,
}

const SLOT_BITS: u32 = usize::BITS / 2;
const SLOT_MASK: usize = (1 << SLOT_BITS) - 1;

impl Sources {
    fn next_key(&mut self) -> usize {
        // One bit less than there is room for: the largest key belongs to the poller itself.
        self.versions = (self.versions + 1) & (SLOT_MASK >> 1);
        self.versions << SLOT_BITS | self.slots.vacant_key()
    }

    fn get_mut(&mut self, key: usize) -> Option<&mut Source> {
        self.slots.get_mut(key & SLOT_MASK).filter(|source| source.version == key >> SLOT_BITS)
    }

    fn remove(&mut self, key: usize) -> Option<Source> {
        self.get_mut(key)?;
        let removed = self.slots.try_remove(key & SLOT_MASK);
        self.slots.give_back();
        removed
    }

    #[cfg(all(test, not(loom)))]
    pub(crate) fn capacity(&self) -> usize {
        self.slots.capacity()
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Takes all sources out; the caller drops them.
    pub(crate) fn take(&mut self) -> Vec<Source> {
        self.slots.drain().collect()
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("len", &self.len()).finish()
    }
}

impl Reactor {
    /// Watches `source` and calls `callback` on each turn in which it is ready.
    ///
    /// `source` is anything that owns a descriptor: a socket, a pipe, or an `Rc` or `Arc` of one.
    /// It should be non-blocking. Readiness is level-triggered unless the interest is
    /// [edge-triggered](Interest::edge_triggered): the callback is called in each turn until it has
    /// read, or written, enough. One that panics stays registered and is called again.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Errors
    ///
    /// [`RegisterError`], with the source inside: the operating system cannot watch this kind of
    /// source (a regular file), watches it already, or has no room; or the reactor was dropped. With
    /// `?` it becomes an [`io::Error`](std::io::Error) where the function returns one; where `?` cannot
    /// convert because the source is not `Send`, an `Rc` for one, write `.map_err(io::Error::from)?`.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::{Interest, Reactor};
    /// use std::io::{Read as _, Write as _};
    /// use std::net::{TcpListener, TcpStream};
    ///
    /// let reactor = Reactor::new()?;
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let mut client = TcpStream::connect(listener.local_addr()?)?;
    /// let (server, _) = listener.accept()?;
    ///
    /// let registration =
    ///     reactor.register(server, Interest::READABLE, |reactor, mut server, _readiness| {
    ///         let mut buffer = [0; 16];
    ///         let read = server.read(&mut buffer).unwrap();
    ///         server.write_all(&buffer[..read]).unwrap();
    ///         reactor.stop();
    ///     })?;
    /// client.write_all(b"hello")?;
    /// reactor.run().unwrap();
    /// drop(registration); // closes the connection
    /// assert_eq!(std::io::read_to_string(client)?, "hello");
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// Twisted: `addReader`, `addWriter`.
    #[doc(alias = "addReader")]
    #[doc(alias = "addWriter")]
    #[track_caller]
    pub fn register<S, F>(
        &self,
        source: S,
        interest: Interest,
        callback: F,
    ) -> Result<Registration<S>, RegisterError<S>>
    where
        S: AsSource + 'static,
        F: FnMut(&Self, &S, Readiness) + 'static,
    {
        self.register_at(source, interest, Location::caller(), callback)
    }

    /// As [`register`](Self::register), on behalf of who is at `location`. For crates that extend
    /// the reactor.
    #[doc(hidden)]
    pub fn register_at<S, F>(
        &self,
        source: S,
        interest: Interest,
        location: &'static Location<'static>,
        mut callback: F,
    ) -> Result<Registration<S>, RegisterError<S>>
    where
        S: AsSource + 'static,
        F: FnMut(&Self, &S, Readiness) + 'static,
    {
        if self.core.gone.get() {
            return Err(RegisterError::gone(source));
        }
        let key = || self.core.sources.borrow_mut().next_key();
        let armed = match self.core.selector.arm(source, key, interest) {
            Ok(armed) => Rc::new(armed),
            Err((source, error)) => return Err(RegisterError { source, error }),
        };
        let (key, lent) = (armed.key(), Rc::clone(&armed));
        let source = Source {
            version: key >> SLOT_BITS,
            watched: Rc::clone(&armed) as Rc<dyn Watched>,
            callback: Some(Box::new(move |reactor: &Self, readiness| {
                callback(reactor, lent.source(), readiness);
            })),
            location,
        };
        self.core.sources.borrow_mut().slots.insert(source);
        self.core.handed_in();
        Ok(Registration::new(&self.core, armed))
    }

    /// Runs the callback of the source that an event is for, if that source is still there.
    pub(crate) fn dispatch(&self, event: Event) {
        let core = &self.core;
        let readiness = event.readiness;
        let found = core.sources.borrow_mut().get_mut(event.key).map(|source| {
            let is_met = source.watched.interest().is_met_by(readiness);
            let callback = if is_met { source.callback.take() } else { None };
            let forgotten = core.selector.forgets().then(|| Rc::clone(&source.watched));
            (callback, forgotten, source.location)
        });
        let Some((callback, forgotten, location)) = found else { return };
        let Some(mut callback) = callback else {
            // A hang-up that nobody asked for, or an event that was fetched before the callback of
            // another source changed what this one is watched for.
            return rearm(forgotten);
        };
        let _running = core.running.enter(Kind::Source.name(), location);
        core.counters.event();
        self.contain(Kind::Source.what(), location, || callback(self, readiness));

        let mut spare = Some(callback);
        if let Some(source) = core.sources.borrow_mut().get_mut(event.key) {
            source.callback = spare.take();
        }
        match spare {
            None => rearm(forgotten),
            // It removed itself. The closure may hold the last of anything, so its drop is
            // contained like a call.
            Some(callback) => {
                drop(forgotten);
                if let Err(message) = panics::catch(|| drop(callback)) {
                    self.panicked("dropping a source's callback", location, &message);
                }
            }
        }
        self.callback_ended(Kind::Source, location);
    }
}

fn rearm(forgotten: Option<Rc<dyn Watched>>) {
    if let Some(watched) = forgotten {
        watched.rearm();
    }
}
