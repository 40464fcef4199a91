//! The thread of the reactors: makes one after the other and lives its life.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use ropewalk_reactor::{PanicPolicy, Phase, Reactor, SystemEvent, WeakReactor};
use ropewalk_testing::soak::{Dice, Post, add, get};
#[cfg(target_os = "linux")]
use rustix::event::{PollFd, PollFlags, poll};

use crate::callbacks;
use crate::desk::{self, Desk};
use crate::ending::{self, Way};
use crate::life::Life;
use crate::shared;
use crate::submission;
use crate::ticket::contained;
use crate::work::Work;
use crate::world::World;

const MS: Duration = Duration::from_millis(1);

/// So many turns are enough to settle what was pending.
const SETTLING: usize = 10_000;

/// Lives until the drivers are done; `ender` asks one of them to end a run.
pub(crate) fn live(world: &Arc<World>, ender: Sender<Arc<Life>>, post: &Post) -> io::Result<()> {
    let mut dice = Dice::new(!world.plan.seed);
    loop {
        let was_last = world.drivers_are_done();
        live_once(world, &ender, &mut dice, post)?;
        if was_last {
            break;
        }
    }
    shared::let_go_of_references();
    post.is_off();
    drop(ender);
    Ok(())
}

fn live_once(
    world: &Arc<World>,
    ender: &Sender<Arc<Life>>,
    dice: &mut Dice,
    post: &Post,
) -> io::Result<()> {
    let plan = &world.plan;
    let mut builder = Reactor::builder()
        .budget(plan.budget)
        .panic_policy(plan.panic_policy)
        .shutdown_deadline(plan.shutdown_deadline)
        .spin(plan.spin);
    if plan.is_portable {
        builder = builder.portable_selector();
    }
    if let Some(threshold) = plan.slow_callback {
        builder = builder.slow_callback(threshold);
    }
    let owner = builder.build()?;
    let (life, reactor) = (Arc::new(Life::new(owner.handle())), owner.downgrade());
    desk::replace(Some(Desk::new(&life, owner)));
    world.begin(&life);
    for _ in 0..dice.pick(&[1, 5, 20]) {
        let acted = reactor.with(|reactor| act(world, reactor, &life, ender, dice, post));
        if acted.is_none() {
            break;
        }
    }
    // Before that the drivers would go on writing.
    if world.drivers_are_done() {
        post.is_at("the turns in the end");
        settle(world, &reactor, &life);
    }
    if !dice.one_in(4) {
        post.is_at("the last run of a reactor");
        reactor.with(|reactor| finish(world, reactor, &life));
    }
    post.is_at("the drop of a reactor");
    // What is at hand goes before the reactor or after it.
    let kept = let_go(&life).filter(|_| dice.one_in(2));
    ending::drop_owner();
    if reactor.with(|_| ()).is_some() {
        world.complain("a reactor outlived its owner".to_owned());
    }
    drop(desk::replace(None));
    drop(kept);
    Ok(())
}

/// Runs what was accepted, in a run that ends after its first turn.
fn finish(world: &Arc<World>, reactor: &Reactor, life: &Arc<Life>) {
    if life.is_gone() {
        return;
    }
    add(&world.tally.runs);
    life.ending();
    reactor.accept_calls();
    reactor.stop();
    let panics = get(&life.panics);
    let result = reactor.run();
    ending::check_run(world, reactor, life, result.map(drop), panics);
}

/// Gives all that is at hand, but not the reactor.
fn let_go(life: &Arc<Life>) -> Option<Rc<Desk>> {
    let desk = desk::desk()?;
    let owner = desk.take_owner()?;
    desk::replace(Some(Desk::new(life, owner)))
}

