//! Ropewalk: `call_from_thread`.

use crate::sample::Sample;
use crate::tally;
use crate::workload::Load;
use ropewalk_reactor::Reactor;

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    let operations = load.operations;
    let reactor = Reactor::new()?;
    let handle = reactor.handle();
    let produce = move || {
        for number in 0..operations {
            let called = handle.call_from_thread(move |reactor| {
                if tally::arrive(number) {
                    reactor.stop();
                }
            });
            if called.is_err() {
                // It has stopped too early, and the tally says so.
                return;
            }
        }
    };
    super::race(operations, produce, || Ok(reactor.run()?))
}
