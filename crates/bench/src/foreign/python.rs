//! Contestants in Python.

use super::Program;
use crate::skipped::Skipped;
use anyhow::Context as _;
use std::io::{ErrorKind, Write as _};
use std::process::Command;

/// The script is read from the standard input, so that no file has to be found.
pub(crate) fn start(script: &str, arguments: &[String]) -> anyhow::Result<Program> {
    let (program, mut input) =
        match Program::start(Command::new("python3").arg("-").args(arguments)) {
            Ok(started) => started,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Skipped("there is no python3".to_owned()).into());
            }
            Err(error) => return Err(error).context("python3 cannot be started"),
        };
    // The pipe is closed at once: that is the end of the script.
    input.write_all(script.as_bytes())?;
    Ok(program)
}
