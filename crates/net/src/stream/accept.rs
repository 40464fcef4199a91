//! Connections that are accepted when somebody asks for one.
//!
//! A port like any other, whose factory puts what arrives into a queue; and the port accepts no more
//! than are asked for. Whoever gives up waiting leaves what has come for him to the next.

use super::end::End;
use crate::address::AddressKind;
use crate::connection::Pulled;
use crate::listening::ListeningPort;
use crate::parting::wake_each;
use crate::{Address, ConnectionLost, Factory, Protocol, Transport};
use futures_core::Stream;
use ropewalk_reactor::Reactor;
use slab::Slab;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::panic::{Location, resume_unwind};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

/// A port, and what has arrived there.
pub(super) struct Door<A: AddressKind> {
    port: ListeningPort<A>,
    hall: Rc<Hall>,
}

struct Hall {
    /// Where the application has opened the port.
    location: &'static Location<'static>,
    arrived: RefCell<VecDeque<End>>,
    /// Who waits; without a waker, who was woken and has not come yet.
    waiting: RefCell<Slab<Option<Waker>>>,
    is_closed: Cell<bool>,
}

impl<A: AddressKind> Door<A> {
    #[track_caller]
    pub(super) fn open<E>(
        listen: impl FnOnce(Doorman) -> Result<ListeningPort<A>, E>,
    ) -> Result<Self, E> {
        let hall = Rc::new(Hall {
            location: Location::caller(),
            arrived: RefCell::default(),
            waiting: RefCell::default(),
            is_closed: Cell::new(false),
        });
        let port = listen(Doorman(Rc::clone(&hall)))?;
        port.accept_only(0);
        Ok(Self { port, hall })
    }

    pub(super) fn address(&self) -> A {
        self.port.address()
    }

    /// The next connection; nothing if the port is closed.
    pub(super) async fn accept(&self) -> Option<End> {
        let mut ticket = Ticket { door: self, key: None };
        poll_fn(|context| ticket.poll(context)).await
    }

    pub(super) fn incoming<S>(&self, make: fn(End) -> S) -> Incoming<'_, S, A> {
        Incoming { ticket: Ticket { door: self, key: None }, make }
    }

    fn ask(&self) {
        let (waiting, arrived) =
            (self.hall.waiting.borrow().len(), self.hall.arrived.borrow().len());
        self.port.accept_only(waiting.saturating_sub(arrived));
    }

    pub(super) fn describe(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("address", &format_args!("{}", self.address()))
            .field("open", &!self.hall.is_closed.get())
            .finish()
    }
}

impl Hall {
    /// Wakes all: who is first may have lost interest since, without having said so.
    fn wake_all(&self) {
        let mut waiting = self.waiting.borrow_mut();
        let woken: Vec<_> = waiting.iter_mut().filter_map(|(_, waker)| waker.take()).collect();
        drop(waiting);
        if let Err(payload) = wake_each(woken, self.location) {
            resume_unwind(payload);
        }
    }

    fn close(&self) {
        self.is_closed.set(true);
        self.wake_all();
    }
}

/// The place of one who waits.
struct Ticket<'a, A: AddressKind> {
    door: &'a Door<A>,
    key: Option<usize>,
}

impl<A: AddressKind> Ticket<'_, A> {
    fn poll(&mut self, context: &Context<'_>) -> Poll<Option<End>> {
        let hall = &self.door.hall;
        let next = hall.arrived.borrow_mut().pop_front();
        if next.is_some() || hall.is_closed.get() {
            self.leave();
            return Poll::Ready(next);
        }
        let waker = context.waker().clone();
        let mut waiting = hall.waiting.borrow_mut();
        let old = match self.key {
            Some(key) => waiting[key].replace(waker),
            None => {
                self.key = Some(waiting.insert(Some(waker)));
                None
            }
        };
        drop(waiting);
        drop(old);
        self.door.ask();
        Poll::Pending
    }

    fn leave(&mut self) {
        if let Some(key) = self.key.take() {
            let waker = self.door.hall.waiting.borrow_mut().remove(key);
            drop(waker);
            self.door.ask();
        }
    }
}

impl<A: AddressKind> Drop for Ticket<'_, A> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The connections of a listener, one after the other: a [`Stream`] that ends when the port is closed by
/// the shutdown of its reactor.
///
/// Given by the `incoming` of a listener. A connection is accepted when the stream is polled, not before.
///
/// # Threads
///
/// Reactor thread; it is neither `Send` nor `Sync`.
#[must_use = "connections are accepted when it is polled"]
pub struct Incoming<'a, S, A: AddressKind> {
    ticket: Ticket<'a, A>,
    make: fn(End) -> S,
}

impl<S, A: AddressKind> Stream for Incoming<'_, S, A> {
    type Item = S;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S>> {
        let Self { ticket, make } = self.get_mut();
        ticket.poll(context).map(|end| end.map(*make))
    }
}

impl<S, A: AddressKind> fmt::Debug for Incoming<'_, S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ticket.door.describe("Incoming", f)
    }
}

/// What somebody is told who waits for connections that will not come.
pub(super) fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the port is closed: its reactor has stopped")
}

/// The factory of such a port.
pub(super) struct Doorman(Rc<Hall>);

impl<A: AddressKind> Factory<A> for Doorman {
    type Protocol = Arriving;

    fn build_protocol(&mut self, _: &Reactor, _: A) -> Option<Arriving> {
        Some(Arriving(Rc::downgrade(&self.0)))
    }

    fn stopped(&mut self, _: &Reactor) {
        self.0.close();
    }
}

impl Drop for Doorman {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// [`Pulled`], and at first it announces itself. Weakly: what waits in the hall owns its protocol.
pub(super) struct Arriving(Weak<Hall>);

impl Protocol for Arriving {
    fn connection_made(&mut self, transport: &Transport) {
        Pulled.connection_made(transport);
        let end = End::new(transport.clone());
        if let Some(hall) = self.0.upgrade() {
            hall.arrived.borrow_mut().push_back(end);
            hall.wake_all();
        }
    }

    fn handshake_completed(&mut self, transport: &Transport) {
        Pulled.handshake_completed(transport);
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) {}

    fn write_done(&mut self, transport: &Transport) {
        Pulled.write_done(transport);
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &ConnectionLost) {
        Pulled.connection_lost(transport, reason);
    }
}

/// The peer of what arrived, in its own kind.
pub(super) fn peer<A: AddressKind>(end: &End) -> io::Result<A> {
    let peer: Address = end.transport().peer();
    A::from_address(&peer).ok_or_else(|| io::ErrorKind::Unsupported.into())
}
