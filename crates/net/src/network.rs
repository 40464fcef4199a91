//! What belongs to one reactor: its connections, ports, attempts and resolver, and how they end.
//!
//! When the reactor stops:
//!
//! 1. *before*: the ports are closed. What is buffered goes on being sent, and so does what the
//!    work that is still running writes, or a producer that the end of its connection waits for; a
//!    hold keeps the loop turning for it, until everything is sent, or nothing moves for three
//!    seconds, or the deadline of the shutdown is near.
//! 2. *during*: what is pending fails, and each connection is told of its end, exactly once. Its
//!    sending half is closed; not sooner, because whoever holds the shutdown may still write. One
//!    that has something unsent is reset, if it is of a kind that can be: Unix sockets cannot.
//! 3. until the end of the run nothing new can be opened.
//! 4. last of all, what peers still send is thrown away for up to a second: otherwise the system
//!    would reset their connections, and a reset overtakes what was sent.
//!
//! **Borrow rule:** the tables are borrowed for one look-up; what is found is called afterwards.

mod flush;
mod lingering;
mod report;

pub use report::NetReport;

use crate::connection::Connection;
use crate::events::tell;
use crate::listening::Listener;
use crate::resolver::{Resolver, Threaded};
use flush::{Flush, Terms};
use ropewalk_reactor::{Phase, Reactor, SystemEvent};
use slab::Slab;
use socket2::Socket;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};
use std::time::Instant;

/// One buffer serves all reads of a reactor: an idle connection needs none.
///
/// It is a little larger than what many programs write at a time: a read that does not fill it was the
/// last, where one of just 64 KiB would have to be followed by another that finds nothing. Twice the
/// size makes a long stream slower by half: it leaves the cache next to the processor.
const READ_BUFFER: usize = 68 * 1024;

/// Something that will fail when the reactor stops.
pub(crate) trait Pending {
    fn stop(&self);
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Stage {
    #[default]
    Open,
    /// From the *before* phase of the shutdown.
    Flushing,
    /// From its *during* phase to the end of the run.
    Closed,
}

/// The slot of this crate in a reactor.
#[derive(Default)]
pub(crate) struct Network {
    connections: RefCell<Slab<Weak<Connection>>>,
    listeners: RefCell<Slab<Weak<Listener>>>,
    /// Closed by the shutdown, until their factories are told; some have no other owner any more.
    closed: RefCell<Vec<Rc<Listener>>>,
    pending: RefCell<Slab<Weak<dyn Pending>>>,
    resolver: RefCell<Option<Rc<dyn Resolver>>>,
    /// Out of its place while it is used.
    buffer: Cell<Option<Box<[u8]>>>,
    stage: Cell<Stage>,
    /// The triggers of the first shutdown are set; each end of a run sets those of the next.
    prepared: Cell<bool>,
    /// How many connections have something unsent.
    unsent: Cell<usize>,
    /// Changes with each send.
    progress: Cell<u64>,
    flushing: Cell<Option<Box<Flush>>>,
    /// That of the shutdown; nothing: there is none.
    deadline: Cell<Option<Instant>>,
    /// How the shutdown waits; nothing as long as it had no need to.
    terms: Cell<Option<Terms>>,
    /// The shutdown has waited long enough.
    impatient: Cell<bool>,
    /// What is served once more when the run is over.
    lingering: RefCell<Vec<Socket>>,
    /// A descriptor that the ports can do without.
    spare: Cell<Option<Socket>>,
}

impl Network {
    /// The slot, with the triggers set that its contents need.
    pub(crate) fn of(reactor: &Reactor) -> Rc<Self> {
        let network = reactor.local::<Self>();
        if !network.prepared.replace(true) {
            network.prepare(reactor);
        }
        network
    }

    /// Sets the triggers of the next shutdown.
    fn prepare(self: &Rc<Self>, reactor: &Reactor) {
        self.prepare_beginning(reactor);
        let during = Rc::downgrade(self);
        reactor.add_system_event_trigger(Phase::During, SystemEvent::Shutdown, move |reactor| {
            during.upgrade().inspect(|network| network.end_shutdown(reactor));
        });
    }

    fn prepare_beginning(self: &Rc<Self>, reactor: &Reactor) {
        let before = Rc::downgrade(self);
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |reactor| {
            before.upgrade().inspect(|network| network.begin_shutdown(reactor));
        });
    }

    /// Whether something new may be opened.
    pub(crate) fn is_open(&self) -> bool {
        self.stage.get() == Stage::Open
    }

    /// Whether the loop does not turn any more, and sockets linger without it.
    pub(crate) fn is_closed(&self) -> bool {
        self.stage.get() == Stage::Closed
    }

    /// Keeps a socket whose sending half is closed until the run is over, and a little longer.
    pub(crate) fn linger_after_the_run(&self, socket: Socket) {
        self.lingering.borrow_mut().push(socket);
    }

