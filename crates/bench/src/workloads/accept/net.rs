//! Ropewalk: `listen_tcp` and a `Protocol` for each connection.

use crate::sample::Sample;
use crate::workload::Load;
use ropewalk_net::{ConnectionLost, Protocol, ReactorNet as _, Transport};
use ropewalk_reactor::{Reactor, ReactorHandle};
use std::cell::Cell;
use std::rc::Rc;

struct Answer {
    left: Rc<Cell<usize>>,
    stop: ReactorHandle,
}

impl Protocol for Answer {
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

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    let reactor = Reactor::new()?;
    let (left, stop) = (Rc::new(Cell::new(super::connections(load))), reactor.handle());
    let build = move |_| Answer { left: Rc::clone(&left), stop: stop.clone() };
    let Ok(port) = reactor.listen_tcp("127.0.0.1:0", build) else {
        anyhow::bail!("no port to listen on");
    };
    super::receive_at(load, port.address(), |_| Ok(reactor.run().map(drop)?))
}
