//! Contestants that are written in Python: a process of their own, in the place of this one.
//!
//! Python is not needed: where it, or the package that is measured, is absent, they are skipped.

use crate::skipped::Skipped;
use anyhow::Context as _;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};

pub(crate) struct Python {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Python {
    /// The script is read from the standard input, so that no file has to be found.
    pub(crate) fn start(script: &str, arguments: &[String]) -> anyhow::Result<Self> {
        let started = Command::new("python3")
            .arg("-")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = match started {
            Ok(child) => child,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Skipped("there is no python3".to_owned()).into());
            }
            Err(error) => return Err(error).context("python3 cannot be started"),
        };
        let (input, output) = (child.stdin.take(), child.stdout.take());
        // The pipe is closed at once: that is the end of the script.
        input.context("python3 has no input")?.write_all(script.as_bytes())?;
        let output = BufReader::new(output.context("python3 has no output")?);
        Ok(Self { child, output })
    }

    /// The next line that it prints; an error, if that says why it does not take part.
    pub(crate) fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Skipped::parse(&line).map_or(Ok(line), |skipped| Err(skipped.into()))
    }

    /// The rest of what it prints, when it has ended.
    pub(crate) fn finish(mut self) -> anyhow::Result<String> {
        let mut text = String::new();
        self.output.read_to_string(&mut text)?;
        let status = self.child.wait()?;
        anyhow::ensure!(status.success(), "python3 ended with {status}");
        Ok(text)
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // After `finish` there is nobody any more, and that is all this can say.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
