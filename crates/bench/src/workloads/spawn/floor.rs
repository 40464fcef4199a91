//! The floor: boxed futures in one queue, polled in turn until it is empty.
//!
//! Nobody is woken: whoever is pending is polled again when his turn comes.

use super::{Batches, check, work};
use crate::sample::Sample;
use crate::tally;
use crate::workload::Load;
use std::cell::Cell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};

type Boxed = Pin<Box<dyn Future<Output = ()>>>;

pub(super) fn run<const PAUSES: usize>(load: &Load) -> anyhow::Result<Sample> {
    let polls = Rc::default();
    let mut queue = VecDeque::<Boxed>::new();
    let mut results = Vec::new();
    let mut context = Context::from_waker(Waker::noop());
    let mut batches = Batches::start(load);
    while let Some(batch) = batches.next() {
        for number in batch {
            let result = Rc::new(Cell::new(None));
            let (future, slot) = (work::<PAUSES>(Rc::clone(&polls), number), Rc::clone(&result));
            queue.push_back(Box::pin(async move { slot.set(Some(future.await)) }));
            results.push(result);
        }
        while let Some(mut future) = queue.pop_front() {
            if future.as_mut().poll(&mut context).is_pending() {
                queue.push_back(future);
            }
        }
        // A result that is not there is missed by the tally.
        results.drain(..).filter_map(|result| result.take()).for_each(|number| {
            tally::arrive(number);
        });
    }
    check::<PAUSES>(&polls, load)?;
    tally::finish()
}
