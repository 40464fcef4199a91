//! What drivers and closures do.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ropewalk_reactor::{Phase, Reactor, SystemEvent};
use ropewalk_testing::soak::{Dice, add};
use ropewalk_threads::{HandleThreads as _, JoinError, ReactorThreads as _};

use crate::asks;
use crate::calls;
use crate::defers;
use crate::desk;
use crate::life::Life;
use crate::payload::Load;
use crate::pools;
use crate::scene::{self, DEPTH, Here, Scene};
use crate::world::World;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    Nothing,
    Yields,
    Calls,
    CallsRemote,
    InThread,
    Multiple,
    Asks,
    AsksLimited,
    Eventually,
    UsesAnswer,
    UsesJob,
    Resizes,
    LooksAtPool,
    Defers,
    CancelsDeferred,
    Resolves,
    Shares,
    ChangesPool,
    EndsThread,
    /// Drawn by chances of its own.
    Ends(Way),
}

/// How a run is ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    Stop,
    StopNow,
    Crash,
    /// The owner of the reactor drops it.
    Drop,
}

impl Way {
    /// The orderly ones more often, or little would come to its end.
    pub(crate) fn draw(world: &World, dice: &mut Dice) -> Self {
        let stop = Self::Stop;
        if world.plan.is_orderly {
            return stop;
        }
        dice.pick(&[
            stop,
            stop,
            stop,
            stop,
            stop,
            stop,
            stop,
            Self::StopNow,
            Self::Crash,
            Self::Drop,
        ])
    }
}

const MS: Duration = Duration::from_millis(1);

/// Some short time.
pub(crate) fn moment(dice: &mut Dice) -> Duration {
    dice.pick(&[Duration::ZERO, MS / 20, MS / 5, MS, 5 * MS])
}

impl Work {
    /// Those that are drawn by weight.
    pub(crate) const ALL: &[Self] = &[
        Self::Nothing,
        Self::Yields,
        Self::Calls,
        Self::CallsRemote,
        Self::InThread,
        Self::Multiple,
        Self::Asks,
        Self::AsksLimited,
        Self::Eventually,
        Self::UsesAnswer,
        Self::UsesJob,
        Self::Resizes,
        Self::LooksAtPool,
        Self::Defers,
        Self::CancelsDeferred,
        Self::Resolves,
        Self::Shares,
        Self::ChangesPool,
        Self::EndsThread,
    ];

