//! The checks that need further tools, and how to tell whether each tool is there.

use std::fs;
use std::path::Path;

use super::{Check, Verdict};
use crate::command::Command;
use crate::failure::Failure;
use crate::metadata::Metadata;
use crate::workspace::{relative, root};

pub(crate) const CHECKS: &[Check] = &[
    Check { name: "oldest compiler", finds: "syntax that is too new", run: oldest_compiler },
    Check { name: "release tests", finds: "what only optimised code does", run: release_tests },
    Check { name: "cargo-hack", finds: "sets of features that do not compile", run: powerset },
    Check { name: "cargo-machete", finds: "dependencies that nobody uses", run: machete },
    Check { name: "typos", finds: "misspelt words", run: typos },
    Check { name: "cargo-deny", finds: "banned crates and odd sources", run: deny },
    Check {
        name: "cargo-semver-checks",
        finds: "breaking changes since the last tag",
        run: semver,
    },
    Check { name: "leak sanitizer", finds: "cycles that are never freed", run: leaks },
    Check { name: "valgrind", finds: "leaks and wild accesses in an example", run: valgrind },
    Check { name: "strace", finds: "a loop that polls when it should wait", run: strace },
];

/// The most system calls that the example traced by `strace` may make; one that polls makes more.
const SYSTEM_CALLS: usize = 5_000;

fn oldest_compiler() -> Verdict {
    let oldest = match rust_version() {
        Ok(version) => version,
        Err(failure) => return Verdict::Failed(failure),
    };
    let toolchain = format!("+{oldest}");
    let cargo = || Command::new("rustup").words("run").arg(&oldest).arg("cargo");
    if !cargo().arg("--version").works() {
        return Verdict::Skipped(format!("no toolchain {toolchain} (rustup)"));
    }
    let command = cargo().words("check --quiet --workspace --all-features --all-targets");
    verdict(with_target(command, "oldest"))
}

fn rust_version() -> Result<String, Failure> {
    let mut versions = Metadata::of_members()?.packages.into_iter();
    let version = versions.find_map(|package| package.rust_version);
    version.ok_or_else(|| Failure::new("no package has a rust-version"))
}

fn release_tests() -> Verdict {
    let command = Command::cargo(
        "test --quiet --workspace --exclude xtask --release --all-features --lib --tests",
    );
    verdict(Ok(command))
}

/// In a copy of the tree: cargo-hack rewrites manifests while it works.
fn powerset() -> Verdict {
    if let Some(skipped) = missing("hack") {
        return skipped;
    }
    let manifest = match scratch_copy() {
        Ok(copy) => format!("{copy}/Cargo.toml"),
        Err(failure) => return Verdict::Failed(failure),
    };
    let command = Command::cargo("hack check --quiet --feature-powerset --no-dev-deps --workspace");
    verdict(with_target(command.arg("--manifest-path").arg(manifest), "hack"))
}

fn machete() -> Verdict {
    missing("machete").unwrap_or_else(|| verdict(Ok(Command::cargo("machete"))))
}

fn typos() -> Verdict {
    if !Command::new("typos").arg("--version").works() {
        return Verdict::Skipped("no typos".to_owned());
    }
    verdict(Ok(Command::new("typos")))
}

/// Licences are a step of ci, and advisories need a database that is not part of the tree.
fn deny() -> Verdict {
    missing("deny").unwrap_or_else(|| verdict(Ok(Command::cargo("deny check bans sources"))))
}

fn semver() -> Verdict {
    if let Some(skipped) = missing("semver-checks") {
        return skipped;
    }
    let tag = Command::new("git").words("describe --tags --abbrev=0");
    if !tag.works() {
        return Verdict::Skipped("no release tag to compare with".to_owned());
    }
    let command = tag
        .read()
        .map(|tag| Command::cargo("semver-checks --workspace --baseline-rev").arg(tag.trim()));
    verdict(command)
}

