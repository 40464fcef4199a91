//! Ropewalk: `listen_tcp` and a `Protocol` for each connection.

use super::Talk;
use crate::sample::Sample;
use crate::workload::Load;
use ropewalk_net::{ConnectionLost, Protocol, ReactorNet as _, Transport};
use ropewalk_reactor::{Reactor, ReactorHandle};
use std::cell::Cell;
use std::rc::Rc;

struct Echo {
    left: Rc<Cell<usize>>,
    stop: ReactorHandle,
}

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        transport.write(data);
    }

    fn connection_lost(&mut self, _: &Transport, _: &ConnectionLost) {
        self.left.set(self.left.get() - 1);
        if self.left.get() == 0 {
            self.stop.stop();
        }
    }
}

pub(super) fn run<T: Talk>(load: &Load) -> anyhow::Result<Sample> {
    let reactor = Reactor::new()?;
    let (left, stop) = (Rc::new(Cell::new(load.in_flight)), reactor.handle());
    let build = move |_| Echo { left: Rc::clone(&left), stop: stop.clone() };
    let Ok(port) = reactor.listen_tcp(super::ANY_PORT, build) else {
        anyhow::bail!("no port to listen on");
    };
    super::connect_and_converse::<T>(load, port.address(), || Ok(reactor.run().map(drop)?))
}
