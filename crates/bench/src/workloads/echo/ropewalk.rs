//! Ropewalk: `register` for each connection.

use super::{Answers, Progress, Talk};
use crate::sample::Sample;
use crate::workload::Load;
use ropewalk_reactor::{Builder, Interest, Reactor, Readiness, Registration};
use std::cell::{Cell, RefCell};
use std::io;
use std::net::TcpStream;
use std::rc::Rc;

type Slots = Vec<Option<Registration<TcpStream>>>;

pub(super) fn run<T: Talk>(load: &Load) -> anyhow::Result<Sample> {
    converse::<T>(load, Reactor::builder())
}

/// As on a platform on which the reactor does not sleep in epoll by itself.
pub(super) fn run_portably<T: Talk>(load: &Load) -> anyhow::Result<Sample> {
    converse::<T>(load, Reactor::builder().portable_selector())
}

/// What all connections share.
struct Server {
    open: Cell<usize>,
    slots: RefCell<Slots>,
    buffer: RefCell<Vec<u8>>,
    failure: Cell<Option<io::Error>>,
}

fn converse<T: Talk>(load: &Load, builder: Builder) -> anyhow::Result<Sample> {
    super::converse::<T>(load, |streams| {
        let reactor = builder.build()?;
        let server = Rc::new(Server {
            open: Cell::new(streams.len()),
            slots: RefCell::default(),
            buffer: RefCell::new(vec![0; T::BUFFER]),
            failure: Cell::new(None),
        });
        for (number, stream) in streams.into_iter().enumerate() {
            let (weak, mut answers) = (Rc::downgrade(&server), Answers::default());
            let serve = move |reactor: &Reactor, stream: &TcpStream, readiness: Readiness| {
                let Some(server) = weak.upgrade() else { return };
                let given = answers.give(stream, &mut server.buffer.borrow_mut());
                let followed = given.and_then(|progress| match progress {
                    Progress::Done | Progress::More if readiness.writable => {
                        server.watch(number, Interest::READABLE)
                    }
                    Progress::Done | Progress::More => Ok(()),
                    Progress::Blocked => server.watch(number, Interest::WRITABLE),
                    Progress::Ended => {
                        server.end(reactor, number);
                        Ok(())
                    }
                });
                if let Err(error) = followed {
                    server.failure.set(Some(error));
                    server.end(reactor, number);
                }
            };
            let registered = reactor.register(stream, Interest::READABLE, serve)?;
            server.slots.borrow_mut().push(Some(registered));
        }
        reactor.run()?;
        server.failure.take().map_or(Ok(()), |error| Err(error.into()))
    })
}

impl Server {
    fn watch(&self, number: usize, interest: Interest) -> io::Result<()> {
        match self.slots.borrow().get(number) {
            Some(Some(registration)) => registration.set_interest(interest),
            _ => Ok(()),
        }
    }

    fn end(&self, reactor: &Reactor, number: usize) {
        // Out of the borrow first: with it goes the callback.
        let ended = self.slots.borrow_mut().get_mut(number).and_then(Option::take);
        drop(ended);
        self.open.set(self.open.get() - 1);
        if self.open.get() == 0 {
            reactor.stop();
        }
    }
}
