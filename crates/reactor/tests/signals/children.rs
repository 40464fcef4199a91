//! Children: this binary once more, in which one test does what would end the others.

use std::env;
use std::ffi::OsString;
use std::process::{Command, ExitStatus, Stdio};

const VARIANT: &str = "ROPEWALK_SIGNALS_CHILD";

/// What the child is to do; `None` in the parent.
pub(crate) fn variant() -> Option<String> {
    env::var(VARIANT).ok()
}

/// What runs `test` in a child.
pub(crate) fn command(test: &str, variant: &str) -> Command {
    from_program(Command::new(env::current_exe().unwrap()), test, variant)
}

/// The same with `signal`, by its short name, ignored from the beginning.
pub(crate) fn command_ignoring(signal: &str, test: &str, variant: &str) -> Command {
    let mut shell = Command::new("sh");
    let script = format!("trap '' {signal}; exec \"$0\" \"$@\"");
    shell.args([OsString::from("-c"), script.into(), env::current_exe().unwrap().into()]);
    from_program(shell, test, variant)
}

fn from_program(mut command: Command, test: &str, variant: &str) -> Command {
    command.args(["--exact", test, "--nocapture"]).env(VARIANT, variant);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// Runs a child to its end.
pub(crate) fn end_of(mut command: Command) -> ExitStatus {
    command.stdout(Stdio::null()).status().unwrap()
}