    pub(crate) fn draw(world: &World, dice: &mut Dice) -> Self {
        if dice.one_in(world.plan.ending_works) {
            return Self::Ends(Way::draw(world, dice));
        }
        Self::ALL[dice.weighted(&world.plan.weights)]
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Yields => "some yields",
            Self::Calls => "call_from_thread",
            Self::CallsRemote => "Remote::call_from_thread",
            Self::InThread | Self::Multiple => "call_in_thread",
            Self::Asks => "blocking_call_from_thread",
            Self::AsksLimited => "blocking_call_from_thread_timeout",
            Self::Eventually => "an Eventual",
            Self::UsesAnswer => "the Eventual of another",
            Self::UsesJob => "a JobHandle",
            Self::Resizes => "suggest_thread_pool_size",
            Self::LooksAtPool => "a pool",
            Self::Defers
            | Self::CancelsDeferred
            | Self::Resolves
            | Self::Shares
            | Self::ChangesPool => "a call",
            Self::EndsThread => "the end of a ReactorThread",
            Self::Ends(_) => "a stop",
        }
    }

    pub(crate) fn perform(self, scene: &Scene<'_>, dice: &mut Dice) {
        let world = scene.world;
        let is_deep = scene.depth >= DEPTH;
        match self {
            Self::Nothing => {}
            Self::Yields => (0..dice.pick(&[1, 3, 20])).for_each(|_| thread::yield_now()),
            Self::UsesAnswer => asks::use_another(scene, dice),
            Self::UsesJob => calls::use_job(scene, dice),
            Self::LooksAtPool => drop(world.pick_pool(dice)),
            Self::EndsThread => end_thread(scene, dice),
            Self::Calls
            | Self::CallsRemote
            | Self::InThread
            | Self::Multiple
            | Self::Asks
            | Self::AsksLimited
            | Self::Eventually
            | Self::Resizes => {
                let Some(life) = world.pick_life(dice).filter(|_| !is_deep) else { return };
                self.turn_to(&life, scene, dice);
            }
            Self::Defers
            | Self::CancelsDeferred
            | Self::Resolves
            | Self::Shares
            | Self::ChangesPool => match scene.here {
                Here::On(reactor, life) => self.perform_on(reactor, life, scene, dice),
                _ => hand_over(self, scene, dice),
            },
            Self::Ends(way) => match (way, scene.here) {
                (_, Here::On(reactor, life)) => end(world, reactor, life, way),
                (Way::Stop | Way::StopNow, _) => end_from_outside(world, way, dice),
                _ => hand_over(self, scene, dice),
            },
        }
    }

    fn turn_to(self, life: &Arc<Life>, scene: &Scene<'_>, dice: &mut Dice) {
        let work = Self::draw(scene.world, dice);
        match self {
            Self::Calls => calls::call(scene, life, work, dice),
            Self::CallsRemote => calls::call_remote(scene, work, dice),
            Self::InThread => calls::in_thread(scene, life, work, dice),
            Self::Multiple => calls::multiple(scene, life, work, dice),
            Self::Asks => asks::ask(scene, life, true, work, dice),
            Self::AsksLimited => asks::ask(scene, life, false, work, dice),
            Self::Eventually => asks::eventually(scene, life, work, dice),
            _ => resize(scene, life, dice),
        }
    }

    /// What is done on the thread of a reactor only.
    fn perform_on(self, reactor: &Reactor, life: &Arc<Life>, scene: &Scene<'_>, dice: &mut Dice) {
        match self {
            Self::Defers if scene.depth >= DEPTH => {}
            Self::Defers => defers::defer_and_leave(scene, reactor, dice),
            Self::CancelsDeferred => defers::cancel(scene, reactor, dice),
            Self::Resolves => defers::resolve(scene, reactor, dice),
            Self::ChangesPool => change_pool(scene.world, reactor, life, dice),
            _ => {
                let remote = reactor.share(Load::new(scene.world, 0));
                scene.world.keep_remote((remote, Arc::clone(life)), dice);
            }
        }
    }
}

/// Has a reactor do it.
fn hand_over(work: Work, scene: &Scene<'_>, dice: &mut Dice) {
    if let Some(life) = scene.world.pick_life(dice).filter(|_| scene.depth < DEPTH) {
        calls::call(scene, &life, work, dice);
    }
}

fn resize(scene: &Scene<'_>, life: &Life, dice: &mut Dice) {
    let threads = dice.pick(&[0, 1, 1, 2, 5, 12]);
    let resized = match scene.here {
        Here::On(reactor, _) => reactor.suggest_thread_pool_size(threads),
        _ => life.handle.suggest_thread_pool_size(threads),
    };
    if resized.is_ok() != (threads > 0) {
        scene.world.complain(format!("the size {threads}: {resized:?}"));
    }
}

