//! futures: `and_then` on the receiver of a channel, boxed link by link.
//!
//! A program that puts a chain together at run time has to box: each `and_then` is another type.
//! What waits for a value has been polled once by the time it comes, as any spawned future has.

use super::{Broken, finish, link, wait};
use crate::sample::Sample;
use crate::workload::Load;
use anyhow::Result;
use futures_channel::oneshot;
use futures_util::future::{self, FutureExt as _, LocalBoxFuture, TryFutureExt as _};
use std::ops::Range;

pub(super) fn pending(load: &Load) -> Result<Sample> {
    super::succeed(load, |links| run(links.clone(), Ok(links.start)))
}

pub(super) fn failing(load: &Load) -> Result<Sample> {
    super::fail(load, |links| run(links, Err(Broken.into())))
}

pub(super) fn ready(load: &Load) -> Result<Sample> {
    super::succeed(load, |links| finish(attach(future::ok(links.start).boxed_local(), links)))
}

fn run(links: Range<u64>, first: Result<u64>) -> Result<u64> {
    let (sender, receiver) = oneshot::channel::<Result<u64>>();
    let sent = receiver.map(|sent| sent?);
    let mut chain = attach(sent.boxed_local(), links);
    wait(&mut chain)?;
    anyhow::ensure!(sender.send(first).is_ok(), "nobody waits for a value");
    finish(chain)
}

fn attach(
    first: LocalBoxFuture<'static, Result<u64>>,
    links: Range<u64>,
) -> LocalBoxFuture<'static, Result<u64>> {
    links.fold(first, |chain, number| {
        let link = link(number);
        chain.and_then(|value| future::ready(link(value))).boxed_local()
    })
}
