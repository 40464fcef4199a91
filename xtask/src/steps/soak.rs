//! The soaks: programs that strain one part at random for as long as one likes, and then settle
//! the account.
//!
//! Each is the test target `soak` of its crate, so that the tests compile it and run it for a
//! moment; here it runs as long as it is told, optimised, but with the assertions and the checks of
//! arithmetic that a release leaves out. Hence a target directory of its own.

use crate::command::Command;
use crate::failure::Failure;
use crate::metadata::Metadata;

pub(crate) const HELP: &str = "\
bridges  the calls between threads: answers, refusals, cancellations, panics, stops and restarts
net      connections: writes, pauses, producers, half closes, aborts, panics, faults on the way, stops
pool     the thread pool: submissions, cancellations, panics, sizes, refused threads and stops
reactor  the reactor: calls, timers, sources, panics, crashes, drops, stops and further runs

Without SEED it takes a new one. A failure prints the seed that repeats its choices; how the
threads meet is not repeated.
";

/// Name and package of each.
const SOAKS: &[(&str, &str)] = &[
    ("bridges", "ropewalk-threads"),
    ("net", "ropewalk-net"),
    ("pool", "ropewalk-threadpool"),
    ("reactor", "ropewalk-reactor"),
];

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    command(arguments, &Metadata::of_members()?.target_below("soak"))?.run()
}

fn command(arguments: &[String], target: &str) -> Result<Command, Failure> {
    let [name, numbers @ ..] = arguments else {
        return Err(misused("which one, and for how many seconds?".to_owned()));
    };
    let Some((_, package)) = SOAKS.iter().find(|(soak, _)| soak == name) else {
        return Err(misused(format!("there is no soak `{name}`")));
    };
    if !(1..=2).contains(&numbers.len()) {
        return Err(misused("it takes SECONDS and perhaps SEED".to_owned()));
    }
    if let Some(word) = numbers.iter().find(|word| word.parse::<u64>().is_err()) {
        return Err(misused(format!("`{word}` is not a number")));
    }
    let command = Command::cargo("test --quiet --release -p").arg(*package);
    Ok(command
        .words("--all-features --test soak --target-dir")
        .arg(target)
        .arg("--")
        .args(numbers)
        .env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true")
        .env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true"))
}

fn misused(what: String) -> Failure {
    Failure::new(what).fix("cargo xtask soak --help")
}

#[cfg(test)]
mod tests {
    use super::{HELP, SOAKS, command};

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_soak_is_the_test_of_its_crate() {
        for (name, package) in [
            ("bridges", "ropewalk-threads"),
            ("net", "ropewalk-net"),
            ("pool", "ropewalk-threadpool"),
            ("reactor", "ropewalk-reactor"),
        ] {
            let command = command(&words(&format!("{name} 60 7")), "t").unwrap().to_string();
            let expected = format!(
                "cargo test --quiet --release -p {package} --all-features --test soak --target-dir t -- 60 7"
            );
            assert!(command.ends_with(&expected), "{command}");
        }
    }

    #[test]
    fn what_it_cannot_do_is_refused() {
        for line in ["", "pool", "pond 60", "pool a", "pool 60 -1", "pool 1 2 3"] {
            assert!(command(&words(line), "t").is_err(), "`{line}` was accepted");
        }
    }

    #[test]
    fn the_help_names_each() {
        let mut lines = HELP.lines();
        assert!(SOAKS.iter().all(|(name, _)| lines.any(|line| line.starts_with(name))));
    }
}
