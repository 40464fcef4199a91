//! The benchmarks of Ropewalk: against a hand-written floor, and against its peers.
//!
//! Each contestant of each round runs in a process of its own, so that none inherits another's
//! threads, heap or placement on the cores. The contestants of a round run one after the other, in
//! an order that moves on by one from round to round; what slows the machine for a while slows all
//! of them, and ratios are taken within a round. `docs/benchmarks.md` has results and what they
//! mean.

mod arguments;
mod child;
mod contest;
mod descriptors;
mod floor;
mod footprint;
mod foreign;
mod headcount;
mod latch;
mod placement;
mod pools;
mod process;
mod report;
mod sample;
mod skipped;
mod slumber;
mod statistics;
mod syscalls;
mod tally;
mod workload;
mod workloads;

use crate::arguments::{Options, Request};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let done = match arguments::parse(&arguments) {
        Ok(Request::Help) => {
            println!("{}", arguments::usage());
            Ok(())
        }
        Ok(Request::List) => {
            report::list();
            Ok(())
        }
        Ok(Request::Syscalls) => syscalls::tables(),
        Ok(Request::Child(order)) => child::obey(&order),
        Ok(Request::Crowd(order)) => workloads::crowd::obey(&order),
        Ok(Request::Run(options)) => compare(&options),
        Err(mistake) => {
            eprintln!("error: {mistake}\n\n{}", arguments::usage());
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure:#}");
            ExitCode::FAILURE
        }
    }
}

/// Every table that was asked for, even if a contestant fails; then says how many did.
fn compare(options: &Options) -> anyhow::Result<()> {
    report::machine();
    let mut failed = 0;
    for workload in &options.workloads {
        for setting in workload.settings {
            let outcome = contest::hold(workload, setting, options);
            failed += report::table(workload, setting, &outcome);
        }
    }
    anyhow::ensure!(failed == 0, "contestants that failed: {failed}");
    Ok(())
}
