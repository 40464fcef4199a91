//! Ropewalk: `register` for each connection.

use crate::sample::Sample;
use crate::workload::Load;
use ropewalk_reactor::{Builder, Interest, Reactor, Registration};
use std::cell::{Cell, RefCell};
use std::net::TcpStream;
use std::rc::Rc;

type Slots = Vec<Option<Registration<TcpStream>>>;

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    converse(load, Reactor::builder())
}

/// As on a platform on which the reactor does not sleep in epoll by itself.
pub(super) fn run_portably(load: &Load) -> anyhow::Result<Sample> {
    converse(load, Reactor::builder().portable_selector())
}

fn converse(load: &Load, builder: Builder) -> anyhow::Result<Sample> {
    super::converse(load, |streams| {
        let reactor = builder.build()?;
        let open = Rc::new(Cell::new(streams.len()));
        let registrations = Rc::new(RefCell::new(Slots::new()));
        let failure = Rc::new(RefCell::new(None));
        for (number, stream) in streams.into_iter().enumerate() {
            let (open, ours) = (Rc::clone(&open), Rc::downgrade(&registrations));
            let failed = Rc::clone(&failure);
            let registered =
                reactor.register(stream, Interest::READABLE, move |reactor, stream, _| {
                    match super::answer(stream) {
                        Ok(true) => return,
                        Ok(false) => {}
                        Err(error) => *failed.borrow_mut() = Some(error),
                    }
                    let slots = ours.upgrade();
                    drop(slots.and_then(|slots| slots.borrow_mut().get_mut(number)?.take()));
                    open.set(open.get() - 1);
                    if open.get() == 0 {
                        reactor.stop();
                    }
                });
            registrations.borrow_mut().push(Some(registered?));
        }
        reactor.run()?;
        failure.take().map_or(Ok(()), |error| Err(error.into()))
    })
}
