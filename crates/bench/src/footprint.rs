//! How much memory a process has.

use crate::process::Process;
use anyhow::Context as _;
use std::fs;

/// Bytes of memory that this process occupies now, page by page, as the system has counted them.
pub(crate) fn resident() -> anyhow::Result<f64> {
    // The figure in `statm` is cheaper, and may be off by hundreds of pages: each core adds up its
    // own.
    rollup(Process::This, "Rss:")
}

/// As [`resident`], without the pages of the program itself, which come in when they are run.
pub(crate) fn anonymous(process: Process) -> anyhow::Result<f64> {
    rollup(process, "Anonymous:")
}

fn rollup(process: Process, name: &str) -> anyhow::Result<f64> {
    let text = fs::read_to_string(process.file("smaps_rollup"))?;
    let kibibytes = kibibytes(&text, name).with_context(|| format!("no {name} in smaps_rollup"))?;
    Ok(kibibytes * 1024.0)
}

fn kibibytes(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{anonymous, kibibytes, resident};
    use crate::process::Process;

    #[test]
    fn the_line_is_found() {
        let text = "55d0 ---p 00:00 0 [rollup]\nRss:                1234 kB\nPss:  12 kB\n";
        assert_eq!(kibibytes(text, "Rss:"), Some(1234.0));
        assert_eq!(kibibytes("Pss:  12 kB\n", "Rss:"), None);
    }

    #[test]
    fn what_is_touched_is_counted() {
        let (before, in_heap) = (resident().unwrap(), anonymous(Process::This).unwrap());
        let touched = std::hint::black_box(vec![1_u8; 64 << 20]);
        let expected = touched.len() as f64 / 2.0;
        assert!(resident().unwrap() - before > expected);
        assert!(anonymous(Process::This).unwrap() - in_heap > expected);
    }
}
