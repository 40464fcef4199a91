//! The pool under everything at once, for as long as one likes.
//!
//! Four threads use one pool after the other: they submit, cancel, resize and look, and then end
//! it, all of it at random, while its jobs do the same from within and its threads are refused.
//! Each job keeps a record of its own fate. When a pool is gone, the records are compared with what
//! was asked of the pool and with its own numbers: accepted = completed + cancelled + panicked +
//! returned.
//!
//! `cargo xtask soak pool SECONDS [SEED]` runs it; among the tests it runs for a second and prints
//! nothing if all is well. A failure prints the seed of its round. The same seed makes the same
//! choices, but the system's scheduler makes its own.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

// How it goes: the life of one pool after the other.
mod hooks;
mod plan;
mod round;

// Who does what to a pool.
mod driver;
mod ending;
mod submission;
mod tokens;
mod work;

// What is checked.
mod account;
mod order;
mod record;
mod watchdog;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};
use std::{env, io, panic, thread};

use account::{Account, check_state};
use driver::Step;
use plan::{DRIVERS, Plan, Start};
use ropewalk_testing::soak::{Arguments, Dice, Post, Watchdog};
use ropewalk_threadpool::ThreadPool;
use round::Round;
use work::Work;

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
        println!("soak: the pool for {time:?}, seed {seed}");
    }
    let began = Instant::now();
    let mut total = Account::default();
    let mut slowest = Duration::ZERO;
    for seed in (0..).map(|count| seed.wrapping_add(count)) {
        let (account, complaints, end) = match live(seed) {
            Ok(lived) => lived,
            Err(error) => {
                eprintln!("soak: the system does not let us: {error}");
                return ExitCode::FAILURE;
            }
        };
        total += account;
        slowest = slowest.max(end);
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
        println!("longest end of a pool {slowest:.1?}\n{total}");
    }
    ExitCode::SUCCESS
}

/// The life of one pool: its account, what was wrong, and how long its end took.
fn live(seed: u64) -> io::Result<(Account, Vec<String>, Duration)> {
    let round = Round::new(Plan::new(seed, Step::ALL.len(), Work::ALL.len()));
    let posts: Arc<Vec<Post>> = Arc::new((0..=DRIVERS).map(|_| Post::default()).collect());
    let watched = Arc::clone(&round);
    let _watchdog = Watchdog::new(&posts, move || watchdog::last_words(&watched))?;
    let mut dice = Dice::new(!seed);
    let Some(pool) = round.open() else {
        return Ok((Account::default(), round.complaints(), Duration::ZERO));
    };
    if round.plan.start == Start::AtOnce {
        // It says no more than that the pool is not ended, which is so.
        let _ = pool.start();
    }
    drive_all(&round, pool, &posts)?;

    let began = Instant::now();
    let post = &posts[DRIVERS];
    post.is_at("the last stop");
    let pool = ending::end_for_good(&round, &mut dice);
    let stats = pool.as_ref().map(ThreadPool::stats);
    // Handles of jobs do not keep the pool.
    let kept = round.take_all_kept();
    drop(pool);
    post.is_at("the wait for the last thread");
    round.wait_freed();
    let end = began.elapsed();
    post.is_at("the account");
    for (handle, record) in kept {
        check_state(&round, handle.state(), &record);
    }
    let mut account = Account::of(&round);
    account.check(&round, stats.as_ref());
    if round.plan.is_single {
        account.checked_order(order::check(&round));
    }
    Ok((account, round.complaints(), end))
}

/// Has each driver do its part.
fn drive_all(round: &Arc<Round>, pool: ThreadPool, posts: &[Post]) -> io::Result<()> {
    let all = Barrier::new(DRIVERS);
    thread::scope(|scope| {
        for (number, post) in posts.iter().enumerate().take(DRIVERS) {
            let (round, pool, all) = (Arc::clone(round), pool.clone(), &all);
            let drive = move || driver::drive(&round, pool, number, all, post);
            let name = format!("soak-driver-{number}");
            thread::Builder::new().name(name).spawn_scoped(scope, drive)?;
        }
        drop(pool);
        Ok(())
    })
}
