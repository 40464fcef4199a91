//! One question, and all who wait for its answer (W24).
//!
//! Who asks for a name that is being looked up joins the question that is under way, whichever
//! resolver is installed. Each has a deadline and a cancellation of its own; when nobody is left, the
//! question itself is cancelled.
//!
//! Those who wait own the question, and it refers to them weakly. **Borrow rule:** the tables are
//! borrowed for one look-up; the resolver and those who wait are called afterwards.

use super::lookup::Lookup;
use super::{AddressFamily, NameQuery, Resolver};
use crate::error::{ResolveError, ResolveErrorKind};
use ropewalk_deferred::{CancelHandle, Failure, Panicked};
use ropewalk_reactor::{Reactor, WeakReactor};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::{Rc, Weak};
use std::sync::Arc;

/// What comes of a question; each who waits gets a copy.
pub(super) type Answer = Result<Vec<SocketAddr>, ResolveErrorKind>;

type Key = (String, AddressFamily);

/// The questions of one reactor that can be joined.
#[derive(Default)]
struct Flights(RefCell<HashMap<Key, Weak<Flight>>>);

impl Flights {
    fn find(&self, key: &Key, resolver: &Rc<dyn Resolver>) -> Option<Rc<Flight>> {
        let flight = self.0.borrow().get(key).and_then(Weak::upgrade)?;
        // A resolver that was installed meanwhile is asked anew. The addresses alone are compared:
        // the same resolver may have more than one table of methods.
        let same = Rc::as_ptr(&flight.resolver).cast::<()>() == Rc::as_ptr(resolver).cast::<()>();
        same.then_some(flight)
    }

    fn add(&self, flight: &Rc<Flight>) {
        self.0.borrow_mut().insert(flight.key.clone(), Rc::downgrade(flight));
    }

    /// Nobody can join `flight` any more.
    fn remove(&self, flight: &Flight) {
        let mut flights = self.0.borrow_mut();
        if flights.get(&flight.key).is_some_and(|weak| std::ptr::eq(weak.as_ptr(), flight)) {
            flights.remove(&flight.key);
        }
    }
}

struct Flight {
    key: Key,
    resolver: Rc<dyn Resolver>,
    /// Those who wait, the first one first.
    waiting: RefCell<BTreeMap<u64, Weak<Lookup>>>,
    /// The number of the next one.
    next: Cell<u64>,
    /// What the resolver is at.
    answer: Cell<Option<CancelHandle>>,
    ended: Cell<bool>,
    flights: Rc<Flights>,
    reactor: WeakReactor,
}

/// A place among those who wait for an answer. Dropping it gives it up; the last one to do so cancels
/// the question.
pub(super) struct Seat {
    flight: Rc<Flight>,
    number: u64,
}

/// Puts the question, or joins the one that is under way. The answer may be there before this returns.
pub(super) fn ask(
    reactor: &Reactor,
    resolver: Rc<dyn Resolver>,
    (name, family): (&str, AddressFamily),
    lookup: &Rc<Lookup>,
) {
    let flights = reactor.local::<Flights>();
    let key = (name.to_owned(), family);
    if let Some(flight) = flights.find(&key, &resolver) {
        flight.admit(lookup);
        return;
    }
    let flight = Rc::new(Flight {
        key,
        resolver,
        waiting: RefCell::default(),
        next: Cell::new(0),
        answer: Cell::new(None),
        ended: Cell::new(false),
        flights: Rc::clone(&flights),
        reactor: reactor.downgrade(),
    });
    flights.add(&flight);
    flight.admit(lookup);
    flight.begin(reactor, lookup.location());
}

impl Flight {
    fn admit(self: &Rc<Self>, lookup: &Rc<Lookup>) {
        let number = self.next.get();
        self.next.set(number + 1);
        self.waiting.borrow_mut().insert(number, Rc::downgrade(lookup));
        lookup.take_seat(Seat { flight: Rc::clone(self), number });
    }

    fn begin(self: &Rc<Self>, reactor: &Reactor, location: &'static Location<'static>) {
        let query = NameQuery::new(&self.key.0, self.key.1);
        let asked = catch_unwind(AssertUnwindSafe(|| self.resolver.resolve(reactor, &query)));
        let answer = match asked {
            Ok(answer) => answer,
            // Somebody waits for the result: so the panic is that one's failure (I3).
            Err(payload) => {
                return self.land(Err(Panicked::from_payload(payload, location).into()));
            }
        };
        let canceller = answer.canceller();
        let weak = Rc::downgrade(self);
        answer
            .add_both(move |result| {
                if let Some(flight) = weak.upgrade() {
                    flight.answer.take();
                    flight.land(result);
                }
            })
            .detach();
        if self.ended.get() {
            // It is answered, and then this does nothing; or everybody gave up while the resolver was
            // being asked.
            canceller.cancel();
        } else {
            self.answer.set(Some(canceller));
        }
    }

    /// Tells all who wait.
    fn land(&self, result: Result<Vec<SocketAddr>, Failure>) {
        if self.ended.replace(true) {
            return;
        }
        self.flights.remove(self);
        let waiting = self.waiting.take().into_values().collect();
        let answer = self.judge(result);
        // A reactor that is gone has ended all lookups.
        self.reactor.with(|reactor| deliver(reactor, waiting, answer));
    }

    fn judge(&self, result: Result<Vec<SocketAddr>, Failure>) -> Answer {
        let mut addresses = result.map_err(|failure| match failure.downcast::<ResolveError>() {
            Ok(error) => error.kind,
            Err(other) => ResolveErrorKind::Resolver(Arc::new(other)),
        })?;
        addresses.retain(|address| self.key.1.admits(address));
        if addresses.is_empty() { Err(ResolveErrorKind::NoAddress) } else { Ok(addresses) }
    }

    fn leave(&self, number: u64) {
        let mut waiting = self.waiting.borrow_mut();
        waiting.remove(&number);
        let deserted = waiting.is_empty();
        drop(waiting);
        if deserted && !self.ended.replace(true) {
            self.flights.remove(self);
            if let Some(answer) = self.answer.take() {
                answer.cancel();
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.flight.leave(self.number);
    }
}

/// Tells as many as there is time for, and the rest in the next turn (I7).
fn deliver(reactor: &Reactor, mut waiting: VecDeque<Weak<Lookup>>, answer: Answer) {
    let (mut pace, mut served) = (reactor.pace(), 0);
    while let Some(lookup) = waiting.pop_front() {
        if let Some(lookup) = lookup.upgrade() {
            lookup.answered(reactor, answer.clone());
        }
        served += 1;
        if !waiting.is_empty() && pace.is_over(served) {
            reactor.call_soon(move |reactor| deliver(reactor, waiting, answer));
            return;
        }
    }
}
