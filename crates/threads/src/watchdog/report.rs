//! What a watchdog has found.

use crate::panics::tell;
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
    /// What it is: `call` (from a thread), `soon`, `timer`, `source`, `trigger`, `signal`, `result`
    /// (of a job or a look-up), `progress` (of a job), `task`, `iteration` (of a cooperator).
    pub kind: &'static str,
    /// Where it was handed over.
    pub location: &'static Location<'static>,
    /// For how long it has been seen running; of one that has ended, how long it took.
    pub age: Duration,
    /// For which reactor it waits, and since which line, if it is in a blocking call or a join. Other
    /// waits are not seen, as that for a job (`JobHandle::wait`) or for a pool (`ThreadPool::stop`).
    pub waits_for: Option<Arc<str>>,
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
        write!(f, "a callback ({kind}) handed over at {location}, for {age:.1?}")?;
        self.waits_for.as_ref().map_or(Ok(()), |other| write!(f, "; it waits for {other}"))
    }
}

impl WatchdogReport {
    pub(super) fn is_empty(&self) -> bool {
        self.blocked.is_empty() && self.ended.is_empty() && self.stalled.is_empty()
    }

    /// What is reported where nobody has set a hook. Pools warn of themselves.
    pub(super) fn log(&self) {
        for one in self.blocked.iter().filter(|one| one.is_due) {
            let BlockedCallback { thread, kind, location, age, waits_for, .. } = one;
            let (thread, waits_for) = (&**thread, waits_for.as_deref());
            let what = "a callback blocks its reactor";
            tell(|| tracing::warn!(thread, kind, %location, ?age, waits_for, "{what}"));
        }
        for one in &self.ended {
            let BlockedCallback { thread, kind, location, age, .. } = one;
            let thread = &**thread;
            let what = "a callback blocks its reactor no more";
            tell(|| tracing::warn!(thread, kind, %location, ?age, "{what}"));
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{BlockedCallback, WatchdogReport};
    use ropewalk_testing::capture_tracing;
    use std::panic::Location;
    use std::time::Duration;

    fn callback(thread: &str, kind: &'static str, is_due: bool) -> BlockedCallback {
        let (location, age) = (Location::caller(), Duration::from_millis(1500));
        BlockedCallback { thread: thread.into(), kind, location, age, waits_for: None, is_due }
    }

    /// What others are due for does not write it once more.
    #[test]
    fn what_is_due_is_logged_and_what_has_ended() {
        let blocked = vec![callback("one", "timer", true), callback("two", "call", false)];
        let ended = vec![callback("three", "task", false)];
        let report = WatchdogReport { blocked, ended, stalled: Vec::new() };
        let logged = capture_tracing(|| report.log());
        let logged: Vec<_> =
            logged.iter().map(|one| (one.field("thread"), one.field("kind"))).collect();
        let due = [(Some("one"), Some("timer")), (Some("three"), Some("task"))];
        assert_eq!(logged, due);
    }

    #[test]
    fn a_report_is_a_line_for_each_callback() {
        let at = callback("one", "timer", true).location;
        let blocked = vec![callback("one", "timer", true), callback("two", "call", false)];
        let ended = vec![callback("three", "task", false)];
        let report = WatchdogReport { blocked, ended, stalled: Vec::new() };
        let place = format!("handed over at {}:", at.file());
        let text = report.to_string();
        let lines: Vec<_> = text.lines().map(|line| line.split(&place).next().unwrap()).collect();
        assert_eq!(
            lines,
            [
                "the reactor of thread one is blocked by a callback (timer) ",
                "the reactor of thread two is blocked by a callback (call) ",
                "the reactor of thread three was blocked by a callback (task) ",
            ]
        );
        assert!(text.lines().all(|line| line.ends_with(", for 1.5s")), "{text}");
        assert!(WatchdogReport::default().to_string().is_empty());
    }
}
