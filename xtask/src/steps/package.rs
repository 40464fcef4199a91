//! Each published crate, packed, unpacked and compiled alone against the packed others.
//!
//! This is what proves that a user may depend on one of our crates without the rest: a file that
//! is not in the package, a missing version or an edge that only the workspace satisfies fails
//! here. One target directory serves all packages, so that their dependencies compile once.

use crate::command::Command;
use crate::failure::Failure;
use crate::metadata::Metadata;

pub(crate) fn run() -> Result<(), Failure> {
    let metadata = Metadata::of_members()?;
    let mut command = Command::cargo("package --quiet --workspace --offline --allow-dirty");
    for package in metadata.packages.iter().filter(|package| !package.published) {
        command = command.arg("--exclude").arg(&package.name);
    }
    command.arg("--target-dir").arg(metadata.target_below("package-verify")).run()
}
