//! One program to run from the root of the workspace, written as one would type it.

use std::env;
use std::fmt;
use std::path::Path;
use std::process::{Command as Process, Stdio};

use crate::failure::Failure;
use crate::workspace::root;

/// A command line with its environment. [`fmt::Display`] gives what to paste into a shell.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    program: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Command {
    pub(crate) fn new(program: impl Into<String>) -> Self {
        Self { program: program.into(), arguments: Vec::new(), environment: Vec::new() }
    }

    /// `cargo` with the words of `line`, which are split at blanks.
    pub(crate) fn cargo(line: &str) -> Self {
        Self::new("cargo").words(line)
    }

    pub(crate) fn words(self, line: &str) -> Self {
        self.args(line.split_whitespace())
    }

    pub(crate) fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub(crate) fn args<S: Into<String>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    pub(crate) fn env(mut self, key: &str, value: impl Into<String>) -> Self {
        self.environment.push((key.to_owned(), value.into()));
        self
    }

    /// Adds `flags` behind those that the caller has in the variable `key`.
    pub(crate) fn flags(self, key: &str, flags: &str) -> Self {
        let value = match env::var(key) {
            Ok(given) if !given.trim().is_empty() => format!("{given} {flags}"),
            _ => flags.to_owned(),
        };
        self.env(key, value)
    }

    /// Runs it with our own standard streams, after printing it.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        println!("  $ {self}");
        self.run_silently()
    }

    fn run_silently(&self) -> Result<(), Failure> {
        let status = self.process().stdin(Stdio::null()).status();
        let status = status.map_err(|error| self.cannot_start(&error))?;
        if status.success() { Ok(()) } else { Err(self.failed(&status.to_string())) }
    }

    /// Runs it and gives what it printed; its messages go to our standard error.
    pub(crate) fn read(&self) -> Result<String, Failure> {
        let mut process = self.process();
        let output = process.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
        let output = output.map_err(|error| self.cannot_start(&error))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            Ok(text)
        } else {
            Err(self.failed(&output.status.to_string()))
        }
    }

    /// Whether the program is there and accepts this command line; prints nothing.
    pub(crate) fn works(&self) -> bool {
        let mut process = self.process();
        process.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        process.status().is_ok_and(|status| status.success())
    }

    /// The process, not started, for those who need more than the methods above.
    pub(crate) fn process(&self) -> Process {
        // The cargo that runs us, not whichever comes first in the path.
        let program = match (self.program.as_str(), env::var("CARGO")) {
            ("cargo", Ok(cargo)) => cargo,
            (program, _) => program.to_owned(),
        };
        let mut process = Process::new(program);
        process.args(&self.arguments).envs(self.environment.iter().cloned()).current_dir(root());
        process
    }

    fn cannot_start(&self, error: &std::io::Error) -> Failure {
        Failure::io(format_args!("cannot start `{}`", self.program), error).repeat(self.to_string())
    }

    fn failed(&self, status: &str) -> Failure {
        let program = Path::new(&self.program).file_name().unwrap_or_default().to_string_lossy();
        Failure::new(format!("`{program}` ended with {status}")).repeat(self.to_string())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, value) in &self.environment {
            write!(f, "{key}={} ", quoted(value))?;
        }
        write!(f, "{}", self.program)?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {}", quoted(argument)))
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::Command;

    #[test]
    fn prints_what_a_shell_would_take() {
        let command = Command::cargo("test -p x").arg("it's").env("RUSTFLAGS", "--cfg loom");
        assert_eq!(command.to_string(), r"RUSTFLAGS='--cfg loom' cargo test -p x 'it'\''s'");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let command = Command::new("no-such-program-at-all");
        assert!(!command.works());
        assert!(command.run_silently().unwrap_err().message().contains("no-such-program-at-all"));
    }

    #[test]
    fn a_failing_program_gives_its_command() {
        let failure = Command::new("git").words("config --get no.such-key").read().unwrap_err();
        assert!(failure.to_string().ends_with("repeat: git config --get no.such-key"));
    }
}
