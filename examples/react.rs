//! `react`: a program that is an `async` main function, with a loop that ticks beside it.
//!
//! Twisted's `task.react(main)` runs the reactor until the `Deferred` of `main` fires, and its
//! `LoopingCall` calls a function again and again. What Rust makes different: `react` gives an
//! `ExitCode` to return from `main` instead of ending the process, so that every destructor runs; a
//! failure is printed with all its causes; a reactor that somebody has stopped before is an error,
//! not a success; and the times of a loop are exact.
//!
//! Run it: `cargo run --example react`, then `cargo run --example react three; echo $?`

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use ropewalk::prelude::*;
use ropewalk::task::{ExitWith, LoopingCall, react};
use std::process::ExitCode;
use std::time::Duration;

const TICK: Duration = Duration::from_millis(100);

/// How many ticks there shall be: the first argument, or 3.
fn wanted() -> ropewalk::Result<u32> {
    let Some(word) = std::env::args().nth(1) else { return Ok(3) };
    // What `react` prints is the failure and its cause; the code is what the shell sees.
    let failed = |error| Failure::from(error).context(format!("`{word}` is no number of ticks"));
    word.parse().map_err(failed).map_err(|failure| failure.context(ExitWith(2)))
}

/// A loop that prints so many ticks and then stops itself.
fn ticker(count: u32) -> LoopingCall {
    let mut ticks = 0;
    LoopingCall::new(move |_| {
        ticks += 1;
        println!("tick {ticks}");
        if ticks >= count {
            LoopingCall::current().map(|this| this.stop()).transpose()?;
        }
        Ok(())
    })
}

fn main() -> ExitCode {
    ropewalk_examples::init_tracing();
    react(|reactor| {
        let started = wanted().and_then(|count| Ok(ticker(count).start_later(reactor, TICK)?));
        reactor.spawn(async move {
            // It has its result when the loop has stopped.
            started?.await?;
            println!("the loop has stopped");
            Ok(())
        })
    })
}
