//! What everything in one round shares.
//!
//! No borrow of it lives while something of the reactor or of a connection is called or dropped.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;

use ropewalk_deferred::{CancelHandle, Deferred};
use ropewalk_reactor::{DelayedCall, Reactor, WeakReactor};
use ropewalk_testing::soak::{Complaints, Dice, Stock};
use socket2::{Domain, Socket, Type};

use crate::life::Ending;
use crate::plan::Plan;
use crate::ports::Port;
use crate::proxy::Proxy;
use crate::record::{Path, Record};

/// What the ends are up to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stage {
    /// Each does what it likes.
    Busy,
    /// Nobody does anything.
    Hush,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) lives: Cell<u64>,
    pub(crate) acts: Cell<u64>,
    pub(crate) asked: Cell<u64>,
    pub(crate) granted: Cell<u64>,
    pub(crate) refused: Cell<u64>,
    pub(crate) producers: Cell<u64>,
    pub(crate) stopped: Cell<u64>,
    pub(crate) factories: Cell<u64>,
    pub(crate) quiet: Cell<u64>,
    /// Ends that were aborted because the reactor was ending.
    pub(crate) cut: Cell<u64>,
    /// Ends that were, or whose handshake was called off.
    pub(crate) perhaps_cut: Cell<u64>,
}

/// One more.
pub(crate) fn count(counter: &Cell<u64>) {
    counter.set(counter.get() + 1);
}

/// What must be dropped by the end of the round.
pub(crate) struct Object(Rc<Cell<i64>>);

impl Drop for Object {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) proxy: Proxy,
    pub(crate) tally: Tally,
    pub(crate) stage: Cell<Stage>,
    /// The reactor is ending, or dropped.
    pub(crate) is_ending: Cell<bool>,
    /// What the next callback does to the reactor.
    pub(crate) order: Cell<Option<Ending>>,
    /// After it a shutdown waits no longer.
    pub(crate) patience: RefCell<Option<DelayedCall>>,
    pub(crate) ports: RefCell<Vec<Port>>,
    pub(crate) attempts: Stock<CancelHandle>,
    records: RefCell<Vec<Rc<Record>>>,
    owner: RefCell<Option<Reactor>>,
    dice: RefCell<Dice>,
    objects: Rc<Cell<i64>>,
    complaints: Arc<Complaints>,
    /// A port that takes no connection, because those in the second place wait for it.
    silent: (Socket, Vec<Socket>),
}

impl World {
    pub(crate) fn new(
        plan: Plan,
        complaints: Arc<Complaints>,
        proxy: Proxy,
    ) -> io::Result<Rc<Self>> {
        Ok(Rc::new(Self {
            dice: RefCell::new(Dice::new(!plan.seed)),
            plan,
            proxy,
            tally: Tally::default(),
            stage: Cell::new(Stage::Busy),
            is_ending: Cell::new(false),
            order: Cell::new(None),
            patience: RefCell::default(),
            ports: RefCell::default(),
            attempts: Stock::of(0),
            records: RefCell::default(),
            owner: RefCell::default(),
            objects: Rc::default(),
            complaints,
            silent: silent_port()?,
        }))
    }

    /// Dice of somebody's own.
    pub(crate) fn dice(&self) -> Dice {
        Dice::new(self.dice.borrow_mut().number())
    }

    pub(crate) fn object(&self) -> Object {
        self.objects.set(self.objects.get() + 1);
        Object(Rc::clone(&self.objects))
    }

    pub(crate) fn objects(&self) -> i64 {
        self.objects.get()
    }

    pub(crate) fn complain(&self, what: String) {
        self.complaints.add(what);
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.stage.get() == Stage::Busy
    }

    pub(crate) fn own(&self, reactor: Reactor) -> WeakReactor {
        let weak = reactor.downgrade();
        self.owner.replace(Some(reactor));
        weak
    }

    /// Drops the reactor, wherever it is just now.
    pub(crate) fn drop_owner(&self) {
        let owner = self.owner.take();
        self.is_ending.set(true);
        drop(owner);
    }

    pub(crate) fn record(&self, is_client: bool, port: usize, path: Path) -> Rc<Record> {
        let speech = self.plan.ports[port].speech;
        let mut records = self.records.borrow_mut();
        let number = records.len() as u32;
        let life = self.tally.lives.get();
        let record = Rc::new(Record::new((number, life), is_client, port, speech, path));
        records.push(Rc::clone(&record));
        record
    }

    pub(crate) fn records(&self) -> Vec<Rc<Record>> {
        self.records.borrow().clone()
    }

    pub(crate) fn record_of(&self, number: u32) -> Option<Rc<Record>> {
        self.records.borrow().get(number as usize).cloned()
    }

    /// One of those that are there.
    pub(crate) fn pick(&self, dice: &mut Dice) -> Option<Rc<Record>> {
        let records = self.records.borrow();
        // Most of the older ones are gone.
        let recent = records.len().saturating_sub(60);
        let picked = records.get(recent + dice.below(records.len() - recent))?;
        (picked.made.get() > 0 && !picked.is_lost()).then(|| Rc::clone(picked))
    }

    pub(crate) fn silent_address(&self) -> Option<SocketAddr> {
        self.silent.0.local_addr().ok()?.as_socket()
    }

    /// The outcome of `deferred` is counted, and given.
    pub(crate) fn await_outcome<T: 'static>(
        self: &Rc<Self>,
        deferred: Deferred<T>,
        told: impl FnOnce(&Self, bool) + 'static,
    ) {
        count(&self.tally.asked);
        let (world, object) = (Rc::clone(self), self.object());
        deferred
            .add_both(move |result| {
                drop(object);
                let tally = &world.tally;
                count(if result.is_ok() { &tally.granted } else { &tally.refused });
                told(&world, result.is_ok());
                Ok(())
            })
            .detach();
    }

    /// Lets go of all that is kept.
    pub(crate) fn let_go(&self) {
        drop(self.attempts.take_all());
        drop(self.ports.take());
        for record in self.records() {
            drop(record.transport.take());
        }
        self.proxy.end();
    }
}

/// An address where nobody listens.
pub(crate) fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

/// A port whose connections have little room below them, so that much has to wait above.
pub(crate) fn narrow_port() -> io::Result<TcpListener> {
    const ROOM: usize = 30_000;
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    listener.set_recv_buffer_size(ROOM)?;
    listener.set_send_buffer_size(ROOM)?;
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    listener.listen(1024)?;
    Ok(listener.into())
}

fn silent_port() -> io::Result<(Socket, Vec<Socket>)> {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    listener.listen(0)?;
    let address = listener.local_addr()?;
    let waiting = (0..3).map(|_| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        // It is under way, and stays so.
        let _ = socket.connect(&address);
        Ok(socket)
    });
    let waiting = waiting.collect::<io::Result<_>>()?;
    Ok((listener, waiting))
}
