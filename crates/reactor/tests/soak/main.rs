//! The reactor under everything at once, for as long as one likes.
//!
//! One thread makes reactors, one after the other, runs each, turns it by hand, lets it crash, runs
//! it again and drops it, outside of its callbacks or inside. Four threads hand in calls, write to
//! the sockets that it watches, stop it, and keep its handles for too long. The calls do the same
//! from within, and all else that a callback may do. Each closure keeps a record of its own fate.
//! In the end the records are compared with what was asked of the reactors and with their own
//! numbers: accepted = ran + panicked + dropped.
//!
//! `cargo xtask soak reactor SECONDS [SEED]` runs it; among the tests it runs for a second and
//! prints nothing if all is well. A failure prints the seed of its round. The same seed makes the
//! same choices, but the system's scheduler makes its own.
#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "a program for the terminal")]

// How it goes: a plan, and the lives of some reactors.
mod life;
mod looper;
mod plan;
mod world;

// Who does what to a reactor.
mod callbacks;
mod driver;
mod ending;
mod submission;
mod work;

// What a reactor is given.
mod desk;
mod shared;
mod socket;

// What is checked.
mod account;
mod record;
mod ticket;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::{io, thread};

use account::Account;
use plan::{DRIVERS, Plan};
use ropewalk_testing::soak::{Watchdog, play_rounds};
use world::World;

fn main() -> ExitCode {
    play_rounds("the reactor", play)
}

/// One round: four threads and some reactors. Its account, and what was wrong.
fn play(seed: u64) -> io::Result<(Account, Vec<String>)> {
    let world = World::new(Plan::new(seed));
    let watched = Arc::clone(&world);
    let watchdog = Watchdog::new(seed, DRIVERS + 1, move || watched.last_words())?;
    let posts = watchdog.posts();
    let (ender, requests) = channel();
    let mut requests = Some(requests);
    thread::scope(|scope| {
        for (number, post) in posts.iter().enumerate().take(DRIVERS) {
            let (world, requests) = (&world, requests.take());
            let drive = move || driver::drive(world, number, requests.as_ref(), post);
            let name = format!("soak-driver-{number}");
            thread::Builder::new().name(name).spawn_scoped(scope, drive)?;
        }
        looper::live(&world, ender, &posts[DRIVERS])
    })?;
    world.let_go();
    let account = Account::of(&world);
    account.check(&world);
    Ok((account, world.complaints.first()))
}
