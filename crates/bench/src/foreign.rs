//! Contestants that are written in other languages: a process of their own, in the place of this one.
//!
//! None of what they need is needed: where it is absent, they are skipped with a word that says what
//! to install. A program prints its sample as [`Sample::parse`] reads it, or why it does not take
//! part.

pub(crate) mod libuv;
pub(crate) mod python;

use crate::process::Process;
use crate::sample::Sample;
use crate::skipped::Skipped;
use anyhow::Context as _;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub(crate) struct Program {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> io::Result<(Self, ChildStdin)> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => {
                Ok((Self { child, output: BufReader::new(output) }, input))
            }
            _ => Err(io::Error::other("a process without the pipes that it was given")),
        }
    }

    /// For those who look at it from outside.
    pub(crate) fn process(&self) -> Process {
        Process::Other(self.child.id())
    }

    /// The next line that it prints; an error, if that says why it does not take part.
    pub(crate) fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Skipped::parse(&line).map_or(Ok(line), |skipped| Err(skipped.into()))
    }

    /// An error, if the next line is not this word.
    pub(crate) fn hear(&mut self, word: &str) -> anyhow::Result<()> {
        let line = self.line()?;
        anyhow::ensure!(line.trim_end() == word, "the program has said {line:?} instead of {word}");
        Ok(())
    }

    /// The number of the port at which it listens, in a line by itself.
    pub(crate) fn port(&mut self) -> anyhow::Result<u16> {
        let line = self.line()?;
        line.trim_end().parse().context("the program has not said at which port it listens")
    }

    /// The rest of what it prints, when it has ended.
    pub(crate) fn finish(mut self) -> anyhow::Result<String> {
        let mut text = String::new();
        self.output.read_to_string(&mut text)?;
        let status = self.child.wait()?;
        anyhow::ensure!(status.success(), "the program ended with {status}");
        Ok(text)
    }

    /// What it has measured, when it has ended.
    pub(crate) fn sample(mut self) -> anyhow::Result<Sample> {
        let head = self.line()?;
        Sample::parse(&format!("{head}{}", self.finish()?))
    }

    /// An error, if it has ended by itself.
    pub(crate) fn must_be_running(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => anyhow::bail!("the program ended too early, with {status}"),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // After `finish` there is nobody any more, and that is all this can say.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
