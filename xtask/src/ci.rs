//! `cargo xtask ci`: every step in order, timed, up to the first that fails.

use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::steps::{bench, features, fetch, licences, lint, loom, package, rustdoc, test};
use crate::{examples, layers, tidy};

pub(crate) const HELP: &str = "\
Steps, in this order; the first that fails ends the run and prints the command that repeats it:

  fmt        rustfmt has nothing to change
  tidy       our own rules over the text of the files           cargo xtask tidy
  layers     which crate may import which                       cargo xtask layers
  fetch      download what the lock files name: the only step that may use the network
  licences   of all dependencies, against an allow list
  clippy     per crate and feature set, all targets             cargo xtask lint
  features   each crate alone, with each feature                cargo xtask features
  test       unit, integration, documentation, compile-fail     cargo xtask test
  release    the tests of floor 0 again, optimised
  examples   each program run, its output compared              cargo xtask examples
  docs       rustdoc, private items too                         cargo xtask docs
  loom       the models of our cross-thread code                cargo xtask loom
  package    each crate compiled alone from its package         cargo xtask package
  bench      crates/bench compiles

Warnings are errors. Nothing is installed. RUSTFLAGS, RUSTDOCFLAGS and CARGO_TARGET_DIR of the
caller are respected.
";

struct Step {
    name: &'static str,
    /// What repeats the step if its failure names nothing smaller.
    command: &'static str,
    run: fn() -> Result<(), Failure>,
}

const STEPS: &[Step] = &[
    Step { name: "fmt", command: "cargo xtask lint", run: lint::fmt },
    Step { name: "tidy", command: "cargo xtask tidy", run: tidy::run },
    Step { name: "layers", command: "cargo xtask layers", run: layers::run },
    Step { name: "fetch", command: "cargo fetch --locked", run: fetch::run },
    Step { name: "licences", command: "cargo xtask ci", run: licences::run },
    Step { name: "clippy", command: "cargo xtask lint", run: lint::clippy },
    Step { name: "features", command: "cargo xtask features", run: features::run },
    Step { name: "test", command: "cargo xtask test", run: test::run },
    Step { name: "release", command: "cargo xtask ci", run: test::release },
    Step { name: "examples", command: "cargo xtask examples", run: examples::run_all },
    Step { name: "docs", command: "cargo xtask docs", run: rustdoc::run },
    Step { name: "loom", command: "cargo xtask loom", run: loom::run },
    Step { name: "package", command: "cargo xtask package", run: package::run },
    Step { name: "bench", command: "cargo xtask bench", run: bench::compile },
];

/// What no step above can see; printed at the end, because a silent gap is the worst result.
const NOT_CHECKED: &str = "\
not checked here:
  other systems: only this machine's standard library is installed
  the oldest compiler itself: clippy sees newer library calls, tidy sees let-chains, no more
  advisories against dependencies: their database is not part of the tree
  speed: benchmarks are compiled, not run (cargo xtask bench)
  what further tools would find (cargo xtask deep)";

pub(crate) fn run() -> Result<(), Failure> {
    let mut times = Vec::new();
    for Step { name, command, run } in STEPS {
        println!("[{}/{}] {name}", times.len() + 1, STEPS.len());
        let start = Instant::now();
        let result = run();
        let time = start.elapsed();
        times.push((*name, time));
        if let Err(failure) = result {
            println!("{}", table(&times, "failed"));
            return Err(failure.repeat(*command));
        }
        println!("  ok, {}", seconds(time));
    }
    println!("{}\n\n{NOT_CHECKED}", table(&times, "passed"));
    Ok(())
}

fn table(times: &[(&str, Duration)], verdict: &str) -> String {
    let mut lines = vec![String::new()];
    lines.extend(times.iter().map(|(name, time)| format!("{name:<10} {:>10}", seconds(*time))));
    let total = times.iter().map(|(_, time)| *time).sum();
    lines.push(format!("{:<10} {:>10}  {verdict}", "ci", seconds(total)));
    lines.join("\n")
}

pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::{HELP, STEPS, table};
    use std::time::Duration;

    #[test]
    fn the_help_names_each_step_in_its_order() {
        let lines = HELP.lines().filter(|line| line.starts_with("  "));
        let named: Vec<_> = lines.filter_map(|line| line.split_whitespace().next()).collect();
        let steps: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        assert_eq!(named, steps);
    }

    #[test]
    fn the_table_ends_with_the_sum() {
        let table =
            table(&[("a", Duration::from_secs(1)), ("b", Duration::from_millis(1500))], "passed");
        assert!(table.ends_with("2.5 s  passed"), "{table}");
    }
}
