//! The relays: what one connection receives is written to the other, which holds it up while it has
//! too much to send.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ropewalk_deferred::CancelHandle;
use ropewalk_net::{Address, ConnectionLost, Protocol, ReactorNet as _, Transport};
use ropewalk_reactor::Reactor;

use crate::world::{Object, World};

/// Both sides of a relay.
#[derive(Default)]
struct Pair {
    sides: RefCell<[Option<Transport>; 2]>,
    attempt: RefCell<Option<CancelHandle>>,
    is_over: Cell<bool>,
}

struct Side {
    world: Rc<World>,
    pair: Rc<Pair>,
    number: usize,
    _object: Object,
}

/// One side, of which the other is still to be connected.
pub(crate) fn accept(world: &Rc<World>) -> Box<dyn Protocol> {
    side(world, &Rc::default(), 0)
}

fn side(world: &Rc<World>, pair: &Rc<Pair>, number: usize) -> Box<dyn Protocol> {
    let (world, pair, object) = (Rc::clone(world), Rc::clone(pair), world.object());
    Box::new(Side { world, pair, number, _object: object })
}

impl Side {
    fn other(&self) -> Option<Transport> {
        self.pair.sides.borrow()[1 - self.number].clone()
    }

    /// Connects to the first port; until then nothing is read.
    fn connect(&self, transport: &Transport) {
        transport.pause_producing();
        let target = self.world.ports.borrow().first().map(|port| port.address.clone());
        let Some(Address::Inet(target)) = target else { return transport.abort_connection() };
        let onward = side(&self.world, &self.pair, 1);
        let (host, port) = (target.ip().to_string(), target.port());
        let connected = Reactor::with_current(|reactor| reactor.connect_tcp(&host, port, onward));
        let Some(connected) = connected else { return };
        self.pair.attempt.replace(Some(connected.canceller()));
        let waiting = transport.clone();
        self.world.await_outcome(connected, move |_, is_made| {
            if !is_made {
                waiting.abort_connection();
            }
        });
    }
}

impl Protocol for Side {
    fn connection_made(&mut self, transport: &Transport) {
        self.pair.sides.borrow_mut()[self.number] = Some(transport.clone());
        let Some(other) = self.other() else {
            if self.pair.is_over.get() {
                return transport.abort_connection();
            }
            return self.connect(transport);
        };
        let both = [
            transport.register_producer(other.clone()),
            other.register_producer(transport.clone()),
        ];
        if both.iter().any(Result::is_err) {
            self.world.complain("a relay cannot register its sides".to_owned());
        }
        other.resume_producing();
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) {
        if let Some(other) = self.other() {
            other.write(data);
        }
    }

    fn peer_done(&mut self, transport: &Transport) {
        match self.other() {
            Some(other) => {
                // It waits for its producer.
                other.unregister_producer();
                other.lose_write_connection();
            }
            None => transport.lose_connection(),
        }
    }

    fn connection_lost(&mut self, _: &Transport, reason: &ConnectionLost) {
        let (own, attempt) = {
            let mut sides = self.pair.sides.borrow_mut();
            (sides[self.number].take(), self.pair.attempt.take())
        };
        drop(own);
        self.pair.is_over.set(true);
        if let Some(attempt) = attempt {
            attempt.cancel();
        }
        let Some(other) = self.other() else { return };
        if reason.is_clean() {
            other.unregister_producer();
            other.lose_connection();
        } else {
            other.abort_connection();
        }
    }
}
