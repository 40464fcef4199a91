//! What is logged in this process, found again by a text in it.

use ropewalk_testing::{DEADLINE, LogLines};
use std::sync::LazyLock;

static LINES: LazyLock<LogLines> = LazyLock::new(|| {
    let lines = LogLines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG);
    subscriber.with_ansi(false).with_writer(move || writer.clone()).init();
    lines
});

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
