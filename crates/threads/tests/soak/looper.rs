//! The threads of the reactors: each makes one after the other and lives its life.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;

use ropewalk_reactor::Reactor;
use ropewalk_testing::soak::{Dice, Post, add};
use ropewalk_threads::ReactorThread;

use crate::desk;
use crate::life::Life;
use crate::record::Note;
use crate::scene::{Here, Scene};
use crate::work::{self, Work};
use crate::world::World;

/// Lives until the drivers are done.
pub(crate) fn live(world: &Arc<World>, seat: usize, post: &Post) {
    let mut dice = Dice::new(!world.plan.seed.rotate_left(seat as u32));
    loop {
        let was_last = world.drivers_are_done();
        let lived = if dice.one_in(3) {
            live_in_thread(world, seat, &mut dice, post)
        } else {
            live_here(world, seat, &mut dice, post)
        };
        if let Err(error) = lived {
            world.complain(format!("the system does not let us: {error}"));
        }
        if was_last {
            break;
        }
    }
    post.is_off();
}

fn make(world: &Arc<World>, seat: usize, dice: &mut Dice) -> io::Result<(Reactor, Arc<Life>)> {
    let plan = &world.plan;
    let reactor = Reactor::builder()
        .panic_policy(plan.panic_policy)
        .shutdown_deadline(plan.shutdown_deadline)
        .build()?;
    let life = Arc::new(Life::new(reactor.handle(), seat, plan.is_hasty));
    if dice.one_in(3) {
        work::change_pool(world, &reactor, &life, dice);
    }
    Ok((reactor, life))
}

/// A reactor on this thread, which may run several times.
fn live_here(world: &Arc<World>, seat: usize, dice: &mut Dice, post: &Post) -> io::Result<()> {
    let (owner, life) = make(world, seat, dice)?;
    let reactor = owner.downgrade();
    desk::own(owner, &life);
    world.begin(&life, dice);
    for _ in 0..dice.pick(&[1, 5, 20]) {
        if reactor.with(|reactor| act(world, reactor, &life, dice, post)).is_none() {
            break;
        }
    }
    post.is_at("the drop of a reactor");
    if desk::drop_owner() {
        add(&world.tally.drops);
    }
    if reactor.with(|_| ()).is_some() {
        world.complain("a reactor outlived its owner".to_owned());
    }
    Ok(())
}

fn act(world: &Arc<World>, reactor: &Reactor, life: &Arc<Life>, dice: &mut Dice, post: &Post) {
    if life.is_gone() {
        return;
    }
    match dice.below(6) {
        0..3 => {
            post.is_at("a run");
            add(&world.tally.runs);
            work::end_in_time(world, reactor, life, dice);
            (0..dice.below(3)).for_each(|_| work::add_trigger(world, reactor, life, dice));
            let result = reactor.run();
            check_end(world, life, result);
            post.is_at("the end of all that waits for a run that is over");
            check_settled(world, life);
        }
        3 => {
            post.is_at("a turn");
            if let (Err(error), false) = (reactor.turn(Some(work::moment(dice))), life.is_gone()) {
                world.complain(format!("a turn ended with {error:?}"));
            }
        }
        4 => {
            post.is_at("accept_calls");
            reactor.accept_calls();
            (0..dice.pick(&[1, 20, 100])).for_each(|_| thread::yield_now());
        }
        _ => {
            post.is_at("works outside of callbacks");
            let work = Work::draw(world, dice);
            work.perform(&Scene { world, here: Here::On(reactor, life), depth: 0 }, dice);
        }
    }
}

/// A reactor on a thread of its own, which runs once.
fn live_in_thread(world: &Arc<World>, seat: usize, dice: &mut Dice, post: &Post) -> io::Result<()> {
    add(&world.tally.runs);
    let (sender, made) = channel();
    let (at_home, mut own) = (Arc::clone(world), Dice::new(dice.number()));
    let make = move || {
        let (reactor, life) = make(&at_home, seat, &mut own)?;
        work::end_in_time(&at_home, &reactor, &life, &mut own);
        (0..own.below(3)).for_each(|_| work::add_trigger(&at_home, &reactor, &life, &mut own));
        // This thread waits for it.
        let _ = sender.send(life);
        Ok(reactor)
    };
    post.is_at("ReactorThread::spawn_with");
    add(&world.tally.threads);
    let thread = ReactorThread::builder().name("soak-reactor").spawn_with(make)?;
    let life = made.recv().map_err(io::Error::other)?;
    world.begin(&life, dice);
    match dice.below(4) {
        0 => {
            post.is_at("ReactorThread::join");
            (0..dice.pick(&[0, 20, 200])).for_each(|_| thread::yield_now());
            life.ending();
            check_end(world, &life, thread.join());
            post.is_at("the end of all that waits for a thread that is over");
            check_settled(world, &life);
        }
        1 => {
            post.is_at("the drop of a ReactorThread");
            (0..dice.pick(&[0, 20, 200])).for_each(|_| thread::yield_now());
            life.ending();
            drop(thread);
        }
        2 => {
            world.keep_thread((thread, life), dice);
            return Ok(());
        }
        _ => {
            post.is_at("ReactorThread::wait");
            check_end(world, &life, thread.wait());
        }
    }
    life.gone();
    Ok(())
}

/// When a run has ended, nobody waits for an answer from it.
fn check_settled(world: &World, life: &Arc<Life>) {
    world.check_eventuals(life);
    for record in world.records() {
        if !Arc::ptr_eq(&record.life, life) || record.answered().is_some() {
            continue;
        }
        if record.door.is_deferred() {
            world.complain(format!("a run has left it without a result: {}", record.story()));
        } else if record.door.is_blocking() && record.has(Note::Started) {
            // Its caller wakes up some time; if not, that is what the watchdog is for.
            while record.answered().is_none() {
                thread::yield_now();
            }
        }
    }
}

/// A run ends in order, unless there is a reason.
pub(crate) fn check_end<T, E: Debug>(world: &World, life: &Life, result: Result<T, E>) {
    let Err(error) = result else { return };
    let error = format!("{error:?}");
    let is_hasty = error.contains("ShutdownTimedOut") && life.may_lose();
    let is_planned = error.contains("Panicked") && error.contains("planned by");
    if !is_hasty && !is_planned {
        world.complain(format!("a run of reactor {} ended with {error}", life.seat));
    }
}
