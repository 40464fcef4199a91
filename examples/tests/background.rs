//! The example `background`, as a process: what it does at the end of its input.

use ropewalk_testing::{DEADLINE, within};
use std::io::Write as _;
use std::process::{Command, Stdio};

#[test]
fn it_answers_what_it_was_asked_and_ends_with_its_input() {
    within(DEADLINE, || {
        // Cargo builds the examples beside the tests.
        let tests = std::env::current_exe().unwrap();
        let program = tests.parent().unwrap().parent().unwrap().join("examples/background");
        let mut process = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The timer is far away: it does not keep the program, and is not heard of any more.
        let input = "later 3600 too late\nwait soon\n  wait 0.001  \nwait 0";
        process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let ended = process.wait_with_output().unwrap();
        assert!(ended.status.success());
        let expected = "it will be said\n\
                        error: invalid float literal\n\
                        0.001 s have passed\n\
                        0 s have passed\n\
                        the reactor has stopped\n";
        assert_eq!(String::from_utf8_lossy(&ended.stdout), expected);
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
    });
}
