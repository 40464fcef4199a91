//! The servers, and what is listened on.

use std::cell::Cell;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::PathBuf;
use std::rc::Rc;

#[cfg(feature = "tls")]
use ropewalk_net::ReactorTls as _;
use ropewalk_net::{
    Address, AddressKind, Factory, ListenOptions, ListeningPort, Protocol, ReactorNet as _,
};
#[cfg(unix)]
use ropewalk_net::{ReactorUnix as _, UnixListenOptions};
use ropewalk_reactor::Reactor;
use ropewalk_testing::soak::{Dice, panic_as_planned};

use crate::plan::Kind;
use crate::record::Path;
use crate::relay;
use crate::talker::Talker;
#[cfg(feature = "tls")]
use crate::trust;
use crate::world::{Object, World, count, narrow_port};

/// An open port of one life.
pub(crate) struct Port {
    pub(crate) address: Address,
    pub(crate) port: ListeningPort<Address>,
}

/// Opens all that are planned.
pub(crate) fn open(world: &Rc<World>, reactor: &Reactor) {
    for number in 0..world.plan.ports.len() {
        match open_one(world, reactor, number) {
            Ok(port) => {
                let address = port.address();
                world.ports.borrow_mut().push(Port { address, port });
            }
            Err(what) => world.complain(format!("no port: {what}")),
        }
    }
}

fn open_one(
    world: &Rc<World>,
    reactor: &Reactor,
    number: usize,
) -> Result<ListeningPort<Address>, String> {
    let plan = &world.plan.ports[number];
    let maker = Maker::new(world, number);
    let mut options = ListenOptions::new();
    if let Some(most) = plan.most {
        options = options.max_connections(most);
    }
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    match plan.kind {
        Kind::Tcp | Kind::Relay if plan.is_narrow => reactor
            .listen_on(narrow_port().map_err(|error| error.to_string())?, maker)
            .map(ListeningPort::into)
            .map_err(|error| error.to_string()),
        Kind::Tcp | Kind::Relay => reactor
            .listen_tcp_with(any, options, maker)
            .map(ListeningPort::into)
            .map_err(|error| error.to_string()),
        #[cfg(unix)]
        Kind::Unix => {
            let mut options = UnixListenOptions::new();
            if let Some(most) = plan.most {
                options = options.max_connections(most);
            }
            reactor
                .listen_unix_with(path(number), options, maker)
                .map(ListeningPort::into)
                .map_err(|error| error.to_string())
        }
        #[cfg(feature = "tls")]
        Kind::Tls => reactor
            .listen_tls_with(any, options, trust::server()?, maker)
            .map(ListeningPort::into)
            .map_err(|error| error.to_string()),
    }
}

#[cfg(unix)]
fn path(number: usize) -> PathBuf {
    std::env::temp_dir().join(format!("ropewalk-soak-{}-{number}", std::process::id()))
}

/// Makes the servers of one port.
struct Maker {
    world: Rc<World>,
    number: usize,
    dice: Dice,
    started: Cell<u32>,
    stopped: Cell<u32>,
    _object: Object,
}

impl Maker {
    fn new(world: &Rc<World>, number: usize) -> Self {
        Self {
            world: Rc::clone(world),
            number,
            dice: world.dice(),
            started: Cell::new(0),
            stopped: Cell::new(0),
            _object: world.object(),
        }
    }
}

impl<A: AddressKind> Factory<A> for Maker {
    type Protocol = Box<dyn Protocol>;

    fn build_protocol(&mut self, _: &Reactor, _: A) -> Option<Box<dyn Protocol>> {
        let world = &self.world;
        if (self.started.get(), self.stopped.get()) != (1, 0) {
            world.complain("a factory was asked that is not at work".to_owned());
        }
        if world.plan.ports[self.number].kind == Kind::Relay {
            return Some(relay::accept(world));
        }
        match self.dice.below(10 * world.plan.ending_acts) {
            0 => return None,
            1 => panic_as_planned(),
            _ => {}
        }
        let record = world.record(false, self.number, Path::default());
        Some(Talker::boxed(world, &record))
    }

    fn started(&mut self, _: &Reactor) {
        self.started.set(self.started.get() + 1);
        count(&self.world.tally.factories);
    }

    fn stopped(&mut self, _: &Reactor) {
        self.stopped.set(self.stopped.get() + 1);
    }
}

impl Drop for Maker {
    fn drop(&mut self) {
        let told = (self.started.get(), self.stopped.get());
        // A port whose reactor is dropped has nobody to tell.
        if told.0 != 1 || told.1 > 1 || told.1 == 0 && !self.world.is_ending.get() {
            self.world.complain(format!("a factory was started and stopped {told:?} times"));
        }
    }
}
