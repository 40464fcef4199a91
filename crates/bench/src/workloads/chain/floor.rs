//! The floor: boxed closures in a vector, called one after the other.

use super::{Broken, link};
use crate::sample::Sample;
use crate::workload::Load;
use anyhow::Result;
use std::ops::Range;

type Boxed = Box<dyn FnOnce(Result<u64>) -> Result<u64>>;

pub(super) fn succeed(load: &Load) -> Result<Sample> {
    super::succeed(load, |links| run(links.clone(), Ok(links.start)))
}

pub(super) fn fail(load: &Load) -> Result<Sample> {
    super::fail(load, |links| run(links, Err(Broken.into())))
}

fn run(links: Range<u64>, first: Result<u64>) -> Result<u64> {
    let mut chain: Vec<Boxed> = Vec::new();
    for number in links {
        let link = link(number);
        chain.push(Box::new(move |result| result.and_then(link)));
    }
    chain.into_iter().fold(first, |result, link| link(result))
}