fn act(
    world: &Arc<World>,
    reactor: &Reactor,
    life: &Arc<Life>,
    ender: &Sender<Arc<Life>>,
    dice: &mut Dice,
    post: &Post,
) {
    match dice.below(8) {
        0..4 => run(world, reactor, life, ender, dice, post),
        4 => {
            for _ in 0..dice.pick(&[1, 3, 100]) {
                post.is_at("a turn");
                add(&world.tally.turns);
                let wait = dice.pick(&[Duration::ZERO, Duration::ZERO, MS / 10, MS]);
                if let (Err(error), false) = (reactor.turn(Some(wait)), life.is_gone()) {
                    world.complain(format!("a turn ended with {error:?}"));
                }
            }
        }
        5 => {
            post.is_at("accept_calls");
            reactor.accept_calls();
            if !life.is_gone() && !life.handle.accepts_calls() {
                world.complain(format!("it does not accept calls: {life:?}"));
            }
            (0..dice.pick(&[1, 20, 100])).for_each(|_| thread::yield_now());
        }
        6 => {
            post.is_at("works outside of callbacks");
            for _ in 0..dice.below(10) {
                let work = Work::draw(world, dice);
                contained(|| work.perform(world, reactor, life, dice, 1));
            }
        }
        _ => callbacks::register(world, reactor, life, dice),
    }
    if !life.is_gone() {
        ending::check_stats(world, reactor, life);
    }
}

fn run(
    world: &Arc<World>,
    reactor: &Reactor,
    life: &Arc<Life>,
    ender: &Sender<Arc<Life>>,
    dice: &mut Dice,
    post: &Post,
) {
    post.is_at("a run");
    if life.is_gone() {
        return;
    }
    add(&world.tally.runs);
    let is_embedded = !world.plan.is_portable && dice.one_in(3);
    if world.drivers_are_done() || dice.one_in(3) {
        // It goes on until a driver ends it. Before it has begun a stop would be for nobody.
        let (ender, asked) = (ender.clone(), Arc::clone(life));
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Startup, move |_| {
            let _ = ender.send(asked);
        });
    } else {
        let way = Work::Ends(if is_embedded { Way::Stop } else { dice.pick(Way::ALL) });
        let work = match world.plan.panic_policy {
            PanicPolicy::Stop if dice.one_in(3) => Work::Panics,
            _ => way,
        };
        let delay = dice.pick(&[Duration::ZERO, MS / 10, MS, 5 * MS]);
        // Nobody has it in reach to move or cancel it.
        submission::call_later(world, reactor, life, work, delay, dice, 0);
    }
    let panics = get(&life.panics);
    if is_embedded {
        post.is_at("the loop of somebody else");
        embed(world, reactor, life);
        post.is_at("a run in the end");
        if life.is_gone() {
            return;
        }
    }
    let result = reactor.run();
    ending::check_run(world, reactor, life, result.map(drop), panics);
}

/// The turns of a run, made by a loop that waits for the reactor's descriptor until somebody has
/// stopped it; the run that follows only shuts it down.
#[cfg(target_os = "linux")]
fn embed(world: &World, reactor: &Reactor, life: &Life) {
    add(&world.tally.embedded);
    if let Err(error) = reactor.start_running() {
        // A trigger may have dropped it: then it never runs.
        if !life.is_gone() {
            world.complain(format!("it did not start: {error}"));
        }
        return;
    }
    while !reactor.stopping() && !life.is_gone() {
        let mut sets = [PollFd::new(reactor, PollFlags::IN)];
        if let Err(error) = poll(&mut sets, None) {
            world.complain(format!("its descriptor cannot be waited for: {error}"));
        }
        if let (Err(error), false) = (reactor.turn(Some(Duration::ZERO)), life.is_gone()) {
            world.complain(format!("a turn ended with {error:?}"));
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn embed(_: &World, _: &Reactor, _: &Life) {}

/// Does all that is pending and nothing new: then each source that is watched for reading has been
/// read.
fn settle(world: &Arc<World>, reactor: &WeakReactor, life: &Arc<Life>) {
    world.settle(true);
    for _ in 0..SETTLING {
        let turned = reactor.with(|reactor| {
            let before = reactor.stats();
            if !life.is_gone() && reactor.turn(Some(Duration::ZERO)).is_err() {
                world.complain("a turn failed".to_owned());
            }
            let after = reactor.stats();
            let idle = (after.calls, after.timers) == (before.calls, before.timers);
            idle && desk::desk().is_none_or(|desk| !desk.has_unread())
        });
        if turned != Some(false) {
            break;
        }
    }
    let is_alive = !life.is_gone();
    if is_alive && desk::desk().is_some_and(|desk| desk.has_unread()) {
        world.complain("bytes that were sent to a source were not read".to_owned());
    }
    world.settle(false);
}
