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
#![expect(clippy::print_stderr, reason = "a program for the terminal")]

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
mod last_words;
mod order;
mod record;

use std::process::ExitCode;
use std::sync::{Arc, Barrier};
use std::time::Instant;
use std::{io, thread};

use account::{Account, check_state};
use driver::Step;
use plan::{DRIVERS, Plan, Start};
use ropewalk_testing::soak::{Dice, Post, Watchdog, play_rounds};
use ropewalk_threadpool::ThreadPool;
use round::Round;
use work::Work;

fn main() -> ExitCode {
    play_rounds("the pool", live)
}

/// The life of one pool: its account, and what was wrong.
fn live(seed: u64) -> io::Result<(Account, Vec<String>)> {
    let round = Round::new(Plan::new(seed, Step::ALL.len(), Work::ALL.len()));
    let watched = Arc::clone(&round);
    let watchdog = Watchdog::new(seed, DRIVERS + 1, move || last_words::say(&watched))?;
    let posts = watchdog.posts();
    let mut dice = Dice::new(!seed);
    let Some(pool) = round.open() else {
        return Ok((Account::default(), round.complaints.first()));
    };
    if round.plan.start == Start::AtOnce {
        // It says no more than that the pool is not ended, which is so.
        let _ = pool.start();
    }
    drive_all(&round, pool, posts)?;

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
    account.ended_within(end);
    if round.plan.is_single {
        account.checked_order(order::check(&round));
    }
    Ok((account, round.complaints.first()))
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
