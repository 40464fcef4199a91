//! How much memory this process has.

use anyhow::Context as _;
use std::fs;

/// Bytes of memory that this process occupies now, page by page, as the system has counted them.
pub(crate) fn resident() -> anyhow::Result<f64> {
    // The figure in `statm` is cheaper, and may be off by hundreds of pages: each core adds up its
    // own.
    let text = fs::read_to_string("/proc/self/smaps_rollup")?;
    kibibytes(&text).map(|kibibytes| kibibytes * 1024.0).context("no Rss in smaps_rollup")
}

fn kibibytes(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("Rss:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{kibibytes, resident};

    #[test]
    fn the_line_is_found() {
        let text = "55d0 ---p 00:00 0 [rollup]\nRss:                1234 kB\nPss:  12 kB\n";
        assert_eq!(kibibytes(text), Some(1234.0));
        assert_eq!(kibibytes("Pss:  12 kB\n"), None);
    }

    #[test]
    fn what_is_touched_is_counted() {
        let before = resident().unwrap();
        let touched = std::hint::black_box(vec![1_u8; 64 << 20]);
        assert!(resident().unwrap() - before > touched.len() as f64 / 2.0);
    }
}
