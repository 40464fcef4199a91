//! What a watchdog has found.

use ropewalk_threadpool::StallReport;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

/// A callback that keeps its reactor from everything else, or has done so.
///
/// Its `Display` names its kind, its place and its age.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BlockedCallback {
    /// The name of the reactor's thread, or its number if it has none.
    pub thread: Arc<str>,
    /// What it is: `call` (from a thread), `soon`, `timer`, `source`, `trigger`, `task`,
    /// `iteration` (of a cooperator).
    pub kind: &'static str,
    /// Where it was handed over.
    pub location: &'static Location<'static>,
    /// For how long it has been seen running; of one that has ended, how long it took.
    pub age: Duration,
    /// It is a reason for this report.
    pub(super) is_due: bool,
}

/// All that is blocked and stalled at one moment; see [`Watchdog`](crate::Watchdog).
///
/// Its `Display` is one line for each callback and, for each pool, the lines of its own report.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct WatchdogReport {
    /// The callbacks that block a reactor now, in the order in which the reactors came to be
    /// watched.
    pub blocked: Vec<BlockedCallback>,
    /// Those that have been reported before, and have ended since the last report.
    pub ended: Vec<BlockedCallback>,
    /// The pools that are stalled now.
    pub stalled: Vec<StallReport>,
}

impl fmt::Display for WatchdogReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for one in &self.blocked {
            write!(f, "{separator}the reactor of thread {} is blocked by {one}", one.thread)?;
            separator = "\n";
        }
        for one in &self.ended {
            write!(f, "{separator}the reactor of thread {} was blocked by {one}", one.thread)?;
            separator = "\n";
        }
        for pool in &self.stalled {
            write!(f, "{separator}{pool}")?;
            separator = "\n";
        }
        Ok(())
    }
}

impl fmt::Display for BlockedCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, location, age, .. } = self;
        write!(f, "a callback ({kind}) handed over at {location}, for {age:.1?}")
    }
}

impl WatchdogReport {
    pub(super) fn is_empty(&self) -> bool {
        self.blocked.is_empty() && self.ended.is_empty() && self.stalled.is_empty()
    }

    /// What is reported where nobody has set a hook. Pools warn of themselves.
    pub(super) fn log(&self) {
        for one in self.blocked.iter().filter(|one| one.is_due) {
            let BlockedCallback { thread, kind, location, age, .. } = one;
            let thread = &**thread;
            tracing::warn!(thread, kind, %location, ?age, "a callback blocks its reactor");
        }
        for one in &self.ended {
            let BlockedCallback { thread, kind, location, age, .. } = one;
            let thread = &**thread;
            tracing::warn!(thread, kind, %location, ?age, "a callback blocks its reactor no more");
        }
    }
}
