//! `cargo xtask deep`: checks that need more than a stable toolchain.
//!
//! Each looks for its tool and runs if it is there. What was skipped is printed with its reason: a
//! silent skip is the worst of all results.

mod checks;

use std::time::Instant;

use crate::ci::seconds;
use crate::failure::Failure;
use checks::CHECKS;

/// How one check ended.
pub(crate) enum Verdict {
    Ran,
    /// For want of this.
    Skipped(String),
    Failed(Failure),
}

/// One check and what it would find.
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) finds: &'static str,
    pub(crate) run: fn() -> Verdict,
}

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let strict = arguments.iter().any(|argument| argument == "--strict");
    let mut table = Vec::new();
    let (mut skipped, mut failures) = (0, Vec::new());
    for (number, Check { name, finds, run }) in (1..).zip(CHECKS) {
        println!("[{number}/{}] {name}: {finds}", CHECKS.len());
        let start = Instant::now();
        let verdict = run();
        let time = seconds(start.elapsed());
        let words = match verdict {
            Verdict::Ran => format!("ran      {time}"),
            Verdict::Skipped(why) => {
                skipped += 1;
                format!("skipped  {why}")
            }
            Verdict::Failed(failure) => {
                println!("  {failure}");
                failures.push(*name);
                format!("failed   {time}")
            }
        };
        table.push(format!("{name:<22} {words}"));
    }
    println!("\n{}", table.join("\n"));
    if !failures.is_empty() {
        return Err(Failure::new(failures.join(", ")).repeat("cargo xtask deep"));
    }
    if strict && skipped > 0 {
        let message = format!("{skipped} checks were skipped, and --strict allows none");
        return Err(Failure::new(message).fix("install the tools named in the table"));
    }
    Ok(())
}
