//! Contestants in C, around libuv: compiled when the first of them starts, if there is a compiler.
//!
//! Not by a build script: this package builds without either. The program stays beside this one,
//! under a name that tells its text, for the rounds and the runs to come.

use super::Program;
use crate::skipped::Skipped;
use anyhow::Context as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, process};

/// A program of one file, and the headers.
#[derive(Hash)]
pub(crate) struct Source {
    name: &'static str,
    text: &'static str,
}

pub(crate) const CALLS: Source = Source::new("calls", include_str!("../../c/calls.c"));
pub(crate) const ECHO: Source = Source::new("echo", include_str!("../../c/echo.c"));
pub(crate) const IDLE: Source = Source::new("idle", include_str!("../../c/idle.c"));
pub(crate) const TIMERS: Source = Source::new("timers", include_str!("../../c/timers.c"));
pub(crate) const WAKE_LATENCY: Source =
    Source::new("wake_latency", include_str!("../../c/wake_latency.c"));

/// What tells whether it is the program that does not compile, or whether none does.
const LEAST: Source =
    Source::new("least", "#include <uv.h>\nint main(void) { return uv_version() == 0; }\n");

const HEADERS: &[(&str, &str)] = &[
    ("contest.h", include_str!("../../c/contest.h")),
    ("queue.h", include_str!("../../c/queue.h")),
    ("tally.h", include_str!("../../c/tally.h")),
];

const COMPILER: &str = "cc";
const OPTIONS: &[&str] = &["-std=gnu11", "-O2", "-Wall", "-Wextra", "-pthread"];
const LIBRARIES: &[&str] = &["-luv"];

pub(crate) fn start(source: &Source, arguments: &[String]) -> anyhow::Result<Program> {
    let path = source.compiled(&directory()?)?;
    let started = Program::start(Command::new(&path).args(arguments));
    // It reads nothing.
    let (program, _input) = started.with_context(|| format!("{path:?} cannot be started"))?;
    Ok(program)
}

fn directory() -> anyhow::Result<PathBuf> {
    let own = env::current_exe()?;
    Ok(own.parent().context("this program is in no directory")?.join("libuv"))
}

impl Source {
    const fn new(name: &'static str, text: &'static str) -> Self {
        Self { name, text }
    }

    /// Where the program is; it is compiled if it is not there.
    fn compiled(&self, directory: &Path) -> anyhow::Result<PathBuf> {
        let mut hasher = DefaultHasher::new();
        (self, HEADERS, OPTIONS, LIBRARIES).hash(&mut hasher);
        let path = directory.join(format!("{}-{:016x}", self.name, hasher.finish()));
        if path.is_file() {
            return Ok(path);
        }
        let scratch = Scratch::new(directory, self.name)?;
        let complaint = self.compile(&scratch)?;
        if !complaint.is_empty() {
            if !LEAST.compile(&scratch)?.is_empty() {
                let why = "cc finds no libuv with its header uv.h (Debian: libuv1-dev)";
                return Err(Skipped(why.to_owned()).into());
            }
            anyhow::bail!("{}.c does not compile:\n{complaint}", self.name);
        }
        // Whoever compiles it at the same time puts the same in its place.
        fs::rename(scratch.0.join(self.name), &path)?;
        Ok(path)
    }

    /// What the compiler has against it; nothing, if the program is there.
    fn compile(&self, scratch: &Scratch) -> anyhow::Result<String> {
        let text = scratch.0.join(format!("{}.c", self.name));
        fs::write(&text, self.text)?;
        let compiled = Command::new(COMPILER)
            .args(OPTIONS)
            .arg("-o")
            .args([&scratch.0.join(self.name), &text])
            .args(LIBRARIES)
            .output();
        let output = match compiled {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let why = "there is no C compiler, cc (Debian: gcc and libuv1-dev)";
                return Err(Skipped(why.to_owned()).into());
            }
            compiled => compiled.context("cc cannot be started")?,
        };
        if output.status.success() {
            return Ok(String::new());
        }
        Ok(format!("{}{}", String::from_utf8_lossy(&output.stderr), output.status))
    }
}

/// A directory for one compilation, with the headers. Nobody else looks into it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(directory: &Path, name: &str) -> anyhow::Result<Self> {
        let scratch = Self(directory.join(format!("{name}.{}", process::id())));
        fs::create_dir_all(&scratch.0)
            .with_context(|| format!("{:?} cannot be made", scratch.0))?;
        for (name, text) in HEADERS {
            fs::write(scratch.0.join(name), text)?;
        }
        Ok(scratch)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It is below the target directory, where much is left behind.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::{CALLS, ECHO, IDLE, LEAST, Scratch, Source, TIMERS, WAKE_LATENCY};
    use crate::skipped::Skipped;

    /// A directory that is gone in the end.
    fn scratch(name: &str) -> Scratch {
        Scratch::new(&std::env::temp_dir(), &format!("ropewalk-bench-{name}")).unwrap()
    }

    #[test]
    fn each_compiles_where_libuv_is_there() {
        let directory = scratch("each");
        for source in [CALLS, ECHO, IDLE, LEAST, TIMERS, WAKE_LATENCY] {
            match source.compiled(&directory.0) {
                Ok(path) => {
                    // The second time it is found.
                    let before = path.metadata().unwrap().modified().unwrap();
                    assert_eq!(source.compiled(&directory.0).unwrap(), path);
                    assert_eq!(path.metadata().unwrap().modified().unwrap(), before);
                }
                Err(error) => assert!(error.is::<Skipped>(), "{error:#}"),
            }
        }
    }

    #[test]
    fn what_does_not_compile_is_not_skipped_where_libuv_is_there() {
        let directory = scratch("broken");
        let is_there = LEAST.compiled(&directory.0).is_ok();
        let error = Source::new("broken", "int main(void) { return }\n");
        let error = error.compiled(&directory.0).unwrap_err();
        assert_eq!(error.is::<Skipped>(), !is_there, "{error:#}");
    }
}