    #[inline]
    pub(crate) fn with_buffer(&self, f: impl FnOnce(&mut [u8])) {
        let mut buffer =
            self.buffer.take().unwrap_or_else(|| vec![0; READ_BUFFER].into_boxed_slice());
        f(&mut buffer);
        self.buffer.set(Some(buffer));
    }

    pub(crate) fn spare(&self) -> &Cell<Option<Socket>> {
        &self.spare
    }

    pub(crate) fn add_connection(&self, connection: Weak<Connection>) -> usize {
        self.connections.borrow_mut().insert(connection)
    }

    pub(crate) fn forget_connection(&self, key: usize) {
        self.connections.borrow_mut().try_remove(key);
    }

    pub(crate) fn add_listener(&self, listener: Weak<Listener>) -> usize {
        self.listeners.borrow_mut().insert(listener)
    }

    pub(crate) fn forget_listener(&self, key: usize) {
        self.listeners.borrow_mut().try_remove(key);
    }

    pub(crate) fn add_pending(&self, pending: Weak<dyn Pending>) -> usize {
        self.pending.borrow_mut().insert(pending)
    }

    pub(crate) fn forget_pending(&self, key: usize) {
        self.pending.borrow_mut().try_remove(key);
    }

    pub(crate) fn resolver(&self) -> Rc<dyn Resolver> {
        let installed = self.resolver.borrow().clone();
        installed.unwrap_or_else(|| {
            let threaded: Rc<dyn Resolver> = Rc::new(Threaded::new());
            self.resolver.replace(Some(Rc::clone(&threaded)));
            threaded
        })
    }

    pub(crate) fn install_resolver(&self, resolver: Rc<dyn Resolver>) -> Rc<dyn Resolver> {
        let old = self.resolver();
        self.resolver.replace(Some(resolver));
        old
    }

    fn begin_shutdown(self: &Rc<Self>, reactor: &Reactor) {
        // One whose *before* phase was over when the network was first used leaves its trigger here.
        if !self.is_open() {
            return;
        }
        self.stage.set(Stage::Flushing);
        self.impatient.set(false);
        self.terms.set(None);
        self.deadline.set(reactor.now().checked_add(reactor.shutdown_deadline()));
        let ending = Rc::downgrade(self);
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::End, move |reactor| {
            let Some(network) = ending.upgrade() else { return };
            drop(network.flushing.take());
            if network.stage.get() == Stage::Flushing {
                // A crash in the middle: the *during* trigger waits for the next shutdown.
                network.stage.set(Stage::Open);
                network.prepare_beginning(reactor);
                network.complete_listeners(reactor);
            }
        });
        for listener in upgraded(&self.listeners) {
            listener.close();
            self.closed.borrow_mut().push(listener);
        }
        if self.unsent.get() > 0 {
            self.hold_for_flush(reactor);
        }
    }

    /// Closes the ports that are left, and tells the factories of all.
    fn complete_listeners(&self, reactor: &Reactor) {
        for listener in upgraded(&self.listeners) {
            listener.close();
            contained(|| listener.complete(reactor));
        }
        drop(self.closed.take());
    }

    fn end_shutdown(self: &Rc<Self>, reactor: &Reactor) {
        self.stage.set(Stage::Closed);
        let ending = Rc::downgrade(self);
        reactor.add_system_event_trigger(Phase::After, SystemEvent::End, move |reactor| {
            let Some(network) = ending.upgrade() else { return };
            // Not sooner: a trigger that is added to the phase that runs belongs to the same shutdown.
            network.prepare(reactor);
            network.stage.set(Stage::Open);
            lingering::linger(network.lingering.take());
        });
        drop(self.flushing.take());
        for pending in upgraded(&self.pending) {
            contained(|| pending.stop());
        }
        self.complete_listeners(reactor);
        let (connections, mut report) = (upgraded(&self.connections), NetReport::default());
        // All of them first: one that is told of its end may abort others.
        for connection in connections.iter().filter(|connection| connection.is_alive()) {
            report.count(connection.owes(), connection.unsent());
        }
        for connection in connections {
            contained(|| connection.end_now());
        }
        if report != NetReport::default() {
            reactor.add_to_report(report);
        }
        let resolver = self.resolver.borrow().clone();
        if let Some(resolver) = resolver {
            contained(|| resolver.stopped());
        }
    }
}

/// What is still alive in a table, taken out of the borrow.
fn upgraded<T: ?Sized>(table: &RefCell<Slab<Weak<T>>>) -> Vec<Rc<T>> {
    table.borrow().iter().filter_map(|(_, weak)| weak.upgrade()).collect()
}

/// One that panics does not keep the others from ending.
fn contained(code: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(code)) {
        let panicked =
            ropewalk_deferred::Panicked::from_payload(payload, std::panic::Location::caller());
        tell(|| {
            tracing::error!(panic = panicked.message(), "a panic in the shutdown of the network");
        });
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("connections", &self.connections.borrow().len())
            .field("listeners", &self.listeners.borrow().len())
            .field("pending", &self.pending.borrow().len())
            .field("unsent", &self.unsent.get())
            .finish_non_exhaustive()
    }
}
