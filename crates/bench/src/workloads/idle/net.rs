//! Ropewalk: `listen_tcp` with a `Protocol` for each connection, `call_later` for each timer.

use super::{FAR_AWAY, Finding, MOST_IN_ONE_PROCESS, Ready};
use crate::descriptors;
use crate::sample::Sample;
use crate::workload::Load;
use ropewalk_net::{ListenOptions, Protocol, ReactorNet as _, Transport};
use ropewalk_reactor::{Reactor, ReactorHandle};
use std::cell::{Cell, RefCell};
use std::net::TcpStream;
use std::rc::Rc;
use std::thread::Builder;

struct Silent {
    expected: Rc<Expected>,
}

struct Expected {
    connections: Cell<usize>,
    ready: RefCell<Option<Ready>>,
    stop: ReactorHandle,
}

impl Protocol for Silent {
    fn connection_made(&mut self, _: &Transport) {
        let left = self.expected.connections.get() - 1;
        self.expected.connections.set(left);
        if left == 0 {
            let (ready, stop) = (self.expected.ready.take(), self.expected.stop.clone());
            if let Some(ready) = ready {
                ready.now(move || stop.stop());
            }
        }
    }

    fn data_received(&mut self, transport: &Transport, _: &[u8]) {
        transport.lose_connection();
    }
}

pub(super) fn run<F: Finding>(load: &Load) -> anyhow::Result<Sample> {
    let connections = load.in_flight;
    let ends = if connections > MOST_IN_ONE_PROCESS { 1 } else { 2 };
    descriptors::allow(ends * connections)?;
    super::watched::<F>(load, |ready| {
        let reactor = Reactor::new()?;
        let expected = Rc::new(Expected {
            connections: Cell::new(connections),
            ready: RefCell::new(Some(ready)),
            stop: reactor.handle(),
        });
        let build = move |_| Silent { expected: Rc::clone(&expected) };
        let options = ListenOptions::new().backlog(connections as u32);
        let Ok(port) = reactor.listen_tcp_with("127.0.0.1:0", options, build) else {
            anyhow::bail!("no port to listen on");
        };
        if F::TIMERS {
            for _ in 0..connections {
                reactor.call_later(FAR_AWAY, Reactor::stop);
            }
        }
        let address = port.address();
        if connections > MOST_IN_ONE_PROCESS {
            let _crowd = super::crowd_of(load, address)?;
            return Ok(reactor.run().map(drop)?);
        }
        let client = Builder::new().name("client".to_owned()).spawn(move || {
            let streams = (0..connections).map(|_| TcpStream::connect(address));
            streams.collect::<Result<Vec<_>, _>>()
        })?;
        reactor.run()?;
        // They were open all the time.
        let opened = client.join().unwrap_or_else(|_| Ok(Vec::new()))?;
        anyhow::ensure!(opened.len() == connections, "the client panicked");
        Ok(())
    })
}
