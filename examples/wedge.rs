//! The wedged pool: jobs that wait for jobs that have no thread to run in.
//!
//! The Twisted text warns of it: if the pool is full of *blockers*, which wait for an
//! *unblocker* that was handed in after them, nothing ever moves, "and it's dead". Here the same
//! jobs run twice.
//!
//! First they wait as in that text. The pool sees that nothing moves, and says which jobs hold its
//! threads, by name and source line. Then its size is raised, which starts the job that waits, and
//! so frees it.
//!
//! The second time each job says that it waits, with `blocking`. The pool has other threads for
//! that time, and never gets stuck.
//!
//! Run it: `cargo run --example wedge`

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use ropewalk::prelude::*;
use ropewalk::threadpool::{Builder, StallReport, blocking};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

const THREADS: usize = 2;

/// Waits for somebody to unblock it.
fn blocker(wait: fn(&Receiver<()>) -> bool, event: Receiver<()>) -> impl FnOnce() + Send {
    move || println!("a blocker goes on: {}", wait(&event))
}

/// Tells what the pool does, and unblocks the blockers, once it has a thread to do so.
fn unblocker(events: Vec<Sender<()>>, pool: ThreadPool) -> impl FnOnce() + Send {
    move || {
        println!("seen by the unblocker: {}", pool.report());
        for event in events {
            // Nobody listens only if the blocker is gone.
            let _ = event.send(());
        }
    }
}

/// Runs on the pool's watching thread: everything else is stuck, but not the reactor.
fn wedged(report: &StallReport, handle: &ReactorHandle) {
    println!("{report}");
    println!("{}", handle.thread_pool().report());
    let raised = handle.call_from_thread(|reactor| {
        println!("the reactor turns, and raises the pool to {} threads", THREADS + 1);
        if let Err(error) = reactor.suggest_thread_pool_size(THREADS + 1) {
            println!("{error}");
        }
    });
    if let Err(stopped) = raised {
        println!("{stopped}");
    }
}

/// The pool of both runs.
fn settings() -> Builder {
    ThreadPool::builder().name("wedge").min_threads(THREADS).max_threads(THREADS)
}

/// Runs as many blockers as the pool has threads, and only then the unblocker.
fn run(
    reactor: &Reactor,
    pool: ThreadPool,
    wait: fn(&Receiver<()>) -> bool,
) -> ropewalk::Result<()> {
    reactor.install_thread_pool(pool.clone())?;
    let (events, waits): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| channel()).unzip();
    for event in waits {
        reactor.call_in_thread(blocker(wait, event))?;
    }
    let last = unblocker(events, pool.clone());
    reactor.call_in_thread(last)?;
    // The reactor is never blocked; its shutdown waits for the jobs.
    reactor.call_later(Duration::from_millis(10), |reactor| reactor.stop());
    reactor.run()?;
    println!("all {} jobs have finished", pool.stats().completed);
    Ok(())
}

fn main() -> ropewalk::Result<()> {
    ropewalk_examples::init_tracing();
    let reactor = Reactor::new()?;
    let handle = reactor.handle();

    println!("-- jobs that just wait");
    let diagnosed = settings()
        .stall_after(Duration::from_millis(250))
        .on_stall(move |report| wedged(report, &handle))
        .build()?;
    run(&reactor, diagnosed, |event| event.recv().is_ok())?;

    println!("-- jobs that wait inside of blocking()");
    run(&reactor, settings().build()?, |event| blocking(|| event.recv().is_ok()))
}
