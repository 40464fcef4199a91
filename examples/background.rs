//! `background`: a program that reads commands and blocks, with a reactor in a thread beside it.
//!
//! A main thread that waits for its user, or belongs to a GUI, cannot run a reactor. Twisted leaves
//! it to libraries such as crochet to run one in a thread. Here a `ReactorThread` owns it: it is
//! there when `spawn` returns, `join` stops it and says how it ended, and no call can wait for a
//! reactor that has stopped.
//!
//! Run it: `cargo run --example background`, and type `help`.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use ropewalk::prelude::*;
use ropewalk::reactor::seconds;
use ropewalk::threads::ReactorThread;

fn main() -> ropewalk::Result<()> {
    ropewalk_examples::init_tracing();
    let reactor = ReactorThread::spawn()?;
    for line in std::io::stdin().lines() {
        match command(reactor.handle(), line?.trim()) {
            Ok(Some(answer)) => println!("{answer}"),
            Ok(None) => break,
            Err(failure) => println!("error: {failure:#}"),
        }
    }
    reactor.join()?;
    println!("the reactor has stopped");
    Ok(())
}

/// The answer to a command, `None` to the last one. It may block for as long as it likes.
fn command(reactor: &ReactorHandle, line: &str) -> ropewalk::Result<Option<String>> {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    let answer = match verb {
        // A question to the reactor.
        "ping" => {
            let turns = reactor.blocking_call_from_thread(|reactor| Ok(reactor.stats().turns))?;
            format!("pong, in turn {turns}")
        }
        // The answer may be a `Deferred`: this waits for it, and the reactor does not.
        "wait" => {
            let delay = seconds(rest.parse()?)?;
            reactor.blocking_call_from_thread(move |reactor| reactor.sleep(delay))?;
            format!("{rest} s have passed")
        }
        // An order: nobody waits.
        "later" => {
            let (delay, text) = rest.split_once(' ').unwrap_or((rest, "it is time"));
            let (delay, text) = (seconds(delay.parse()?)?, text.to_owned());
            reactor.call_from_thread(move |reactor| {
                reactor.call_later(delay, move |_| println!("{text}"));
            })?;
            "it will be said".to_owned()
        }
        // From here to the reactor, from there to its thread pool, and all the way back.
        "sum" => {
            let files: Vec<_> = rest.split_whitespace().map(str::to_owned).collect();
            let count = files.len();
            let bytes = reactor.blocking_call_from_thread(move |reactor| {
                reactor
                    .defer_to_thread(move || files.iter().map(size).sum::<ropewalk::Result<u64>>())
            })?;
            format!("{bytes} bytes in {count} files")
        }
        "quit" => return Ok(None),
        _ => "ping, wait SECONDS, later SECONDS TEXT, sum FILE..., quit".to_owned(),
    };
    Ok(Some(answer))
}

fn size(file: &String) -> ropewalk::Result<u64> {
    // It may be on a disk that sleeps, or in a network that is down: nothing for the reactor.
    let bytes = std::fs::read(file).map_err(|error| Failure::from(error).context(file.clone()))?;
    Ok(bytes.len() as u64)
}
