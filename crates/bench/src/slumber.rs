//! Whether a thread sleeps in the kernel: a benchmark of waking up has to know that it does.

use anyhow::Context as _;
use std::fs::File;
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

/// It stands behind the name, which is in parentheses and may contain more of them.
fn state(stat: &[u8]) -> Option<u8> {
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    stat.get(end + 2).copied()
}

#[cfg(test)]
mod tests {
    use super::{Slumber, state};

    #[test]
    fn who_asks_is_awake() {
        assert!(!Slumber::of_this_thread().unwrap().is_deep().unwrap());
    }

    #[test]
    fn the_state_is_behind_the_name() {
        assert_eq!(state(b"12 (a) R) S 1 2"), Some(b'S'));
        assert_eq!(state(b"12"), None);
    }
}
