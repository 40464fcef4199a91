//! Each published crate, packed, unpacked and compiled alone against the packed others.
//!
//! This is what proves that a user may depend on one of our crates without the rest: a file that
//! is not in the package, a missing version or an edge that only the workspace satisfies fails
//! here. One target directory serves all packages, so that their dependencies compile once.
//!
//! cargo hands the packages to each other through a registry of its own making, and takes what
//! comes from a registry to be immutable: a second run would compile against the sources and the
//! libraries that the first one left, in the target directory and in cargo's home. So both begin
//! empty; the home only borrows the crates that are already downloaded.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::command::Command;
use crate::failure::Failure;
use crate::metadata::Metadata;
use crate::workspace::root;

/// What the empty home borrows: archives and indexes, not what was unpacked from them.
const BORROWED: &[&str] = &["config.toml", "git", "registry/cache", "registry/index"];

pub(crate) fn run() -> Result<(), Failure> {
    let metadata = Metadata::of_members()?;
    let target = metadata.target_below("package-verify");
    let mut command = Command::cargo("package --quiet --workspace --offline --allow-dirty");
    for package in metadata.packages.iter().filter(|package| !package.published) {
        command = command.arg("--exclude").arg(&package.name);
    }
    let absolute = root().join(&target);
    let home = absolute.join("home");
    prepare(&absolute, &home).map_err(|error| Failure::io(&target, &error))?;
    command
        .arg("--target-dir")
        .arg(&target)
        .env("CARGO_HOME", home.to_string_lossy())
        .run()
        // Its command alone would meet what this run has left.
        .map_err(|failure| failure.repeat_instead("cargo xtask package"))
}

fn prepare(target: &Path, home: &Path) -> io::Result<()> {
    match fs::remove_dir_all(target) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::create_dir_all(home.join("registry"))?;
    let Some(real) = cargo_home() else { return Ok(()) };
    for part in BORROWED.iter().filter(|part| real.join(part).exists()) {
        borrow(&real.join(part), &home.join(part))?;
    }
    Ok(())
}

fn cargo_home() -> Option<PathBuf> {
    let of_user = || Some(PathBuf::from(env::var_os("HOME")?).join(".cargo"));
    env::var_os("CARGO_HOME").map(PathBuf::from).or_else(of_user)
}

#[cfg(unix)]
fn borrow(from: &Path, to: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(from, to)
}

#[cfg(windows)]
fn borrow(from: &Path, to: &Path) -> io::Result<()> {
    use std::os::windows::fs::{symlink_dir, symlink_file};
    if from.is_dir() { symlink_dir(from, to) } else { symlink_file(from, to) }
}
