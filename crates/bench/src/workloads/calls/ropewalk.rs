//! Ropewalk: `call_from_thread`.

use crate::sample::Sample;
use crate::tally;
use crate::workload::Load;
use ropewalk_reactor::Reactor;

pub(super) fn run<const PRODUCERS: usize>(load: &Load) -> anyhow::Result<Sample> {
    let reactor = Reactor::new()?;
    let handle = reactor.handle();
    let produce = move |numbers: super::Numbers| {
        for number in numbers {
            let called = handle.call_from_thread(move |reactor| {
                if tally::arrive_of::<PRODUCERS>(number) {
                    reactor.stop();
                }
            });
            if called.is_err() {
                // It has stopped too early, and the tally says so.
                return;
            }
        }
    };
    super::race::<PRODUCERS>(load, produce, || Ok(reactor.run().map(drop)?))
}
