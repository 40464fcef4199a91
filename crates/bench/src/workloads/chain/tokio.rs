//! tokio's one-shot channel, awaited in an `async` block; each link is one that awaits the other.
//!
//! What waits for a value has been polled once by the time it comes, as any spawned future has.

use super::{Between, Broken, finish, link, two_links, wait};
use crate::sample::Sample;
use crate::workload::Load;
use anyhow::Result;
use std::future::{Future, ready as now};
use std::ops::Range;
use std::pin::Pin;
use tokio::sync::oneshot;

type Boxed<T = u64> = Pin<Box<dyn Future<Output = Result<T>>>>;

pub(super) fn pending(load: &Load) -> Result<Sample> {
    super::succeed(load, |links| run(links.clone(), Ok(links.start), attach))
}

pub(super) fn failing(load: &Load) -> Result<Sample> {
    super::fail(load, |links| run(links, Err(Broken.into()), attach))
}

pub(super) fn ready(load: &Load) -> Result<Sample> {
    super::succeed(load, |links| finish(attach(Box::pin(now(Ok(links.start))), links)))
}

pub(super) fn turning(load: &Load) -> Result<Sample> {
    super::succeed(load, |links| run(links.clone(), Ok(links.start), attach_turning))
}

fn run(
    links: Range<u64>,
    first: Result<u64>,
    attach: impl FnOnce(Boxed, Range<u64>) -> Boxed,
) -> Result<u64> {
    let (sender, receiver) = oneshot::channel::<Result<u64>>();
    let mut chain = attach(Box::pin(async { receiver.await? }), links);
    wait(&mut chain)?;
    anyhow::ensure!(sender.send(first).is_ok(), "nobody waits for a value");
    finish(chain)
}

fn attach(first: Boxed, links: Range<u64>) -> Boxed {
    links.fold(first, |chain, number| {
        let link = link(number);
        Box::pin(async move { link(chain.await?) })
    })
}

fn attach_turning(first: Boxed, links: Range<u64>) -> Boxed {
    links.step_by(2).fold(first, |chain, number| {
        let (first, second) = two_links(number);
        let chain: Boxed<Between> = Box::pin(async move { first(chain.await?) });
        Box::pin(async move { second(chain.await?) })
    })
}
