//! The one step that may use the network.
//!
//! After it everything else works without, and a stale lock file is found here, where the message
//! is plain, and not in the middle of a build.

use super::bench;
use crate::command::Command;
use crate::failure::Failure;
use crate::workspace::root;

pub(crate) fn run() -> Result<(), Failure> {
    fetch(Command::cargo("fetch --quiet --locked"), "cargo fetch")?;
    if root().join(bench::MANIFEST).is_file() {
        let manifest = format!("--manifest-path {}", bench::MANIFEST);
        let fix = format!("cargo fetch {manifest}");
        fetch(Command::cargo("fetch --quiet --locked").words(&manifest), &fix)?;
    }
    Ok(())
}

fn fetch(command: Command, fix: &str) -> Result<(), Failure> {
    command.run().map_err(|failure| {
        failure.fix(format!("if the lock file is stale: `{fix}`, then commit the lock file"))
    })
}
