//! The benchmarks: compiled by ci, run on demand.
//!
//! They are a workspace of their own, so that the peers that we measure against never enter our
//! lock file; hence the manifest path and the target directory.

use crate::command::Command;
use crate::failure::Failure;
use crate::metadata::Metadata;
use crate::workspace::root;

pub(crate) const MANIFEST: &str = "crates/bench/Cargo.toml";

/// All of its targets, checked and not built: nothing of it is run here.
pub(crate) fn compile() -> Result<(), Failure> {
    command("check --quiet --locked --all-targets")?.run()
}

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    command("run --quiet --release")?.arg("--").args(arguments).run()
}

fn command(line: &str) -> Result<Command, Failure> {
    if !root().join(MANIFEST).is_file() {
        return Err(Failure::new(format!("{MANIFEST} is missing")));
    }
    let target = Metadata::of_members()?.target_below("bench");
    Ok(Command::cargo(line).words("--manifest-path").arg(MANIFEST).arg("--target-dir").arg(target))
}
