//! futures: `and_then` on the receiver of a channel, boxed link by link.
//!
//! A program that puts a chain together at run time has to box: each `and_then` is another type.
//! What waits for a value has been polled once by the time it comes, as any spawned future has.

use super::{Broken, finish, link, two_links, wait};
use crate::sample::Sample;
use crate::workload::Load;
use anyhow::Result;
use futures_channel::oneshot;
use futures_util::future::{self, FutureExt as _, LocalBoxFuture, TryFutureExt as _};
use std::ops::Range;

type Boxed = LocalBoxFuture<'static, Result<u64>>;

pub(super) fn pending(load: &Load) -> Result<Sample> {
    super::succeed(load, |links| run(links.clone(), Ok(links.start), attach))
}

pub(super) fn failing(load: &Load) -> Result<Sample> {
    super::fail(load, |links| run(links, Err(Broken.into()), attach))
}

pub(super) fn ready(load: &Load) -> Result<Sample> {
    super::succeed(load, |links| finish(attach(future::ok(links.start).boxed_local(), links)))
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
    let sent = receiver.map(|sent| sent?);
    let mut chain = attach(sent.boxed_local(), links);
    wait(&mut chain)?;
    anyhow::ensure!(sender.send(first).is_ok(), "nobody waits for a value");
    finish(chain)
}

fn attach(first: Boxed, links: Range<u64>) -> Boxed {
    links.fold(first, |chain, number| {
        let link = link(number);
        chain.and_then(|value| future::ready(link(value))).boxed_local()
    })
}

fn attach_turning(first: Boxed, links: Range<u64>) -> Boxed {
    links.step_by(2).fold(first, |chain, number| {
        let (first, second) = two_links(number);
        let chain = chain.and_then(|value| future::ready(first(value))).boxed_local();
        chain.and_then(|between| future::ready(second(between))).boxed_local()
    })
}
