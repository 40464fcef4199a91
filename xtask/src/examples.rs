//! `cargo xtask examples`: every example program run, and what it prints compared.

mod expectation;
mod program;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::ci::seconds;
use crate::command::Command;
use crate::failure::Failure;
use crate::metadata::Metadata;
use crate::workspace::root;
use expectation::Expectation;
use program::Program;

pub(crate) const HELP: &str = "\
Runs all programs of examples/Cargo.toml, or those named, from the root of the workspace, and
compares their standard output with examples/expected/NAME.txt:

  text          a line of the output, whole; the lines must come in this order, others may stand
                between them
  ~ text        the same, but the text may be any part of the line
  # text        a comment; empty lines are ignored too

Before the first expected line, these comments say how to run the program:

  # args: --db {scratch}/a.db     its arguments; {scratch} is an empty directory that is deleted
  # stdin: first\\nsecond         what it reads; without it, or a file examples/expected/NAME.in,
                                  its standard input is empty
  # env: KEY=VALUE                may be repeated; RUST_LOG is not inherited
  # seconds: 20                   when to give up and kill it

It must end by itself with status 0.
";

const PACKAGE: &str = "ropewalk-examples";
const EXPECTED: &str = "examples/expected";

pub(crate) fn run_all() -> Result<(), Failure> {
    run(&[])
}

pub(crate) fn run(names: &[String]) -> Result<(), Failure> {
    let metadata = Metadata::of_members()?;
    let package = metadata.packages.iter().find(|package| package.name == PACKAGE);
    let all = package.map(|package| package.examples.as_slice()).unwrap_or_default();
    if let Some(unknown) = names.iter().find(|name| !all.contains(name)) {
        let message = format!("no example `{unknown}`; there are: {}", all.join(", "));
        return Err(Failure::new(message));
    }
    // With the features of the tests, so that what those have compiled is used.
    Command::cargo("build --quiet --workspace --examples --all-features").run()?;
    let chosen = if names.is_empty() { all } else { names };
    if chosen.is_empty() {
        return Err(Failure::new("examples/Cargo.toml has no [[example]]"));
    }
    let built = metadata.target_directory.join("debug/examples");
    for name in chosen {
        let start = Instant::now();
        let repeat = |failure: Failure| failure.repeat(format!("cargo xtask examples {name}"));
        check(name, &built, &metadata.target_directory).map_err(repeat)?;
        println!("  {name}: ok, {}", seconds(start.elapsed()));
    }
    Ok(())
}

fn check(name: &str, built: &Path, target: &Path) -> Result<(), Failure> {
    let path = format!("{EXPECTED}/{name}.txt");
    let text =
        fs::read_to_string(root().join(&path)).map_err(|error| Failure::io(&path, &error))?;
    let mut expectation = Expectation::parse(&text)
        .map_err(|problem| Failure::new(format!("{path}:{}: {}", problem.line, problem.what)))?;
    if let Ok(input) = fs::read_to_string(root().join(format!("{EXPECTED}/{name}.in"))) {
        expectation.input = input;
    }
    let scratch = Scratch::new(target.join("example-scratch").join(name))?;
    let program = Program {
        path: built.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)),
        directory: root(),
        arguments: expectation.arguments.iter().map(|word| scratch.fill(word)).collect(),
        environment: expectation.environment.clone(),
        input: scratch.fill(&expectation.input),
        limit: expectation.limit,
    };
    let ended = program.run()?;
    let problem = match ended.verdict {
        Some(verdict) => Some(verdict),
        None => expectation.missing_from(&ended.output).map(|line| {
            format!("{path}:{}: not printed, or not at this point: {}", line.number, line.text)
        }),
    };
    match problem {
        None => Ok(()),
        Some(problem) => Err(Failure::new(format!(
            "example {name}: {problem}\n--- standard output\n{}\n--- standard error\n{}\n---",
            ended.output.trim_end(),
            ended.errors.trim_end()
        ))),
    }
}

/// An empty directory for one run.
struct Scratch(PathBuf);

impl Scratch {
    fn new(path: PathBuf) -> Result<Self, Failure> {
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).map_err(|error| Failure::io(path.display(), &error))?;
        Ok(Self(path))
    }

    fn fill(&self, text: &str) -> String {
        text.replace("{scratch}", &self.0.to_string_lossy())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
