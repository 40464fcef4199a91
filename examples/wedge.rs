//! The wedged pool: jobs that wait for jobs that have no thread to run in.
//!
//! The Twisted text warns of it: if the pool is full of *blockers*, each waiting for an
//! *unblocker* that was handed in after it, nothing ever moves, "and it's dead". What Rust, or
//! rather Ropewalk, makes different: the pool sees that nothing moves and says which jobs hold its
//! threads, by name and source line; and raising its size starts the jobs that wait, which frees
//! it.
//!
//! Run it: `cargo run --example wedge`

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use ropewalk::prelude::*;
use ropewalk::threadpool::StallReport;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

const THREADS: usize = 2;

/// Waits for somebody to unblock it.
fn blocker(number: usize, event: Receiver<()>) -> impl FnOnce() + Send {
    move || {
        let unblocked = event.recv().is_ok();
        println!("blocker {number} goes on: {unblocked}");
    }
}

/// Unblocks a blocker, once it has a thread to do so.
fn unblocker(event: Sender<()>) -> impl FnOnce() + Send {
    move || {
        // Nobody listens only if the blocker is gone.
        let _ = event.send(());
    }
}

/// Runs on the pool's watching thread: everything else is stuck, but not the reactor.
fn wedged(report: &StallReport, handle: &ReactorHandle) {
    println!("wedged: {} jobs wait behind {} busy threads", report.queued, report.threads);
    for job in &report.jobs {
        let line = job.location.line();
        println!("  {} from line {line} of {}", job.name, job.location.file());
    }
    let raised = handle.call_from_thread(|reactor| {
        println!("raising the pool to {} threads", THREADS + 1);
        if let Err(error) = reactor.suggest_thread_pool_size(THREADS + 1) {
            println!("{error}");
        }
    });
    if let Err(stopped) = raised {
        println!("{stopped}");
    }
}

fn main() -> ropewalk::Result<()> {
    ropewalk_examples::init_tracing();
    let reactor = Reactor::new()?;
    let handle = reactor.handle();
    let pool = ThreadPool::builder()
        .name("wedge")
        .min_threads(THREADS)
        .max_threads(THREADS)
        .stall_after(Duration::from_millis(250))
        .on_stall(move |report| wedged(report, &handle))
        .build()?;
    if reactor.install_thread_pool(pool).is_err() {
        println!("the reactor has a pool already");
    }

    // As many blockers as there are threads, and only then the unblockers.
    let (events, waits): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| channel()).unzip();
    for (number, wait) in waits.into_iter().enumerate() {
        reactor.call_in_thread(blocker(number, wait)).map_err(|refused| refused.without_job())?;
    }
    for event in events {
        reactor.call_in_thread(unblocker(event)).map_err(|refused| refused.without_job())?;
    }

    // The reactor was never blocked; its shutdown waits for the jobs.
    reactor.call_later(Duration::from_millis(10), |reactor| {
        println!("the reactor turns");
        reactor.stop();
    });
    reactor.run()?;
    println!("all jobs have finished");
    Ok(())
}