/// Gives the reactor another pool, of its own or not.
pub(crate) fn change_pool(world: &World, reactor: &Reactor, life: &Life, dice: &mut Dice) {
    if world.plan.is_sharing && dice.one_in(2) {
        life.risking();
        // It may have been ended.
        let _ = reactor.share_thread_pool(&world.pick_pool(dice).pool);
        return;
    }
    if !life.handle.accepts_calls() && !desk::is_owned() {
        // Its jobs would be for a run that never comes.
        return;
    }
    if world.plan.installed.queue.is_some() {
        life.risking();
    }
    let installed = match pools::build(world.plan.installed) {
        Ok(pool) => reactor.install_thread_pool(pool).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    // That a run has ended is told before all of it is over.
    let may_fail = reactor.stopping() || !life.handle.accepts_calls();
    if let (Err(error), false) = (installed, may_fail) {
        world.complain(format!("a pool was refused by reactor {}: {error}", life.seat));
    }
}

/// In a callback.
fn end(world: &World, reactor: &Reactor, life: &Life, way: Way) {
    match way {
        Way::Stop => {
            life.ending();
            add(&world.tally.stops);
            reactor.stop();
        }
        Way::StopNow => {
            life.losing();
            add(&world.tally.stops);
            reactor.stop_now();
        }
        Way::Drop if desk::drop_owner() => add(&world.tally.drops),
        // One with a thread of its own has no other owner.
        Way::Crash | Way::Drop => {
            life.dropping();
            add(&world.tally.crashes);
            reactor.crash();
        }
    }
}

fn end_from_outside(world: &World, way: Way, dice: &mut Dice) {
    let Some(life) = world.pick_life(dice) else { return };
    add(&world.tally.stops);
    if matches!(way, Way::StopNow) {
        life.losing();
        life.handle.stop_now();
    } else {
        life.ending();
        life.handle.stop();
    }
}

/// The end of a reactor that has a thread of its own.
fn end_thread(scene: &Scene<'_>, dice: &mut Dice) {
    // The reactor that a worker waits for may wait for that worker.
    if matches!(scene.here, Here::Worker) {
        return;
    }
    // One of its jobs may wait for the reactor of this thread, and its end for the job: the deadline
    // ends that. A drop waits, too, unless it is in a callback.
    let may_join = matches!(scene.here, Here::Foreign) || scene.world.plan.is_hasty;
    let in_callback = Reactor::with_current(|_| ()).is_some();
    if !(may_join || in_callback) {
        return;
    }
    let Some((thread, life)) = scene.world.take_thread(dice) else { return };
    life.ending();
    if may_join && dice.one_in(2) {
        match thread.join() {
            // It waits for this reactor, or is this one.
            Err(JoinError::WouldDeadlock { .. }) if scene.is_on_reactor() => {}
            result => crate::looper::check_end(scene.world, &life, result),
        }
    } else {
        drop(thread);
    }
}

/// Has something done around the start or the stop of a run.
pub(crate) fn add_trigger(
    world: &Arc<World>,
    reactor: &Reactor,
    life: &Arc<Life>,
    dice: &mut Dice,
) {
    let phase = dice.pick(&[Phase::Before, Phase::During, Phase::After, Phase::After]);
    let event = dice.pick(&[SystemEvent::Startup, SystemEvent::Shutdown, SystemEvent::Shutdown]);
    let (world, life, mut dice) = (Arc::clone(world), Arc::clone(life), Dice::new(dice.number()));
    let is_late = event == SystemEvent::Shutdown && phase != Phase::Before;
    reactor.add_system_event_trigger(phase, event, move |reactor| {
        let scene = Scene { world: &world, here: Here::On(reactor, &life), depth: 0 };
        let mut works = || {
            for _ in 0..dice.below(4) {
                Work::draw(&world, &mut dice).perform(&scene, &mut dice);
            }
        };
        if is_late { scene::late(works) } else { works() }
    });
}

/// What a timer does that ends a run.
pub(crate) fn end_in_time(
    world: &Arc<World>,
    reactor: &Reactor,
    life: &Arc<Life>,
    dice: &mut Dice,
) {
    let way = Way::draw(world, dice);
    let longest = world.plan.longest_run.as_micros() as usize;
    let delay = Duration::from_micros(dice.below(longest) as u64);
    let (world, life) = (Arc::clone(world), Arc::clone(life));
    reactor.call_later(delay, move |reactor| end(&world, reactor, &life, way));
}
