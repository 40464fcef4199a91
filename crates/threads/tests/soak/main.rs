//! The bridges under everything at once, for as long as one likes.
//!
//! Three threads make reactors, one after the other, run each, let it crash, run it again and drop
//! it, or have a `ReactorThread` do so. Eight more threads call them by every bridge, wait for
//! answers or do not, cancel, and stop the reactors; the callbacks and the jobs do the same from
//! within. Each call has a record, in which its closure notes what happens to it, and its caller
//! what he was told. In the end each must have run, or come back, or been answered, once, and as
//! the two of them say; no payload may be alive, and no thread left over.
//!
//! `cargo xtask soak bridges SECONDS [SEED]` runs it; among the tests it runs for a second and
//! prints nothing if all is well. A failure prints the seed of its round. The same seed makes the
//! same choices, but the system's scheduler makes its own.
#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "a program for the terminal")]

// How it goes: a plan, threads that live with reactors, and threads that use them.
mod driver;
mod life;
mod looper;
mod plan;
mod world;

// What they do, by which bridge.
mod asks;
mod calls;
mod defers;
mod desk;
mod pools;
mod progress;
mod scene;
mod work;

// What is checked.
mod account;
mod payload;
mod record;
mod threads;

use std::process::ExitCode;
use std::sync::Arc;
use std::{io, thread};

use account::Account;
use plan::{DRIVERS, Plan, REACTORS};
use pools::Slot;
use ropewalk_testing::soak::{Watchdog, play_rounds};
use world::World;

fn main() -> ExitCode {
    play_rounds("the bridges", play)
}

/// One round: eight threads and some reactors. Its account, and what was wrong.
fn play(seed: u64) -> io::Result<(Account, Vec<String>)> {
    let plan = Plan::new(seed);
    let pools = plan.pools.into_iter().map(Slot::new).collect::<Result<_, _>>();
    let world = World::new(plan, pools.map_err(io::Error::other)?);
    let watched = Arc::clone(&world);
    let watchdog = Watchdog::new(seed, DRIVERS + REACTORS + 1, move || watched.last_words())?;
    let posts = watchdog.posts();
    thread::scope(|scope| {
        for (number, post) in posts.iter().enumerate().take(DRIVERS + REACTORS) {
            let world = &world;
            let (name, live): (_, Box<dyn FnOnce() + Send>) = if number < DRIVERS {
                let name = format!("soak-driver-{number}");
                (name, Box::new(move || driver::drive(world, number, post)))
            } else {
                let seat = number - DRIVERS;
                (format!("soak-looper-{seat}"), Box::new(move || looper::live(world, seat, post)))
            };
            thread::Builder::new().name(name).spawn_scoped(scope, live)?;
        }
        io::Result::Ok(())
    })?;
    let post = &posts[DRIVERS + REACTORS];
    post.is_at("the end of the reactors' threads");
    world.end_threads();
    post.is_at("the stop of the pools");
    world.pools.iter().for_each(|pool| pool.stop(&world));
    post.is_off();
    drop(watchdog);
    let left_over = threads::left_over();
    if !left_over.is_empty() {
        world.complain(format!("threads are left over: {left_over:?}"));
    }
    world.let_go();
    let account = Account::of(&world);
    account.check(&world);
    world.forget_lives();
    payload::check_none_left(&world);
    Ok((account, world.complaints.first()))
}
