//! The documentation: it builds without a warning, for private items too.

use crate::command::Command;
use crate::failure::Failure;

pub(crate) fn run() -> Result<(), Failure> {
    Command::cargo("doc --quiet --workspace --all-features --no-deps --document-private-items")
        .flags("RUSTDOCFLAGS", "-D warnings")
        .run()
}
