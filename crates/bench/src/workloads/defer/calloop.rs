//! calloop: `blocking::unblock`, whose result comes back through its executor source.

use super::Jobs;
use crate::sample::Sample;
use crate::tally;
use crate::workload::Load;
use blocking::unblock;
use calloop::EventLoop;
use calloop::futures::executor;

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    let mut event_loop = EventLoop::<bool>::try_new()?;
    let (results, scheduler) = executor::<usize>()?;
    let jobs = Jobs::start(load);
    for number in jobs.first() {
        scheduler.schedule(unblock(move || number))?;
    }
    let inserted = event_loop.handle().insert_source(results, move |number, (), done| {
        *done |= tally::arrive(number);
        if let Some(next) = jobs.next() {
            // It fails only if the source is gone, and then the tally misses this one.
            let _ = scheduler.schedule(unblock(move || next));
        }
    });
    inserted.map_err(|refused| refused.error)?;
    let mut done = false;
    while !done {
        event_loop.dispatch(None, &mut done)?;
    }
    tally::finish()
}
