//! The same closures with no chain at all: what the links do, called as soon as they are made.

use super::{Broken, link};
use crate::sample::Sample;
use crate::workload::Load;
use anyhow::Result;
use std::ops::Range;

pub(super) fn succeed(load: &Load) -> Result<Sample> {
    super::succeed(load, |links| run(links.clone(), Ok(links.start)))
}

pub(super) fn fail(load: &Load) -> Result<Sample> {
    super::fail(load, |links| run(links, Err(Broken.into())))
}

fn run(links: Range<u64>, mut result: Result<u64>) -> Result<u64> {
    for number in links {
        result = result.and_then(link(number));
    }
    result
}
