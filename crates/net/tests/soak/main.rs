//! The connections under everything at once, for as long as one likes.
//!
//! One thread makes reactors, one after the other; in each there are servers, clients and relays, over
//! TCP, Unix sockets and TLS. They write, pause, close one half or both, abort and panic at random,
//! and the reactor stops, crashes and is dropped around them. A thread of plain sockets stands
//! between some of them: it cuts what they send into crumbs, holds it up, and closes or resets what it
//! likes. What each end says tells who says it and how much was said before, so that whoever hears it
//! knows if anything is missing, doubled or wrong. In the end each connection that was made must have
//! been lost once and for a reason that somebody has given it; what nobody has spoilt must have
//! arrived; each deferred must have one outcome; and nothing is left: no source, no timer, no
//! descriptor and no object.
//!
//! `cargo xtask soak net SECONDS [SEED]` runs it; among the tests it runs for a second and prints
//! nothing if all is well. A failure prints the seed of its round. The same seed makes the same
//! choices, but the system's scheduler makes its own.
#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "a program for the terminal")]

// How it goes: a plan, and the lives of some reactors.
mod ending;
mod life;
mod plan;
mod world;

// Who talks to whom, over what.
mod act;
mod links;
mod pairs;
mod ports;
mod producers;
mod proxy;
mod relay;
mod talker;
#[cfg(feature = "tls")]
mod trust;

// What is checked.
mod account;
mod fate;
mod record;
mod speech;
mod verdict;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use account::Account;
use plan::Plan;
use proxy::Proxy;
use ropewalk_testing::soak::{Complaints, Watchdog, play_rounds};
use world::World;

fn main() -> ExitCode {
    play_rounds("the connections", play)
}

/// One round: some reactors, and one thread between their connections. Its account, and what was
/// wrong.
fn play(seed: u64) -> io::Result<(Account, Vec<String>)> {
    let plan = Plan::new(seed);
    let complaints = Arc::new(Complaints::default());
    let (watched, planned) = (Arc::clone(&complaints), plan.clone());
    let watchdog = Watchdog::new(seed, 1, move || {
        watched.print();
        eprintln!("{planned:#?}");
    })?;
    let descriptors = open_descriptors();
    let proxy = Proxy::start(&plan)?;
    let world = World::new(plan, Arc::clone(&complaints), proxy)?;
    life::live(&world, &watchdog.posts()[0])?;
    world.let_go();
    verdict::check(&world);
    let account = Account::of(&world);
    let left = world.objects();
    if left != 0 {
        world.complain(format!("{left} protocols, producers or callbacks are left over"));
    }
    drop(world);
    let left = open_descriptors();
    if left != descriptors {
        complaints.add(format!("{descriptors:?} descriptors before the round, and {left:?} after"));
    }
    Ok((account, complaints.first()))
}

/// How many descriptors this process has, where the system tells.
fn open_descriptors() -> Option<usize> {
    cfg!(target_os = "linux").then(|| std::fs::read_dir("/proc/self/fd").ok())?.map(Iterator::count)
}
