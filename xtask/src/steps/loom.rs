//! The loom models: our cross-thread code under every interleaving.
//!
//! A crate takes part by depending on `loom` under `cfg(loom)`; its models are unit tests with
//! `loom` in their path. They have a target directory of their own, because the flag is part of
//! what every crate of the build is compiled with.

use std::env;

use crate::command::Command;
use crate::failure::Failure;
use crate::metadata::{Metadata, Package};

pub(crate) fn run() -> Result<(), Failure> {
    let metadata = Metadata::of_members()?;
    let target = metadata.target_below("loom");
    for package in metadata.packages.iter().filter(|package| has_models(package)) {
        // A filter that matches nothing passes; so the models are counted first.
        let models = test(package, &target, &["--", "--list"]).read()?;
        let models = models.lines().filter(|line| line.ends_with(": test")).count();
        if models == 0 {
            let message = format!("{} depends on loom and has no model", package.name);
            return Err(Failure::new(message)
                .repeat(test(package, &target, &["--", "--list"]).to_string())
                .fix("put its models in a module named `loom`, or drop the dependency"));
        }
        test(package, &target, &[]).run()?;
    }
    Ok(())
}

fn has_models(package: &Package) -> bool {
    let under_loom = |target: &Option<String>| target.as_deref() == Some("cfg(loom)");
    let mut dependencies = package.dependencies.iter();
    dependencies.any(|dependency| dependency.name == "loom" && under_loom(&dependency.target))
}

fn test(package: &Package, target: &str, further: &[&str]) -> Command {
    let preemptions = env::var("LOOM_MAX_PREEMPTIONS").unwrap_or_else(|_| "2".to_owned());
    Command::cargo("test --quiet --release --lib -p")
        .arg(&package.name)
        .arg("--target-dir")
        .arg(target)
        .arg("loom")
        .args(further.iter().copied())
        .flags("RUSTFLAGS", "--cfg loom")
        .env("LOOM_MAX_PREEMPTIONS", preemptions)
}
