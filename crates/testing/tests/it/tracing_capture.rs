//! What is captured: levels, texts and fields, of this thread, for the time of the call.

use ropewalk_testing::{DEADLINE, EventLog, capture_tracing, within};
use std::thread;
use tracing::Level;

#[test]
fn events_come_with_level_text_and_fields() {
    let events = capture_tracing(|| {
        tracing::error!(code = 7, name = "pool", "lost {}", "it");
        tracing::debug!(why = %"none");
        tracing::trace!("too fine");
    });
    let [error, debug] = &events[..] else { panic!("{events:?}") };
    assert_eq!((error.level, error.message.as_str()), (Level::ERROR, "lost it"));
    assert_eq!(error.fields, [("code", "7".to_owned()), ("name", "pool".to_owned())]);
    assert_eq!(error.target, module_path!());
    assert_eq!((debug.level, debug.field("why")), (Level::DEBUG, Some("none")));
    assert_eq!(debug.field("other"), None);
}

#[test]
fn spans_are_entered_and_not_captured() {
    let events = capture_tracing(|| {
        let span = tracing::info_span!("work", n = 1);
        span.in_scope(|| tracing::info!("inside"));
    });
    assert_eq!(events.len(), 1);
}

#[test]
fn other_threads_are_not_captured() {
    within(DEADLINE, || {
        let log = EventLog::new();
        let inner = log.clone();
        let other = thread::Builder::new().spawn(move || {
            inner.wait_for("capturing", DEADLINE);
            tracing::error!("from another thread");
            inner.add("logged");
        });
        let events = capture_tracing(|| {
            log.add("capturing");
            log.wait_for("logged", DEADLINE);
            tracing::error!("from this thread");
        });
        other.unwrap().join().unwrap();
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].message, "from this thread");
    });
}

#[test]
fn the_innermost_capture_takes_the_events() {
    let mut inner = Vec::new();
    let outer = capture_tracing(|| {
        inner = capture_tracing(|| tracing::info!("inner"));
        tracing::info!("outer");
    });
    assert_eq!((inner.len(), outer.len()), (1, 1));
    assert_eq!(outer[0].message, "outer");
}
