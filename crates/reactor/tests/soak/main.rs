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
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

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
mod socket;

// What is checked.
mod account;
mod record;
mod ticket;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Instant;
use std::{env, io, panic, thread};

use account::Account;
use plan::{DRIVERS, Plan};
use ropewalk_testing::soak::{Arguments, Post, Watchdog};
use world::World;

/// A panic that nobody planned; those that are planned pass by the hook.
static PANICKED: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    let Some(arguments) = Arguments::read(env::args().skip(1)) else { return ExitCode::SUCCESS };
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        PANICKED.store(true, Ordering::SeqCst);
        hook(info);
    }));
    let Arguments { time, seed, is_told, .. } = arguments;
    if is_told {
        println!("soak: the reactor for {time:?}, seed {seed}");
    }
    let began = Instant::now();
    let mut total = Account::default();
    for seed in (0..).map(|count| seed.wrapping_add(count)) {
        let (account, complaints) = match play(seed) {
            Ok(played) => played,
            Err(error) => {
                eprintln!("soak: the system does not let us: {error}");
                return ExitCode::FAILURE;
            }
        };
        total += account;
        if !complaints.is_empty() || PANICKED.load(Ordering::SeqCst) {
            complaints.iter().for_each(|complaint| eprintln!("  {complaint}"));
            eprintln!("{account}\nsoak: failed; repeat with the seed {seed}");
            return ExitCode::FAILURE;
        }
        if began.elapsed() >= time {
            break;
        }
    }
    if is_told {
        println!("{total}");
    }
    ExitCode::SUCCESS
}

/// One round: four threads and some reactors. Its account, and what was wrong.
fn play(seed: u64) -> io::Result<(Account, Vec<String>)> {
    let posts: Arc<Vec<Post>> = Arc::new((0..=DRIVERS).map(|_| Post::default()).collect());
    let world = World::new(Plan::new(seed));
    let watched = Arc::clone(&world);
    let _watchdog = Watchdog::new(&posts, move || watched.last_words())?;
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
    Ok((account, world.complaints()))
}
