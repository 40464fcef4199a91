//! The lines of a log, whichever thread logs them.

use crate::EventLog;
use std::io;
use std::time::Duration;

/// Lines that were logged, each as one call of [`write`](io::Write::write) brought it: so does the
/// `fmt` subscriber of the crate `tracing-subscriber`, whose `with_writer` takes
/// `move || lines.clone()`.
///
/// Clones are the same lines. [`capture_tracing`](crate::capture_tracing) sees one thread; this is for
/// what workers and other threads log, so tests that run at the same time find theirs again by a text.
///
/// # Threads
///
/// Any thread.
///
/// # Examples
///
/// ```
/// use ropewalk_testing::{DEADLINE, LogLines};
/// use std::io::Write as _;
///
/// let lines = LogLines::default();
/// let mut writer = lines.clone();
/// std::thread::spawn(move || {
///     writer.write_all(b"INFO pool-a begins").unwrap();
///     writer.write_all(b"WARN pool-a is full").unwrap();
/// });
/// assert_eq!(lines.wait_for(&["WARN", "pool-a"], DEADLINE), "WARN pool-a is full");
/// assert_eq!(lines.with(&["INFO"]), ["INFO pool-a begins"]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct LogLines(EventLog);

impl LogLines {
    /// The lines that mention all of these texts, the oldest first.
    #[must_use]
    pub fn with(&self, texts: &[&str]) -> Vec<String> {
        let mut lines = self.0.entries();
        lines.retain(|line| mentions(line, texts));
        lines
    }

    /// The first line that mentions all of these texts, once there is one.
    ///
    /// # Threads
    ///
    /// Any thread but the one that would log it.
    ///
    /// # Panics
    ///
    /// If `limit` passes before; the message has what was logged instead.
    #[track_caller]
    pub fn wait_for(&self, texts: &[&str], limit: Duration) -> String {
        let found = self.0.find(limit, |line| mentions(line, texts));
        found.unwrap_or_else(|| {
            panic!("nothing with {texts:?} was logged within {limit:?}; there is only {self:?}")
        })
    }

    /// All of it.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.entries().concat()
    }
}

impl io::Write for LogLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.add(String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn mentions(line: &str, texts: &[&str]) -> bool {
    texts.iter().all(|text| line.contains(text))
}
