//! The tests that the ordinary harness runs: unit, integration, documentation and compile-fail.
//!
//! All features at once, because the feature sets are linted and compiled one by one elsewhere.

use crate::command::Command;
use crate::failure::Failure;

pub(crate) fn run() -> Result<(), Failure> {
    Command::cargo("test --quiet --workspace --all-features").run()
}
