//! `call_in_thread`: blocking code beside a reactor that goes on turning.
//!
//! The Twisted text runs a function that sleeps for two seconds with `reactor.callInThread`, and
//! says that the reactor is not blocked meanwhile. Here a ticking timer shows it. What Rust makes
//! different: the closure must be `Send`, so it cannot take the reactor along by mistake; what it
//! hands back to the reactor goes through the handle.
//!
//! Run it: `cargo run --example call_in_thread`

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use ropewalk::prelude::*;
use std::time::Duration;

const TICK: Duration = Duration::from_millis(500);

/// Stands for any code that blocks: a query, a file, a computation.
#[expect(clippy::disallowed_methods, reason = "to block is what it shows")]
fn a_silly_blocking_method(seconds: u64) {
    std::thread::sleep(Duration::from_secs(seconds));
    println!("{seconds} seconds have passed");
}

fn tick(reactor: &Reactor, count: u32) {
    println!("tick {count}: the reactor is not blocked");
    if count < 3 {
        reactor.call_later(TICK, move |reactor| tick(reactor, count + 1));
    }
}

fn main() -> ropewalk::Result<()> {
    ropewalk_examples::init_tracing();
    let reactor = Reactor::new()?;
    let handle = reactor.handle();

    reactor.call_later(TICK, |reactor| tick(reactor, 1));
    reactor.call_in_thread(move || {
        a_silly_blocking_method(2);
        handle.stop();
    })?;

    reactor.run()?;
    println!("the reactor has stopped");
    Ok(())
}
