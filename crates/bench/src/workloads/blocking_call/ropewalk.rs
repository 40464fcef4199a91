//! Ropewalk: `blocking_call_from_thread`.

use crate::sample::Sample;
use crate::workload::Load;
use ropewalk_reactor::Reactor;
use ropewalk_threads::HandleThreads as _;

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    let operations = load.operations;
    let reactor = Reactor::new()?;
    let handle = reactor.handle();
    let ask = move || {
        let sample = Sample::of_trips(operations, |number| {
            handle.blocking_call_from_thread(move |_| Ok(number + 1))
        });
        handle.stop();
        sample
    };
    super::converse(ask, || Ok(reactor.run().map(drop)?))
}
