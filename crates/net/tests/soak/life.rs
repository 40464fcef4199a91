//! The lives of the reactors of one round: what happens in each, and how it ends.

use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use ropewalk_reactor::{Reactor, RunError, WeakReactor};
use ropewalk_testing::soak::{Dice, Post};

use crate::world::{Stage, World, count};
use crate::{act, ending, links, ports, verdict};

const MS: Duration = Duration::from_millis(1);

/// A shutdown that waits for so long is told not to.
const PATIENCE: Duration = Duration::from_millis(300);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    Stop,
    StopNow,
    /// The run ends, and everything that is open stays so.
    Crash,
    /// The reactor is dropped in a callback.
    Drop,
    /// All grows quiet, and ends in good order.
    Settle,
}

impl Ending {
    pub(crate) const ALL: &[Self] =
        &[Self::Stop, Self::Stop, Self::StopNow, Self::Crash, Self::Drop, Self::Settle];
}

/// Lives all of them.
pub(crate) fn live(world: &Rc<World>, post: &Post) -> io::Result<()> {
    let mut dice = world.dice();
    let mut reused = None;
    for &ending in &world.plan.endings {
        let reactor: WeakReactor = match reused.take() {
            Some(reactor) => reactor,
            None => {
                post.is_at("the drop of a reactor");
                world.drop_owner();
                verdict::check_all_lost(world);
                let budget = dice.pick(&[1, 4, 256]);
                let mut builder = Reactor::builder();
                if let Some(budget) = std::num::NonZeroUsize::new(budget) {
                    builder = builder.budget(budget);
                }
                world.own(builder.build()?)
            }
        };
        reactor.with(|reactor| live_once(world, reactor, ending, post));
        if reactor.with(|_| ()).is_none() {
            verdict::check_all_lost(world);
        } else if dice.one_in(2) {
            reused = Some(reactor);
        }
    }
    post.is_at("the last drop of a reactor");
    world.drop_owner();
    verdict::check_all_lost(world);
    post.is_off();
    Ok(())
}

fn live_once(world: &Rc<World>, reactor: &Reactor, ending: Ending, post: &Post) {
    count(&world.tally.lives);
    world.is_ending.set(false);
    world.stage.set(Stage::Busy);
    world.proxy.be_calm(false);
    drop(world.ports.take());
    ports::open(world, reactor);
    let mut dice = world.dice();
    tick(world, reactor, world.tally.lives.get(), 0, &mut dice);
    if ending == Ending::Settle {
        post.is_at("the turns of a life");
        let end = Instant::now() + world.plan.time;
        while Instant::now() < end {
            turn(world, reactor, MS);
        }
        post.is_at("the end of a life that settles");
        return ending::settle(world, reactor);
    }
    let ordering = Rc::clone(world);
    let object = world.object();
    reactor.call_later(world.plan.time, move |reactor| {
        drop(object);
        // The next protocol that is told something does it; or, before long, nobody.
        ordering.order.set(Some(ending));
        let object = ordering.object();
        reactor.call_later(5 * MS, move |reactor| {
            drop(object);
            obey(&ordering, reactor);
        });
    });
    post.is_at("a run");
    let before = [world.tally.cut.get(), world.tally.perhaps_cut.get()];
    let ended = reactor.run();
    if let Some(patience) = world.patience.take() {
        let _ = patience.cancel();
    }
    match ended {
        Ok(_) | Err(RunError::ShutdownTimedOut(_)) => {}
        Err(error) => world.complain(format!("a run ended with {error:?}")),
    }
    if matches!(ending, Ending::Stop | Ending::StopNow) {
        verdict::check_all_lost(world);
        verdict::check_report(world, reactor, before);
    }
}

/// Ends the run, or the reactor, if that is due.
pub(crate) fn obey(world: &Rc<World>, reactor: &Reactor) {
    let Some(order) = world.order.take() else { return };
    match order {
        Ending::Stop | Ending::Settle => {
            world.is_ending.set(true);
            let object = world.object();
            let patience = reactor.call_later(PATIENCE, move |reactor| {
                drop(object);
                reactor.stop_now();
            });
            drop(world.patience.replace(Some(patience)));
            reactor.stop();
        }
        Ending::StopNow => {
            world.is_ending.set(true);
            reactor.stop_now();
        }
        Ending::Crash => reactor.crash(),
        Ending::Drop => world.drop_owner(),
    }
}

/// Makes links, and has some of those who are there do something.
fn tick(world: &Rc<World>, reactor: &Reactor, life: u64, made: usize, dice: &mut Dice) {
    if !world.is_busy() || world.tally.lives.get() != life {
        return;
    }
    let mut made = made;
    if world.is_ending.get() {
        // Who reads nothing holds the shutdown up.
        let records = world.records().into_iter().filter(|_| world.plan.reads_in_the_end);
        let transports = records.filter_map(|record| record.transport());
        transports.for_each(|transport| transport.resume_producing());
    } else {
        if made < world.plan.links && dice.one_in(2) {
            links::link(world, reactor, dice);
            made += 1;
        }
        if dice.one_in(40) {
            let attempt = world.attempts.take(dice);
            attempt.inspect(|attempt| attempt.cancel());
        }
        for _ in 0..dice.below(4) {
            let Some(record) = world.pick(dice) else { continue };
            let Some(transport) = record.transport() else { continue };
            act::act(world, &record, &transport, false, dice);
        }
    }
    let (ticking, object) = (Rc::clone(world), world.object());
    let mut dice = Dice::new(dice.number());
    reactor.call_later(world.plan.tick, move |reactor| {
        drop(object);
        tick(&ticking, reactor, life, made, &mut dice);
    });
}

/// One turn of the loop.
pub(crate) fn turn(world: &World, reactor: &Reactor, wait: Duration) {
    if let Err(error) = reactor.turn(Some(wait)) {
        world.complain(format!("a turn ended with {error:?}"));
    }
}
