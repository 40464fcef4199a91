//! Programs of others to talk to, where they are installed.

use crate::fixture::skipped;
use std::io::BufRead;
use std::process::{Child, Command, Stdio};

/// The program, if it is there, with pipes to it and from it; `asked` is what it answers in any case.
pub(crate) fn program(name: &str, asked: &str, arguments: &[&str]) -> Option<Running> {
    let is_there = Command::new(name).arg(asked).output();
    if !is_there.is_ok_and(|output| output.status.success()) {
        skipped(format_args!("there is no program `{name}` to talk to"));
        return None;
    }
    let mut command = Command::new(name);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Some(Running(command.spawn().unwrap()))
}

/// Ends the program, also if the test fails.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The first line that says this. Who drops the pipe may end a program that says more.
pub(crate) fn line_with(text: &str, output: &mut impl BufRead) -> String {
    let mut line = String::new();
    while !line.contains(text) {
        line.clear();
        assert_ne!(output.read_line(&mut line).unwrap(), 0, "it ends without saying {text:?}");
    }
    line.trim().to_owned()
}
