//! Lines of several threads, and waiting with a limit.

use crate::panic_of;
use ropewalk_testing::{DEADLINE, LogLines, within};
use std::io::Write as _;
use std::thread;
use std::time::Duration;

#[test]
fn a_line_is_found_by_its_texts() {
    let mut lines = LogLines::default();
    for line in ["INFO one\n", "WARN one\n", "WARN two\n"] {
        lines.write_all(line.as_bytes()).unwrap();
    }
    assert_eq!(lines.with(&["WARN", "two"]), ["WARN two\n"]);
    assert_eq!(lines.with(&["one"]), ["INFO one\n", "WARN one\n"]);
    assert_eq!(lines.with(&["INFO", "two"]), [""; 0]);
    assert_eq!(lines.text(), "INFO one\nWARN one\nWARN two\n");
}

#[test]
fn waiting_ends_with_the_line_of_another_thread() {
    within(DEADLINE, || {
        let lines = LogLines::default();
        let mut writer = lines.clone();
        let other = thread::Builder::new().spawn(move || {
            writer.write_all(b"first").unwrap();
            writer.write_all(b"second").unwrap();
        });
        assert_eq!(lines.wait_for(&["sec", "ond"], DEADLINE), "second");
        other.unwrap().join().unwrap();
    });
}

#[test]
fn waiting_in_vain_says_what_there_is_instead() {
    let mut lines = LogLines::default();
    lines.write_all(b"this").unwrap();
    let said = panic_of(|| drop(lines.wait_for(&["that"], Duration::from_millis(1))));
    let expected =
        r#"nothing with ["that"] was logged within 1ms; there is only LogLines(["this"])"#;
    assert_eq!(said, expected);
}
