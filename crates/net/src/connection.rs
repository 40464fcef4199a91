//! The life of one connection, whatever carries it: who may be called when, and what is left to do.
//!
//! The protocol is taken out of its cell while it runs. A method of the transport that is called
//! meanwhile changes the state at once, and leaves everything that would call the protocol to
//! [`Connection::settle`], which runs in a later turn. **Borrow rule:** `outgoing` is borrowed only
//! around the carrier, which runs no user code (I5).

mod backed_up;
mod ending;
mod events;
mod extra;
mod hint;
mod producing;
mod pulling;
mod requests;
#[cfg(feature = "tls")]
mod securing;
mod writes;

#[cfg(feature = "tls")]
pub(crate) use securing::Limit;

use crate::buffer::Outgoing;
use crate::carrier::{AnyCarrier, Carrier};
use crate::listening::Place;
use crate::socket::SocketCarrier;
use crate::{Address, ConnectionLost, Protocol};
use extra::Extra;
use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::io;
use std::panic::Location;
use std::rc::Rc;

pub(crate) use extra::Limits;
pub(crate) use producing::Kind;
pub(crate) use pulling::Pulled;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Both directions work.
    Open,
    /// What is buffered is sent, nothing more is read or accepted.
    Closing,
    /// The reason is known; the protocol will hear of it in a later turn.
    Ended,
    /// The protocol has been told, and is gone.
    Dead,
}

/// How far the half that sends is on its way to its own end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Writing {
    Open,
    /// What is buffered is sent, nothing more is accepted; then it is shut.
    Ending,
    /// The peer has been told that nothing more comes.
    Ended,
}

/// One connection. Not for applications: they have a [`Transport`](crate::Transport).
///
/// What each message needs stands together, in front: among thousands of connections, most of what
/// is touched has to come from memory first, a line of 64 bytes at a time.
#[repr(C)]
pub struct Connection {
    /// What [`Carrier::is_plain`] says.
    plain: Cell<bool>,
    state: Cell<State>,
    writing: Cell<Writing>,
    /// By whoever has the transport.
    paused: Cell<bool>,
    /// Nothing more comes from the peer.
    peer_is_done: Cell<bool>,
    /// A write has answered "high", and the low mark was not reached since.
    pressed: Cell<bool>,
    /// The protocol is to be told that reading goes on.
    resumed: Cell<bool>,
    /// [`Carrier::later`] was asked and has not called yet.
    scheduled: Cell<bool>,
    /// [`Carrier::read_later`] was asked and has not called yet.
    reads_later: Cell<bool>,
    /// The carrier has said goodbye in its own words.
    farewell: Cell<bool>,
    /// How many other connections have more than they can send, and what they send comes from here.
    held: Cell<u32>,
    /// Absent while it runs, and after the end.
    protocol: Cell<Option<Box<dyn Protocol>>>,
    /// What most connections never need.
    extra: OnceCell<Box<Extra>>,
    outgoing: RefCell<Outgoing>,
    carrier: AnyCarrier,
    /// Why it ends, or has ended.
    reason: Cell<Option<Box<ConnectionLost>>>,
    peer: Address,
    host: Address,
    /// Where the application asked for the connection.
    location: &'static Location<'static>,
}

impl Connection {
    /// A connection that is there, and whose protocol does not know yet.
    pub fn new(
        carrier: impl Carrier,
        protocol: Box<dyn Protocol>,
        ends: (Address, Address),
        location: &'static Location<'static>,
    ) -> Self {
        Self::on(AnyCarrier::Other(Box::new(carrier)), Some(protocol), ends, location)
    }

    /// The same, on a socket that is [attached](SocketCarrier::attach) later, together with the protocol:
    /// one whose socket cannot be watched hears of nothing.
    pub(crate) fn on_socket(
        carrier: SocketCarrier,
        ends: (Address, Address),
        location: &'static Location<'static>,
    ) -> Rc<Self> {
        Rc::new(Self::on(AnyCarrier::Socket(carrier), None, ends, location))
    }

    pub(crate) fn entrust_to(&self, protocol: Box<dyn Protocol>) {
        self.protocol.set(Some(protocol));
    }

