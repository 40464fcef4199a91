//! Ropewalk: `register` for each connection, `call_later` for each timer.

use super::{FAR_AWAY, Finding};
use crate::sample::Sample;
use crate::workload::Load;
use ropewalk_reactor::{Interest, Reactor};

pub(super) fn run<F: Finding>(load: &Load) -> anyhow::Result<Sample> {
    super::hold::<F>(load, |streams, ready| {
        let reactor = Reactor::new()?;
        let mut registrations = Vec::new();
        for stream in streams {
            let registered =
                reactor.register(stream, Interest::READABLE, |reactor, _, _| reactor.stop())?;
            registrations.push(registered);
            if F::TIMERS {
                reactor.call_later(FAR_AWAY, Reactor::stop);
            }
        }
        let stop = reactor.handle();
        ready.now(move || stop.stop());
        Ok(reactor.run().map(drop)?)
    })
}
