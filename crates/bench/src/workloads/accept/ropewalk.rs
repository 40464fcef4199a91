//! Ropewalk: `register` for the listener, and for each connection.

use crate::sample::Sample;
use crate::workload::Load;
use ropewalk_reactor::{Interest, Reactor, Registration};
use slab::Slab;
use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;

struct Server {
    left: Cell<usize>,
    slots: RefCell<Slab<Registration<TcpStream>>>,
    failure: Cell<Option<io::Error>>,
}

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    super::receive(load, |listener, connections| {
        let reactor = Reactor::new()?;
        let server = Rc::new(Server {
            left: Cell::new(connections),
            slots: RefCell::default(),
            failure: Cell::new(None),
        });
        let weak = Rc::downgrade(&server);
        let accept = move |reactor: &Reactor, listener: &TcpListener, _| {
            let Some(server) = weak.upgrade() else { return };
            if let Err(error) = server.accept(reactor, listener) {
                server.failure.set(Some(error));
                reactor.stop();
            }
        };
        reactor.register(listener, Interest::READABLE, accept)?.detach();
        reactor.run()?;
        server.failure.take().map_or(Ok(()), |error| Err(error.into()))
    })
}

impl Server {
    fn accept(self: &Rc<Self>, reactor: &Reactor, listener: &TcpListener) -> io::Result<()> {
        loop {
            let stream = match listener.accept() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                accepted => accepted?.0,
            };
            stream.set_nonblocking(true)?;
            let (weak, key) = (Rc::downgrade(self), self.slots.borrow().vacant_key());
            let serve = move |reactor: &Reactor, stream: &TcpStream, _| {
                let Some(server) = weak.upgrade() else { return };
                match super::answer(stream) {
                    Ok(true) => return,
                    Ok(false) => {}
                    Err(error) => server.failure.set(Some(error)),
                }
                server.end(reactor, key);
            };
            let registered = reactor.register(stream, Interest::READABLE, serve)?;
            self.slots.borrow_mut().insert(registered);
        }
    }

    fn end(&self, reactor: &Reactor, key: usize) {
        // Out of the borrow first: with it goes the callback.
        let ended = self.slots.borrow_mut().try_remove(key);
        drop(ended);
        self.left.set(self.left.get() - 1);
        if self.left.get() == 0 {
            reactor.stop();
        }
    }
}