    fn on(
        carrier: AnyCarrier,
        protocol: Option<Box<dyn Protocol>>,
        (host, peer): (Address, Address),
        location: &'static Location<'static>,
    ) -> Self {
        Self {
            plain: Cell::new(carrier.is_plain()),
            state: Cell::new(State::Open),
            writing: Cell::new(Writing::Open),
            paused: Cell::new(false),
            peer_is_done: Cell::new(false),
            pressed: Cell::new(false),
            resumed: Cell::new(false),
            scheduled: Cell::new(false),
            reads_later: Cell::new(false),
            farewell: Cell::new(false),
            held: Cell::new(0),
            protocol: Cell::new(protocol),
            extra: OnceCell::new(),
            outgoing: RefCell::default(),
            carrier,
            reason: Cell::new(None),
            peer,
            host,
            location,
        }
    }

    /// What carries it.
    pub(crate) fn carrier(&self) -> &dyn Carrier {
        &*self.carrier
    }

    /// What carries it, if that is a socket.
    pub(crate) fn socket(&self) -> Option<&SocketCarrier> {
        match &self.carrier {
            AnyCarrier::Socket(socket) => Some(socket),
            AnyCarrier::Other(_) => None,
        }
    }

    /// Where the application asked for it.
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// Whether its protocol has been told of the end.
    pub fn is_dead(&self) -> bool {
        self.state.get() == State::Dead
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state.get() == State::Open
    }

    /// Whether something may still be sent.
    pub(crate) fn is_alive(&self) -> bool {
        matches!(self.state.get(), State::Open | State::Closing)
    }

    /// Whether what is written is taken: a producer may do so for longer than others.
    pub(crate) fn accepts_writes(&self) -> bool {
        let is_open = self.is_open() && self.writing.get() == Writing::Open;
        is_open || self.is_ending() && self.has_producer()
    }

    /// Whether this side was asked to say no more, and has not said that yet.
    fn is_ending(&self) -> bool {
        match self.state.get() {
            State::Open => self.writing.get() == Writing::Ending,
            State::Closing => true,
            State::Ended | State::Dead => false,
        }
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused.get() || self.held.get() > 0
    }

    /// Whether there is more to come, and it is wanted.
    fn is_reading(&self) -> bool {
        self.is_open() && !self.is_paused() && !self.peer_is_done.get()
    }

    pub(crate) fn peer(&self) -> &Address {
        &self.peer
    }

    pub(crate) fn host(&self) -> &Address {
        &self.host
    }

    /// How much waits to be sent; a task that waits to write counts for one byte.
    pub(crate) fn buffered(&self) -> usize {
        self.unsent() + self.pulling().map_or(0, pulling::Pulling::backlog)
    }

    /// How much was taken and is not sent.
    pub(crate) fn unsent(&self) -> usize {
        self.outgoing.borrow().len() + self.unless_plain().map_or(0, |carrier| carrier.unsent())
    }

    /// The carrier, unless it is [plain](Carrier::is_plain). Most are, and one look at the connection
    /// says so: it is worth more than the calls that it saves, for each message.
    fn unless_plain(&self) -> Option<&dyn Carrier> {
        if self.plain.get() { None } else { Some(&*self.carrier) }
    }

    fn is_opening(&self) -> bool {
        self.unless_plain().is_some_and(|carrier| carrier.is_opening())
    }

    fn has_opened(&self) -> bool {
        self.unless_plain().is_some_and(|carrier| carrier.has_opened())
    }

    fn holds_back(&self) -> bool {
        self.unless_plain().is_some_and(|carrier| carrier.holds_back())
    }

    pub(crate) fn limits(&self) -> Limits {
        self.extra.get().map_or_else(Limits::default, |extra| extra.limits.get())
    }

    pub(crate) fn set_limits(&self, limits: Limits) {
        self.extra().limits.set(limits);
    }

    /// Keeps the place until the protocol has been told of the end.
    pub(crate) fn occupy(&self, place: Place) {
        self.extra().place.set(Some(place));
    }

    fn extra(&self) -> &Extra {
        self.extra.get_or_init(Box::default)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("peer", &self.peer)
            .field("host", &self.host)
            .field("state", &self.state.get())
            .field("buffered", &self.buffered())
            .finish_non_exhaustive()
    }
}

pub(crate) fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
