//! Ropewalk: `add_callback` on a `Deferred`; its result is taken with `try_take`.

use super::{Broken, link, two_links};
use crate::sample::Sample;
use crate::workload::Load;
use anyhow::{Context as _, Result};
use ropewalk_deferred::Deferred;
use std::ops::Range;

pub(super) fn pending(load: &Load) -> Result<Sample> {
    super::succeed(load, |links| {
        let (promise, deferred) = Deferred::new();
        let deferred = attach(deferred, links.clone());
        promise.callback(links.start);
        take(deferred)
    })
}

pub(super) fn failing(load: &Load) -> Result<Sample> {
    super::fail(load, |links| {
        let (promise, deferred) = Deferred::new();
        let deferred = attach(deferred, links);
        promise.errback(Broken);
        take(deferred)
    })
}

pub(super) fn fired(load: &Load) -> Result<Sample> {
    super::succeed(load, |links| take(attach(Deferred::succeed(links.start), links)))
}

pub(super) fn turning(load: &Load) -> Result<Sample> {
    super::succeed(load, |links| {
        let (promise, deferred) = Deferred::new();
        let deferred = links.clone().step_by(2).fold(deferred, |deferred, number| {
            let (first, second) = two_links(number);
            deferred.add_callback(first).add_callback(second)
        });
        promise.callback(links.start);
        take(deferred)
    })
}

fn attach(deferred: Deferred<u64>, links: Range<u64>) -> Deferred<u64> {
    links.fold(deferred, |deferred, number| deferred.add_callback(link(number)))
}

fn take(deferred: Deferred<u64>) -> Result<u64> {
    deferred.try_take().ok().context("a chain has no result")?
}
