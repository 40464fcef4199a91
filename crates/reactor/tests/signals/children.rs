//! Children: this binary once more, in which one test does what would end the others.
//!
//! A child reads from a pipe that its parent never writes to. When the parent is gone, whatever ended
//! it, so is the pipe, and then the child goes, too.

use std::ffi::OsString;
use std::io::Read as _;
use std::process::{Command, ExitStatus, Stdio};
use std::{env, io, process, thread};

const VARIANT: &str = "ROPEWALK_SIGNALS_CHILD";

/// What the child is to do; `None` in the parent.
pub(crate) fn variant() -> Option<String> {
    let variant = env::var(VARIANT).ok()?;
    thread::Builder::new().name("parent".to_owned()).spawn(go_with_the_parent).unwrap();
    Some(variant)
}

#[expect(clippy::disallowed_methods, reason = "nobody is left for whom to be orderly")]
fn go_with_the_parent() {
    // Whether it ends or fails, nobody is there to read what comes of this.
    let _ = io::stdin().read_to_end(&mut Vec::new());
    process::exit(1);
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
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// Runs a child to its end.
pub(crate) fn end_of(mut command: Command) -> ExitStatus {
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    // Out of the child, because `wait` closes what it finds there.
    let pipe = child.stdin.take();
    let status = child.wait().unwrap();
    drop(pipe);
    status
}
