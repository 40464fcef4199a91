//! On which cores a contestant runs.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Wherever the system puts its threads.
    AsScheduled,
    /// All its threads on one core.
    OneCore,
}

impl Placement {
    const NAMES: [(Self, &'static str); 2] =
        [(Self::AsScheduled, "as-scheduled"), (Self::OneCore, "one-core")];

    pub(crate) fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(placement, _)| *placement == self).map_or("", |(_, name)| name)
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, name)| *name == word).map(|(placement, _)| *placement)
    }

    /// Takes hold of this thread, and of all threads that it starts from here on.
    pub(crate) fn apply(self) -> rustix::io::Result<()> {
        if self == Self::AsScheduled {
            return Ok(());
        }
        let allowed = sched_getaffinity(None)?;
        // The last one: interrupts tend to be served on the first.
        let last = (0..CpuSet::MAX_CPU).rev().find(|core| allowed.is_set(*core));
        let mut one = CpuSet::new();
        one.set(last.unwrap_or(0));
        sched_setaffinity(None, &one)
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AsScheduled => "as scheduled",
            Self::OneCore => "all threads on one core",
        })
    }
}
