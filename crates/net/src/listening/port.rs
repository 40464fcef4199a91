//! The application's end of a port.

use super::listener::Listener;
use crate::Address;
#[cfg(unix)]
use crate::UnixAddress;
use crate::address::AddressKind;
use ropewalk_deferred::Deferred;
use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;

/// A port that listens. Dropping it closes the port; connections made before live on.
///
/// `A` is the kind of address that it deals in.
///
/// # Threads
///
/// Reactor thread; it is neither `Send` nor `Sync`.
///
/// Twisted: `IListeningPort`.
#[doc(alias = "IListeningPort")]
#[must_use = "dropping it closes the port; `detach` leaves it open"]
pub struct ListeningPort<A: AddressKind = SocketAddr> {
    pub(super) listener: Rc<Listener>,
    address: A,
    detached: bool,
}

impl<A: AddressKind> ListeningPort<A> {
    pub(super) fn new(listener: Rc<Listener>, address: A) -> Self {
        Self { listener, address, detached: false }
    }

    /// The address that it listens on: with the port that was found, if 0 was asked for.
    ///
    /// Twisted: `getHost`.
    #[doc(alias = "getHost")]
    #[must_use]
    pub fn address(&self) -> A {
        self.address.clone()
    }

    /// Stops accepting, now. The deferred fires in a later turn, when the factory has been told;
    /// the address can be used again from then on.
    ///
    /// Calling it again is harmless.
    ///
    /// Twisted: `stopListening`.
    #[doc(alias = "stopListening")]
    #[track_caller]
    pub fn stop_listening(&self) -> Deferred<()> {
        let listener = &self.listener;
        let closed_now = listener.close();
        if listener.is_complete() {
            return Deferred::succeed(());
        }
        let (promise, deferred) = Deferred::new();
        listener.wait(promise);
        if closed_now {
            listener.complete_later();
        }
        deferred
    }

    /// Accepts so many more connections only, until it is asked again.
    pub(crate) fn accept_only(&self, more: usize) {
        if self.listener.places().ask_for(more) {
            self.listener.place_is_free();
        }
    }

    /// Leaves the port open until the reactor stops.
    pub fn detach(mut self) {
        self.detached = true;
    }
}

impl<A: AddressKind> ListeningPort<A> {
    fn of_any_kind(mut self) -> ListeningPort<Address> {
        let address = self.address.clone().into();
        // What this is left as closes nothing when it is dropped.
        let detached = std::mem::replace(&mut self.detached, true);
        ListeningPort { listener: Rc::clone(&self.listener), address, detached }
    }
}

impl From<ListeningPort<SocketAddr>> for ListeningPort<Address> {
    fn from(port: ListeningPort<SocketAddr>) -> Self {
        port.of_any_kind()
    }
}

#[cfg(unix)]
impl From<ListeningPort<UnixAddress>> for ListeningPort<Address> {
    fn from(port: ListeningPort<UnixAddress>) -> Self {
        port.of_any_kind()
    }
}

impl<A: AddressKind> Drop for ListeningPort<A> {
    fn drop(&mut self) {
        if !self.detached && self.listener.close() {
            self.listener.complete_later();
        }
    }
}

impl<A: AddressKind> fmt::Debug for ListeningPort<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListeningPort")
            .field("address", &format_args!("{}", self.address))
            .field("open", &self.listener.is_open())
            .finish()
    }
}
