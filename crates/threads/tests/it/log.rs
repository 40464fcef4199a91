//! What is logged in this process, found again by a text in it.

use ropewalk_testing::{DEADLINE, EventLog};
use std::io::{self, Write};
use std::sync::{LazyLock, Once};
use tracing_subscriber::fmt::MakeWriter;

static LINES: LazyLock<EventLog> = LazyLock::new(EventLog::new);
static INSTALL: Once = Once::new();

struct Sink;

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes).into_owned();
        LINES.add(line);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Sink {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}

/// Begins to keep what is logged, in the whole process.
pub(crate) fn keep() {
    INSTALL.call_once(|| {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_ansi(false)
            .with_writer(Sink)
            .init();
    });
}

/// The lines of `level` that mention `text`.
pub(crate) fn lines(level: &str, text: &str) -> Vec<String> {
    let is_it = |it: &String| it.contains(level) && it.contains(text);
    LINES.entries().into_iter().filter(is_it).collect()
}

/// The first line of `level` that mentions all `texts`, once there is one. To ask for it again and
/// again instead would be to hold the lock nearly always, and who is to write it might wait for ever.
pub(crate) fn wait_for(level: &str, texts: &[&str]) -> String {
    let is_it = |it: &String| it.contains(level) && texts.iter().all(|text| it.contains(text));
    let mut seen = 0;
    loop {
        let mut lines = LINES.entries();
        if let Some(found) = lines[seen..].iter().position(is_it) {
            return lines.swap_remove(seen + found);
        }
        seen = lines.len();
        LINES.wait_for_len(seen + 1, DEADLINE);
    }
}
