//! rustfmt and clippy.
//!
//! clippy runs once per crate and feature set: a run over the whole workspace would unify the
//! features of all crates and hide that one of them forgot to ask for what it uses. Calls newer
//! than `rust-version` are found by `clippy::incompatible_msrv`, which is on by default.

use super::bench;
use super::features::{self, Combination};
use crate::command::Command;
use crate::failure::Failure;
use crate::layers;
use crate::workspace::root;

pub(crate) fn run() -> Result<(), Failure> {
    fmt()?;
    clippy()
}

pub(crate) fn fmt() -> Result<(), Failure> {
    Command::cargo("fmt --all --check").run().map_err(|failure| failure.fix("cargo fmt --all"))?;
    if root().join(bench::MANIFEST).is_file() {
        let line = format!("fmt --manifest-path {}", bench::MANIFEST);
        let fix = format!("cargo {line}");
        Command::cargo(&line).arg("--check").run().map_err(|failure| failure.fix(fix))?;
    }
    Ok(())
}

pub(crate) fn clippy() -> Result<(), Failure> {
    for package in layers::from_the_ground_up()? {
        if package.rust_version.is_none() {
            let fix = "rust-version.workspace = true".to_owned();
            let message = format!("{} has no rust-version to lint against", package.manifest);
            return Err(Failure::new(message).fix(fix));
        }
        for Combination { flags, .. } in features::usual(&package.features) {
            Command::cargo("clippy --quiet --all-targets -p")
                .arg(&package.name)
                .args(flags)
                .words("-- -D warnings")
                .run()?;
        }
    }
    Ok(())
}
