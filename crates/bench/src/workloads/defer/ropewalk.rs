//! Ropewalk: `defer_to_thread`, on the reactor's own pool.

use super::Jobs;
use crate::sample::Sample;
use crate::tally;
use crate::workload::Load;
use ropewalk_reactor::Reactor;
use ropewalk_threads::ReactorThreads as _;
use std::rc::Rc;

/// With the pool as it is.
pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    run_on(&Reactor::new()?, load)
}

/// With no more threads than there are cores on the machine of the figures.
pub(super) fn run_on_two(load: &Load) -> anyhow::Result<Sample> {
    let reactor = Reactor::new()?;
    reactor.suggest_thread_pool_size(2)?;
    run_on(&reactor, load)
}

fn run_on(reactor: &Reactor, load: &Load) -> anyhow::Result<Sample> {
    let load = *load;
    reactor.call_when_running(move |reactor| {
        let jobs = Rc::new(Jobs::start(&load));
        jobs.first().for_each(|number| submit(reactor, &jobs, number));
    });
    reactor.run()?;
    tally::finish()
}

fn submit(reactor: &Reactor, jobs: &Rc<Jobs>, number: usize) {
    let jobs = Rc::clone(jobs);
    reactor
        .defer_to_thread(move || Ok(number))
        .add_callback(move |number| {
            let last = tally::arrive(number);
            Reactor::with_current(|reactor| match jobs.next() {
                _ if last => reactor.stop(),
                Some(next) => submit(reactor, &jobs, next),
                None => {}
            });
        })
        .detach();
}
