//! The command line: which commands there are, what each takes, and what to print when it is wrong.
//!
//! One table holds both the behaviour and the help, so that neither can lack the other.

use std::fmt::Write as _;

use crate::failure::Failure;
use crate::steps::{bench, features, lint, loom, package, rustdoc, soak, test};
use crate::{changelog, ci, deep, examples, layers, tidy};

/// What became of a command line.
pub(crate) enum Outcome {
    Done,
    Help(String),
    Misused(String),
    Failed(Failure),
}

/// How a command takes what stands behind its name.
enum Run {
    /// Takes nothing.
    Alone(fn() -> Result<(), Failure>),
    /// Takes these flags and, if `names` is true, names of things.
    With { flags: &'static [&'static str], names: bool, run: fn(&[String]) -> Result<(), Failure> },
    /// Hands everything to another program, which checks it.
    Through(fn(&[String]) -> Result<(), Failure>),
}

struct Command {
    name: &'static str,
    takes: &'static str,
    about: &'static str,
    more: &'static str,
    run: Run,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "ci",
        takes: "",
        about: "every check that a change must pass, cheapest first",
        more: ci::HELP,
        run: Run::Alone(ci::run),
    },
    Command {
        name: "lint",
        takes: "",
        about: "rustfmt, and clippy on every crate with its feature sets, warnings denied",
        more: "Repair with `cargo fmt --all` and, for what clippy can repair, `cargo clippy --fix`.\n",
        run: Run::Alone(lint::run),
    },
    Command {
        name: "tidy",
        takes: "",
        about: "our own rules over the text of the files",
        more: "The rules and their reasons stand in docs/contributing.md. The same check runs as a\n\
               test: `cargo test -p xtask`.\n",
        run: Run::Alone(tidy::run),
    },
    Command {
        name: "layers",
        takes: "",
        about: "which crate may import which, and a stated reason for each dependency",
        more: "The table stands in xtask/src/layers/table.rs.\n",
        run: Run::Alone(layers::run),
    },
    Command {
        name: "features",
        takes: "",
        about: "every crate compiled alone, with each of its features and each pair",
        more: "",
        run: Run::Alone(features::run),
    },
    Command {
        name: "test",
        takes: "",
        about: "unit, integration, documentation and compile-fail tests",
        more: "For one crate use cargo itself: `cargo test -p ropewalk-net`.\n",
        run: Run::Alone(test::run),
    },
    Command {
        name: "loom",
        takes: "",
        about: "the models of our cross-thread code, every interleaving",
        more: "Set LOOM_MAX_PREEMPTIONS to look further than 2 preemptions (slower).\n",
        run: Run::Alone(loom::run),
    },
    Command {
        name: "docs",
        takes: "",
        about: "rustdoc of everything, private items too, warnings denied",
        more: "",
        run: Run::Alone(rustdoc::run),
    },
    Command {
        name: "examples",
        takes: "[NAME…]",
        about: "run the example programs and compare what they print",
        more: examples::HELP,
        run: Run::With { flags: &[], names: true, run: examples::run },
    },
    Command {
        name: "package",
        takes: "",
        about: "pack each published crate and compile it from its package, alone",
        more: "",
        run: Run::Alone(package::run),
    },
    Command {
        name: "changelog",
        takes: "[VERSION] [--dry-run]",
        about: "fold docs/changes/*.md into CHANGELOG.md",
        more: changelog::HELP,
        run: Run::With { flags: &["--dry-run"], names: true, run: changelog::run },
    },
    Command {
        name: "bench",
        takes: "[--quick] [WORKLOAD…]",
        about: "run crates/bench in release; everything behind `bench` goes to it",
        more: "",
        run: Run::Through(bench::run),
    },
    Command {
        name: "soak",
        takes: "NAME SECONDS [SEED]",
        about: "strain one part at random for so long, then settle the account",
        more: soak::HELP,
        run: Run::With { flags: &[], names: true, run: soak::run },
    },
    Command {
        name: "deep",
        takes: "[--strict]",
        about: "checks that need further tools: runs those that are there, names the others",
        more: "--strict   a check that cannot run for want of its tool is a failure\n",
        run: Run::With { flags: &["--strict"], names: false, run: deep::run },
    },
];

/// Runs what `arguments` (without the program's name) ask for.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let Some((name, rest)) = arguments.split_first() else {
        return Outcome::Misused(usage());
    };
    if is_help(name) || name == "help" {
        return Outcome::Help(usage());
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        return Outcome::Misused(format!("unknown command `{name}`\n\n{}", usage()));
    };
    if rest.iter().any(|argument| is_help(argument)) {
        return Outcome::Help(help(command));
    }
    if let Err(problem) = check(command, rest) {
        return Outcome::Misused(format!("{problem}\n\n{}", help(command)));
    }
    let result = match command.run {
        Run::Alone(run) => run(),
        Run::With { run, .. } | Run::Through(run) => run(rest),
    };
    match result {
        Ok(()) => Outcome::Done,
        Err(failure) => Outcome::Failed(failure),
    }
}

fn check(command: &Command, rest: &[String]) -> Result<(), String> {
    let (flags, names) = match command.run {
        Run::Alone(_) => (&[][..], false),
        Run::With { flags, names, .. } => (flags, names),
        Run::Through(_) => return Ok(()),
    };
    for argument in rest {
        let known =
            if argument.starts_with('-') { flags.contains(&argument.as_str()) } else { names };
        if !known {
            return Err(format!("`{}` does not take `{argument}`", command.name));
        }
    }
    Ok(())
}

fn is_help(argument: &str) -> bool {
    argument == "--help" || argument == "-h"
}

fn usage() -> String {
    let mut text = String::from("Usage: cargo xtask COMMAND\n\nCommands:\n");
    for Command { name, takes, about, .. } in COMMANDS {
        let _ = writeln!(text, "  {:<32} {about}", format!("{name} {takes}"));
    }
    text.push_str("\n`cargo xtask COMMAND --help` says more.\n");
    text
}

fn help(command: &Command) -> String {
    let Command { name, takes, about, more, .. } = command;
    let usage = format!("Usage: cargo xtask {name} {takes}");
    let gap = if more.is_empty() { "" } else { "\n" };
    format!("{}\n\n{about}\n{gap}{more}", usage.trim_end())
}

#[cfg(test)]
mod tests {
    use super::{COMMANDS, Outcome, run};

    fn outcome(line: &str) -> Outcome {
        run(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_not_known_is_misuse_and_prints_the_usage() {
        for line in ["", "frobnicate", "ci --fast", "tidy everything", "examples --all"] {
            let Outcome::Misused(text) = outcome(line) else { panic!("`{line}` was accepted") };
            assert!(text.contains("Usage: cargo xtask"), "{text}");
        }
    }

    #[test]
    fn each_command_has_help() {
        for command in COMMANDS {
            let Outcome::Help(text) = outcome(&format!("{} --help", command.name)) else {
                panic!("no help for {}", command.name)
            };
            assert!(text.contains(command.about), "{text}");
        }
        let Outcome::Help(text) = outcome("--help") else { panic!("no help") };
        assert!(COMMANDS.iter().all(|command| text.contains(command.name)), "{text}");
    }
}
