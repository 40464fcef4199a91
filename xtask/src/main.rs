//! The commands of the workspace: `cargo xtask …`.
//!
//! The checks are a program and not a script, so that they run the same on every machine, are
//! formatted, linted and tested like the rest, and can say how to repair what they find. They need
//! a stable toolchain with rustfmt and clippy, `git`, and nothing that would have to be installed.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "this is a program for the terminal")]
#![expect(clippy::print_stderr, reason = "this is a program for the terminal")]

mod arguments;
mod ci;
mod steps;

mod changelog;
mod deep;
mod examples;
mod layers;
mod tidy;

mod command;
mod failure;
mod metadata;
mod workspace;

use std::env;
use std::process::ExitCode;

use arguments::Outcome;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments::run(&arguments) {
        Outcome::Done => ExitCode::SUCCESS,
        Outcome::Help(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Outcome::Misused(text) => {
            eprint!("{text}");
            ExitCode::from(2)
        }
        Outcome::Failed(failure) => {
            eprintln!("\n{failure}");
            ExitCode::FAILURE
        }
    }
}
