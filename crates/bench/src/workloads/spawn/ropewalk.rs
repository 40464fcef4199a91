//! Ropewalk: `spawn`, its deferreds awaited by a task, or with callbacks.

use super::{Batches, check, work};
use crate::sample::Sample;
use crate::tally;
use crate::workload::Load;
use ropewalk_deferred::{Deferred, Failure};
use ropewalk_reactor::Reactor;
use ropewalk_task::ReactorTask as _;
use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;

pub(super) fn run<const PAUSES: usize>(load: &Load) -> anyhow::Result<Sample> {
    let reactor = Reactor::new()?;
    let (load, polls) = (*load, Rc::default());
    let shared = Rc::clone(&polls);
    let main = reactor.spawn(async move {
        let mut batches = Batches::start(&load);
        let mut tasks = Vec::new();
        while let Some(batch) = batches.next() {
            Reactor::with_current(|reactor| {
                tasks.extend(batch.map(|number| spawn::<PAUSES>(reactor, &shared, number)));
            });
            for task in tasks.drain(..) {
                tally::arrive(task.await?);
            }
        }
        Reactor::with_current(Reactor::stop);
        Ok(())
    });
    reactor.run()?;
    ended(main)?;
    check::<PAUSES>(&polls, &load)?;
    tally::finish()
}

/// The last result of a batch spawns the next one.
pub(super) fn run_with_callbacks<const PAUSES: usize>(load: &Load) -> anyhow::Result<Sample> {
    let reactor = Reactor::new()?;
    let (load, polls) = (*load, Rc::default());
    let shared = Rc::clone(&polls);
    reactor.call_when_running(move |reactor| {
        let mut batches = Batches::start(&load);
        if let Some(batch) = batches.next() {
            spawn_all::<PAUSES>(reactor, &Rc::new(RefCell::new(batches)), &shared, batch);
        }
    });
    reactor.run()?;
    check::<PAUSES>(&polls, &load)?;
    tally::finish()
}

fn spawn_all<const PAUSES: usize>(
    reactor: &Reactor,
    batches: &Rc<RefCell<Batches>>,
    polls: &Rc<Cell<usize>>,
    batch: Range<usize>,
) {
    let last = batch.end;
    for number in batch {
        let task = spawn::<PAUSES>(reactor, polls, number);
        if number + 1 < last {
            task.map(tally::arrive).detach();
            continue;
        }
        let (batches, polls) = (Rc::clone(batches), Rc::clone(polls));
        task.map(move |number| {
            tally::arrive(number);
            let next = batches.borrow_mut().next();
            Reactor::with_current(|reactor| match next {
                Some(batch) => spawn_all::<PAUSES>(reactor, &batches, &polls, batch),
                None => reactor.stop(),
            });
        })
        .detach();
    }
}

fn spawn<const PAUSES: usize>(
    reactor: &Reactor,
    polls: &Rc<Cell<usize>>,
    number: usize,
) -> Deferred<usize> {
    let polls = Rc::clone(polls);
    reactor.spawn(async move { Ok(work::<PAUSES>(polls, number).await) })
}

fn ended(main: Deferred<()>) -> anyhow::Result<()> {
    match main.try_take() {
        Ok(result) => result,
        Err(_) => Err(Failure::msg("the main task has not ended")),
    }
}