/// A library of `Rc`s and closures leaks by cycles; the sanitizer sees them without any model.
fn leaks() -> Verdict {
    let cargo = || Command::new("rustup").words("run nightly cargo");
    if !cargo().arg("--version").works() {
        return Verdict::Skipped("no toolchain +nightly (rustup)".to_owned());
    }
    let Some(host) = host() else { return Verdict::Skipped("rustc names no host".to_owned()) };
    let command = cargo()
        .words("test --quiet --workspace --exclude xtask --all-features --lib --tests --target")
        .arg(host)
        .flags("RUSTFLAGS", "-Zsanitizer=leak");
    verdict(with_target(command, "leak"))
}

fn host() -> Option<String> {
    let text = Command::new("rustc").arg("-vV").read().ok()?;
    text.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned)
}

fn valgrind() -> Verdict {
    if !Command::new("valgrind").arg("--version").works() {
        return Verdict::Skipped("no valgrind".to_owned());
    }
    let command = example("call_from_thread").map(|program| {
        let options =
            "--quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite";
        Command::new("valgrind").words(options).arg(program)
    });
    verdict(command)
}

fn strace() -> Verdict {
    if !Command::new("strace").arg("--version").works() {
        return Verdict::Skipped("no strace".to_owned());
    }
    match count_system_calls() {
        Ok(count) if count <= SYSTEM_CALLS => Verdict::Ran,
        Ok(count) => Verdict::Failed(Failure::new(format!(
            "{count} system calls in two seconds of waiting, more than {SYSTEM_CALLS}"
        ))),
        Err(failure) => Verdict::Failed(failure),
    }
}

fn count_system_calls() -> Result<usize, Failure> {
    let trace = Metadata::of_members()?.target_below("strace.txt");
    let program = example("call_in_thread")?;
    Command::new("strace").words("-f -qq -o").arg(&trace).arg(program).run()?;
    let text = fs::read_to_string(root().join(&trace));
    let text = text.map_err(|error| Failure::io(&trace, &error))?;
    println!("  {} system calls", text.lines().count());
    Ok(text.lines().count())
}

/// Builds an example and gives its program.
fn example(name: &str) -> Result<String, Failure> {
    Command::cargo("build --quiet --workspace --examples --all-features").run()?;
    let name = format!("debug/examples/{name}{}", std::env::consts::EXE_SUFFIX);
    let program = Metadata::of_members()?.target_below(&name);
    // From the root, so not to be looked for in the path.
    Ok(if program.starts_with('/') { program } else { format!("./{program}") })
}

fn missing(subcommand: &str) -> Option<Verdict> {
    let there = Command::cargo(subcommand).arg("--version").works();
    (!there).then(|| Verdict::Skipped(format!("no cargo-{subcommand}")))
}

fn verdict(command: Result<Command, Failure>) -> Verdict {
    match command.and_then(|command| command.run()) {
        Ok(()) => Verdict::Ran,
        Err(failure) => Verdict::Failed(failure),
    }
}

fn with_target(command: Command, name: &str) -> Result<Command, Failure> {
    Ok(command.arg("--target-dir").arg(Metadata::of_members()?.target_below(name)))
}

/// What git tracks, copied below `target`; gives the path of the copy.
fn scratch_copy() -> Result<String, Failure> {
    let copy = Metadata::of_members()?.target_directory.join("scratch-copy");
    let _ = fs::remove_dir_all(&copy);
    let list =
        Command::new("git").words("ls-files --cached --others --exclude-standard -z").read()?;
    for path in list.split_terminator('\0').filter(|path| root().join(path).is_file()) {
        let to = copy.join(path);
        let directory = to.parent().unwrap_or(Path::new("."));
        let copied = fs::create_dir_all(directory).and_then(|()| fs::copy(root().join(path), &to));
        copied.map_err(|error| Failure::io(path, &error))?;
    }
    Ok(relative(&copy))
}
