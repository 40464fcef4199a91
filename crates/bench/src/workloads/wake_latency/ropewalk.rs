//! Ropewalk: `call_from_thread`.

use super::Rest;
use crate::floor::spinning::SPIN;
use crate::sample::Sample;
use crate::workload::Load;
use ropewalk_reactor::{Builder, Reactor};

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    converse(load, Rest::Sleeps, Reactor::builder())
}

/// As on a platform on which the reactor does not sleep in epoll by itself.
pub(super) fn run_portably(load: &Load) -> anyhow::Result<Sample> {
    converse(load, Rest::Sleeps, Reactor::builder().portable_selector())
}

/// It looks for calls for a while before it sleeps.
pub(super) fn run_spinning(load: &Load) -> anyhow::Result<Sample> {
    super::can_spin()?;
    converse(load, Rest::Spins, Reactor::builder().spin(SPIN))
}

fn converse(load: &Load, rest: Rest, builder: Builder) -> anyhow::Result<Sample> {
    let reactor = builder.build()?;
    let (handle, stopper) = (reactor.handle(), reactor.handle());
    let call = move |asked| {
        let called = handle.call_from_thread(move |_| super::arrive(asked));
        anyhow::ensure!(called.is_ok(), "the reactor has stopped");
        Ok(())
    };
    super::converse(load, rest, call, move || stopper.stop(), || Ok(reactor.run().map(drop)?))
}
