//! Which threads sleep in the kernel, and how often they have: a benchmark of waking up, or of not
//! doing so, has to know.

use crate::process::Process;
use anyhow::Context as _;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;

/// Looks after the thread on which it was made, from any other.
pub(crate) struct Slumber {
    stat: File,
}

impl Slumber {
    pub(crate) fn of_this_thread() -> anyhow::Result<Self> {
        let thread = rustix::thread::gettid().as_raw_nonzero();
        let stat = File::open(format!("/proc/self/task/{thread}/stat"))?;
        Ok(Self { stat })
    }

    pub(crate) fn is_deep(&self) -> anyhow::Result<bool> {
        let mut text = [0; 256];
        let length = self.stat.read_at(&mut text, 0)?;
        let state = state(&text[..length]).context("no state in stat")?;
        Ok(state == b'S')
    }
}

/// How often the threads of a process, but for the one that asks, have gone to sleep until now.
pub(crate) fn falls_asleep(process: Process) -> anyhow::Result<u64> {
    let own = rustix::thread::gettid().as_raw_nonzero().to_string();
    let mut total = 0;
    for entry in fs::read_dir(process.file("task"))? {
        let entry = entry?;
        if entry.file_name().to_str() != Some(&own) {
            // A thread that ends meanwhile has no status any more.
            let status = fs::read_to_string(entry.path().join("status")).unwrap_or_default();
            total += switches(&status).unwrap_or(0);
        }
    }
    Ok(total)
}

/// Those that the thread itself asked for.
fn switches(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
    line.trim().parse().ok()
}

/// It stands behind the name, which is in parentheses and may contain more of them.
fn state(stat: &[u8]) -> Option<u8> {
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    stat.get(end + 2).copied()
}

#[cfg(test)]
mod tests {
    use super::{Slumber, falls_asleep, state, switches};
    use crate::process::Process;

    #[test]
    fn who_asks_is_awake() {
        assert!(!Slumber::of_this_thread().unwrap().is_deep().unwrap());
    }

    #[test]
    fn switches_are_counted() {
        assert!(falls_asleep(Process::This).is_ok());
        assert_eq!(switches("a:\t1\nvoluntary_ctxt_switches:\t23\n"), Some(23));
        assert_eq!(switches("nonvoluntary_ctxt_switches:\t1\n"), None);
    }

    #[test]
    fn the_state_is_behind_the_name() {
        assert_eq!(state(b"12 (a) R) S 1 2"), Some(b'S'));
        assert_eq!(state(b"12"), None);
    }
}
