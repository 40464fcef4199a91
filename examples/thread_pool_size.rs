//! `suggest_thread_pool_size`: the size of the reactor's pool, and what it does.
//!
//! The Twisted text raises the pool to 30 threads with `reactor.suggestThreadPoolSize(30)`. What
//! Rust makes different: a size that makes no sense is an error that names it, raising the size
//! starts jobs that already wait, and `stats` is one consistent snapshot.
//!
//! Run it: `cargo run --example thread_pool_size`

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use ropewalk::prelude::*;
use ropewalk::threadpool::PoolStats;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Barrier};

const THREADS: usize = 30;
/// One thread is for the job that lets the others end.
const JOBS: usize = THREADS - 1;

fn show(when: &str, pool: &ThreadPool) {
    let PoolStats { threads, busy, queued, completed, .. } = pool.stats();
    println!(
        "{when}: {threads} threads of {} to {}, {busy} busy, {queued} queued, {completed} completed",
        pool.min_threads(),
        pool.max_threads()
    );
}

/// Hands in jobs that all wait for each other, so that each needs a thread of its own.
fn hand_in(reactor: &Reactor, started: &Sender<()>) {
    let all_there = Arc::new(Barrier::new(JOBS + 1));
    for _ in 0..JOBS {
        let (started, all_there) = (started.clone(), Arc::clone(&all_there));
        let job = move || {
            // The receiver is there as long as somebody counts.
            let _ = started.send(());
            all_there.wait();
        };
        if let Err(refused) = reactor.call_in_thread(job) {
            println!("refused: {refused}");
        }
    }
    // Runs last, because jobs start in the order in which they were handed in.
    let handle = reactor.handle();
    let _ = reactor.call_in_thread(move || {
        all_there.wait();
        handle.stop();
    });
}

fn main() -> ropewalk::Result<()> {
    ropewalk_examples::init_tracing();
    let reactor = Reactor::new()?;
    let pool = reactor.thread_pool();
    show("before", &pool);
    if let Err(error) = reactor.suggest_thread_pool_size(0) {
        println!("{error}");
    }

    let (started, starts) = channel();
    reactor.call_when_running(move |reactor| hand_in(reactor, &started));
    let (handle, watched) = (reactor.handle(), pool.clone());
    let watcher = std::thread::Builder::new().name("watcher".to_owned()).spawn(move || {
        let wait_for = |count: usize| starts.iter().take(count).count();
        wait_for(10);
        // Answered when the reactor has handed in all the others, too.
        if let Err(failure) = handle.blocking_call_from_thread(|_| ()) {
            println!("{failure}");
        }
        show("ten at a time", &watched);
        if let Err(error) = handle.suggest_thread_pool_size(THREADS) {
            println!("{error}");
        }
        wait_for(JOBS - 10);
        println!("all jobs have started, without another being handed in");
    })?;

    reactor.run()?;
    if watcher.join().is_err() {
        println!("the watcher panicked");
    }
    // The reactor has let the pool run dry; this waits until its threads are gone.
    pool.stop();
    show("after", &pool);
    Ok(())
}
