//! The order of entries, clones, and waiting with a limit.

use crate::panic_of;
use ropewalk_testing::{DEADLINE, EventLog, within};
use std::thread;
use std::time::Duration;

#[test]
fn entries_come_out_in_order_and_once() {
    let log = EventLog::new();
    assert!(log.is_empty());
    log.add("a");
    let clone = log.clone();
    clone.add(String::from("b"));
    drop(clone);
    assert_eq!(log.len(), 2);
    assert_eq!(log.entries(), ["a", "b"]);
    assert_eq!(log.take(), ["a", "b"]);
    assert!(log.take().is_empty());
}

#[test]
fn an_entry_may_be_any_value() {
    let log = EventLog::<(u8, &str)>::default();
    log.add((1, "one"));
    assert_eq!(format!("{log:?}"), r#"[(1, "one")]"#);
    assert_eq!(log.take(), [(1, "one")]);
}

#[test]
fn waiting_ends_with_the_entry_of_another_thread() {
    within(DEADLINE, || {
        let log = EventLog::new();
        let (asks, answers) = (log.clone(), log.clone());
        let other = thread::Builder::new().spawn(move || {
            asks.wait_for("question", DEADLINE);
            answers.add("answer");
        });
        log.add("question");
        log.wait_for("answer", DEADLINE);
        log.wait_for_len(2, Duration::ZERO);
        other.unwrap().join().unwrap();
        assert_eq!(log.take(), ["question", "answer"]);
    });
}

#[test]
fn waiting_in_vain_says_what_there_is_instead() {
    let log = EventLog::new();
    log.add("this");
    let said = panic_of(|| log.wait_for("that", Duration::from_millis(1)));
    assert_eq!(said, r#""that" was not logged within 1ms; there is only ["this"]"#);
    let said = panic_of(|| log.wait_for_len(2, Duration::ZERO));
    assert_eq!(said, r#"fewer than 2 entries within 0ns; there is only ["this"]"#);
}
