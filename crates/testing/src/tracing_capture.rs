//! What the code under test has logged.
//!
//! A subscriber for the current thread only, so that tests that run at the same time do not see
//! each other's events. **Lock rule:** a value is turned into text before the list is locked.

use crate::lock::lock;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

/// One event that was logged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Captured {
    /// How serious it is.
    pub level: Level,
    /// The module that logged it, unless it said otherwise.
    pub target: &'static str,
    /// The text.
    pub message: String,
    /// All other fields with their values, in order.
    pub fields: Vec<(&'static str, String)>,
}

impl Captured {
    /// The value of a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        let (_, value) = self.fields.iter().find(|(other, _)| *other == name)?;
        Some(value)
    }
}

/// Gives the `tracing` events that `body` logs on this thread, at `DEBUG` and above, in order.
///
/// What other threads log meanwhile is not among them. A subscriber that was set before sees
/// nothing of `body`.
///
/// # Threads
///
/// Any thread.
///
/// # Panics
///
/// If `body` does.
///
/// # Examples
///
/// ```
/// use ropewalk_testing::capture_tracing;
/// use tracing::Level;
///
/// let events = capture_tracing(|| tracing::warn!(port = 8007, "in use"));
/// assert_eq!(events.len(), 1);
/// assert_eq!(events[0].level, Level::WARN);
/// assert_eq!(events[0].message, "in use");
/// assert_eq!(events[0].field("port"), Some("8007"));
/// ```
pub fn capture_tracing(body: impl FnOnce()) -> Vec<Captured> {
    // `tracing` asks a single subscriber through the thread that logs first from some place. If
    // that is a thread of another test, which has none, the place counts as unwanted by all from
    // then on. With two there are no such short cuts; this one is never given an event.
    static SECOND: OnceLock<Dispatch> = OnceLock::new();
    SECOND.get_or_init(|| Dispatch::new(Capture::default()));

    let capture = Capture::default();
    let events = Arc::clone(&capture.events);
    tracing::subscriber::with_default(capture, body);
    std::mem::take(&mut *lock(&events))
}

#[derive(Default)]
struct Capture {
    events: Arc<Mutex<Vec<Captured>>>,
    spans: AtomicU64,
}

impl Subscriber for Capture {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::DEBUG
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        // An id may not be 0.
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut captured = Captured {
            level: *metadata.level(),
            target: metadata.target(),
            message: String::new(),
            fields: Vec::new(),
        };
        event.record(&mut Recorder(&mut captured));
        lock(&self.events).push(captured);
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Turns the fields of an event into text.
struct Recorder<'a>(&'a mut Captured);

impl Visit for Recorder<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.0.message);
        } else {
            self.0.fields.push((field.name(), value.to_owned()));
        }
    }
}
