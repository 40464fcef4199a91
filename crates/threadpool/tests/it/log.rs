//! What the pools of this binary log, found again by the name of the pool.

use std::io::{self, Write};
use std::sync::LazyLock;

use ropewalk_testing::{DEADLINE, LogLines};

static LINES: LazyLock<LogLines> = LazyLock::new(|| {
    let lines = LogLines::default();
    let writer = Touchy(lines.clone());
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG);
    subscriber.with_ansi(false).with_writer(move || writer.clone()).init();
    lines
});

/// A text that makes the subscriber panic.
pub(crate) const UNLOGGABLE: &str = "unloggable";

#[derive(Clone)]
struct Touchy(LogLines);

impl Write for Touchy {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes);
        assert!(!line.contains(UNLOGGABLE), "a subscriber that panics");
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Begins to keep what is logged, in the whole process.
pub(crate) fn keep() {
    LazyLock::force(&LINES);
}

/// The lines of `level` that mention `text`.
pub(crate) fn lines(level: &str, text: &str) -> Vec<String> {
    LINES.with(&[level, text])
}

/// The first line of `level` that mentions all `texts`, once there is one.
pub(crate) fn wait_for(level: &str, texts: &[&str]) -> String {
    LINES.wait_for(&[&[level], texts].concat(), DEADLINE)
}
