//! The tests that the ordinary harness runs: unit, integration, documentation and compile-fail.
//!
//! All features at once, because the feature sets are linted and compiled one by one elsewhere.

use crate::command::Command;
use crate::failure::Failure;

pub(crate) fn run() -> Result<(), Failure> {
    Command::cargo("test --quiet --workspace --all-features").run()
}

/// The tests of the crates on which all others stand, once more as users will run them: stack
/// depth, inlining and the order of memory accesses are not what they are without optimisation.
pub(crate) fn release() -> Result<(), Failure> {
    Command::cargo("test --quiet --release --all-features --lib --tests")
        .words("-p ropewalk-deferred -p ropewalk-threadpool -p ropewalk-reactor")
        .run()
}
