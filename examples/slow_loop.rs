//! A loop that does not get on, and who says why: the watchdog while it lasts, the figures after it.
//!
//! A timer waits for the result of a job, which is what no callback should do. The job waits for a
//! thread, and the only one is taken. So neither the reactor nor its pool gets on, and neither can
//! be asked. The watchdog reports both at once; in place of somebody who reads that, its hook frees
//! the thread.
//!
//! Run it: `cargo run --example slow_loop`

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use ropewalk::prelude::*;
use ropewalk::threads::Watchdog;
use std::sync::mpsc::channel;
use std::time::Duration;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn main() -> ropewalk::Result<()> {
    ropewalk_examples::init_tracing();
    let reactor = Reactor::builder().slow_callback(ms(50)).build()?;
    let pool = ThreadPool::builder().name("files").max_threads(1).stall_after(ms(250)).build()?;
    reactor.install_thread_pool(pool)?;

    let (free, freed) = channel();
    let watchdog = Watchdog::builder()
        .blocked_after(ms(100))
        .on_report(move |report| {
            println!("-- a report");
            println!("{report}");
            if !report.stalled.is_empty() {
                // Nobody listens any more if it has been freed.
                let _ = free.send(());
            }
        })
        .watch(&reactor.handle()) // and its pool
        .spawn()?;

    let holds_the_thread = move || println!("the thread is free: {}", freed.recv().is_ok());
    reactor.call_in_thread(holds_the_thread)?;
    let (result, answer) = channel();
    let answers = move || println!("answered: {}", result.send(7).is_ok());
    reactor.call_in_thread(answers)?;

    reactor.call_later(ms(10), move |_| println!("the answer: {:?}", answer.recv()));
    reactor.call_later(ms(60), |reactor| reactor.stop()); // late
    reactor.run()?;
    watchdog.stop();

    let stats = reactor.stats();
    println!("-- the figures");
    println!(
        "callbacks: {} slow, the longest {:.0?}",
        stats.slow_callbacks, stats.longest_callback
    );
    println!("timers: {}, at most {:.0?} late", stats.timers, stats.longest_lag);
    println!("turns: {}, {} of them slept", stats.turns, stats.sleeps);
    Ok(())
}
