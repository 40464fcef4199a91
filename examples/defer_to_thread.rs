//! `defer_to_thread`: blocking code in the pool, its result back on the reactor thread.
//!
//! The Twisted text computes with `threads.deferToThread` and prints the result, 3, in a callback.
//! What Rust makes different: the result has a type, an error in the job is a value that reaches
//! the errback, and so is a panic; a chain whose failure nobody handles says so when it is
//! dropped.
//!
//! Run it: `cargo run --example defer_to_thread`

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use ropewalk::deferred::Panicked;
use ropewalk::prelude::*;

fn do_long_calculation() -> ropewalk::Result<u32> {
    Ok("1 2".split(' ').map(str::parse::<u32>).sum::<Result<u32, _>>()?)
}

fn main() -> ropewalk::Result<()> {
    ropewalk_examples::init_tracing();
    let reactor = Reactor::new()?;
    // One thread, so that the three results below come in the order in which they were asked for.
    reactor.suggest_thread_pool_size(1)?;
    let thread = std::thread::current().id();

    let good = reactor.defer_to_thread(do_long_calculation).add_callback(move |result| {
        // The job ran on another thread; its result came back to this one.
        assert_eq!(std::thread::current().id(), thread);
        println!("{result}");
    });

    let bad = reactor
        .defer_to_thread(|| Ok("three".parse::<u32>()?))
        .add_callback(|number| println!("not reached: {number}"))
        .add_errback(|failure| println!("an error is a value: {failure}"));

    let worse = reactor
        .defer_to_thread(|| -> ropewalk::Result<u32> { panic!("out of rope") })
        .add_callback(|number| println!("not reached: {number}"))
        .add_errback(|failure| {
            let panicked = failure.downcast::<Panicked>()?;
            println!("a panic is a value: {}", panicked.message());
            Ok(())
        });

    // One after the other, whatever the order in which they come; then stop.
    good.add_callback(move |()| bad)
        .add_callback(move |()| worse)
        .add_both(|result| {
            Reactor::with_current(|reactor| reactor.stop());
            result
        })
        .detach();
    reactor.run()?;
    Ok(())
}
