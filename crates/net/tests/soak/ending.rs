//! A life that ends in good order: first everybody is silent, then everything arrives, then all is
//! closed, and nothing is left.

use std::rc::Rc;
use std::time::{Duration, Instant};

use ropewalk_reactor::Reactor;

use crate::life::turn;
use crate::verdict;
use crate::world::{Stage, World, count};

const MS: Duration = Duration::from_millis(1);

/// If nothing has moved for so long, nothing will.
const QUIET: Duration = Duration::from_millis(30);

/// So long may it take until nothing moves, or nothing is there, on a machine that is busy with
/// other things.
const LIMIT: Duration = Duration::from_secs(15);

/// So many turns make a time in which nothing happens a busy one.
const BUSY_TURNS: u64 = 40;

/// Has the round's connections come to their end, and the reactor to its rest.
pub(crate) fn settle(world: &Rc<World>, reactor: &Reactor) {
    world.stage.set(Stage::Hush);
    world.proxy.be_calm(true);
    for attempt in world.attempts.take_all() {
        attempt.cancel();
    }
    grow_quiet(world, reactor, "silence");
    check_rest(world, reactor);
    for transport in transports(world) {
        transport.resume_producing();
        transport.unregister_producer();
    }
    grow_quiet(world, reactor, "delivery");
    // The system may take its time for what goes through little room.
    wait_until(world, reactor, "delivery of all", || verdict::undelivered(world).is_empty());
    check_rest(world, reactor);
    for record in world.records() {
        record.transport().inspect(|transport| crate::act::lose(&record, transport));
    }
    grow_quiet(world, reactor, "farewell");
    // Two that have both lost interest in what the other still says would wait for ever.
    for record in world.records() {
        record.done.abort.set(true);
        record.transport().inspect(|transport| transport.abort_connection());
    }
    let ports = world.ports.take();
    for port in &ports {
        world.await_outcome(port.port.stop_listening(), |_, _| ());
    }
    wait_until(world, reactor, "the end", || {
        let is_idle = world.records().iter().all(|record| record.transport().is_none());
        is_idle && reactor.stats().sources == 0
    });
    drop(ports);
    // Pauses that are over, timeouts of attempts that are not under way any more.
    grow_quiet(world, reactor, "nothing");
    verdict::check_all_lost(world);
    let stats = reactor.stats();
    if stats.sources > 0 || stats.pending_soon > 0 || stats.pending_timers > 0 {
        world.complain(format!("something is left over: {stats:?}, {:?}", reactor.delayed_calls()));
    }
}

fn transports(world: &World) -> Vec<ropewalk_net::Transport> {
    world.records().iter().filter_map(|record| record.transport()).collect()
}

/// Changes with everything that happens.
fn progress(world: &World) -> u64 {
    let ends = world.records().into_iter().map(|record| {
        let transport = record.transport();
        let buffered = transport.map_or(0, |transport| transport.buffered() as u64);
        let lost = u64::from(record.is_lost());
        record.heard.get() + (u64::from(record.made.get()) + lost + buffered) * 1_000_003
    });
    ends.fold(world.proxy.moved(), u64::wrapping_add)
}

/// Turns until nothing happens any more.
fn grow_quiet(world: &World, reactor: &Reactor, what: &str) {
    let begun = Instant::now();
    let (mut before, mut since) = (progress(world), begun);
    while since.elapsed() < QUIET {
        turn(world, reactor, MS);
        let now = progress(world);
        if now != before {
            (before, since) = (now, Instant::now());
        }
        if begun.elapsed() > LIMIT {
            return world.complain(format!("no {what} after {LIMIT:?}"));
        }
    }
    count(&world.tally.quiet);
}

/// A loop in which nothing happens sleeps.
fn check_rest(world: &World, reactor: &Reactor) {
    let (progress_before, turns) = (progress(world), reactor.stats().turns);
    let end = Instant::now() + QUIET;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        turn(world, reactor, left);
    }
    let turns = reactor.stats().turns - turns;
    if turns > BUSY_TURNS && progress(world) == progress_before {
        world.complain(format!("{turns} turns in which nothing happened: {:?}", reactor.stats()));
    }
}

fn wait_until(world: &World, reactor: &Reactor, what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        turn(world, reactor, MS);
        if begun.elapsed() > LIMIT {
            let stories = world.records();
            let stories = stories.iter().filter(|record| record.transport().is_some());
            let mut stories: Vec<_> = stories.map(|record| record.story()).collect();
            stories.extend(verdict::undelivered(world));
            let stats = reactor.stats();
            return world.complain(format!("no {what} after {LIMIT:?}: {stats:?}, {stories:#?}"));
        }
    }
}
