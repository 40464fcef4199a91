//! What closures do when they run.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use ropewalk_reactor::{Reactor, RunError, SystemEvent};
use ropewalk_testing::soak::{Dice, add};

use crate::callbacks;
use crate::desk;
use crate::ending::{self, Way};
use crate::life::Life;
use crate::record::{Note, Record};
use crate::shared;
use crate::submission;
use crate::ticket::{LastAct, Ticket, contained, panic_as_planned};
use crate::world::World;

/// So deep closures hand in closures.
pub(crate) const DEPTH: usize = 4;

const MS: Duration = Duration::from_millis(1);

/// What a closure does.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    Nothing,
    Yields,
    Panics,
    /// It panics when it is dropped unrun.
    Explodes,
    /// It hands in another when it is dropped unrun.
    Speaks,
    Calls,
    CallsSoon,
    CallsLater,
    MovesTimer,
    CancelsTimer,
    Registers,
    DropsSource,
    ChangesInterest,
    Writes,
    Shares,
    /// With a reactor that it has kept a reference to, and which is gone most often.
    SharesElsewhere,
    CallsShared,
    Holds,
    Releases,
    AddsTrigger,
    RemovesTrigger,
    RunsNested,
    RunsAnother,
    /// Not drawn, but made by one that awaits it.
    Rings(Sender<()>),
    /// Drawn by chances of its own.
    Ends(Way),
}

impl Work {
    /// Those that are drawn by weight.
    pub(crate) const ALL: &[Self] = &[
        Self::Nothing,
        Self::Yields,
        Self::Panics,
        Self::Explodes,
        Self::Speaks,
        Self::Calls,
        Self::CallsSoon,
        Self::CallsLater,
        Self::MovesTimer,
        Self::CancelsTimer,
        Self::Registers,
        Self::DropsSource,
        Self::ChangesInterest,
        Self::Writes,
        Self::Shares,
        Self::SharesElsewhere,
        Self::CallsShared,
        Self::Holds,
        Self::Releases,
        Self::AddsTrigger,
        Self::RemovesTrigger,
        Self::RunsNested,
        Self::RunsAnother,
    ];

    pub(crate) fn draw(world: &World, dice: &mut Dice) -> Self {
        if dice.one_in(world.plan.ending_works) {
            return Self::Ends(dice.pick(Way::ALL));
        }
        Self::ALL[dice.weighted(&world.plan.work_weights)].clone()
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Nothing => "does nothing",
            Self::Yields => "yields",
            Self::Panics => "panics",
            Self::Explodes => "panics when dropped",
            Self::Speaks => "has last words",
            Self::Calls => "calls",
            Self::CallsSoon => "calls soon",
            Self::CallsLater => "calls later",
            Self::MovesTimer => "moves a timer",
            Self::CancelsTimer => "cancels a timer",
            Self::Registers => "registers a source",
            Self::DropsSource => "drops a source",
            Self::ChangesInterest => "changes an interest",
            Self::Writes => "writes",
            Self::Shares => "shares a value",
            Self::SharesElsewhere => "shares a value elsewhere",
            Self::CallsShared => "calls a shared value",
            Self::Holds => "takes a hold",
            Self::Releases => "lets go",
            Self::AddsTrigger => "adds a trigger",
            Self::RemovesTrigger => "removes a trigger",
            Self::RunsNested => "runs its own reactor",
            Self::RunsAnother => "runs another reactor",
            Self::Rings(_) => "is awaited",
            Self::Ends(way) => way.name(),
        }
    }

    pub(crate) fn last_act(&self) -> LastAct {
        match self {
            Self::Explodes => LastAct::Panics,
            Self::Speaks => LastAct::Speaks,
            _ => LastAct::Nothing,
        }
    }

    /// On the thread of the reactors; `depth` says how many closures stand before it.
    pub(crate) fn perform(
        self,
        world: &Arc<World>,
        reactor: &Reactor,
        life: &Arc<Life>,
        dice: &mut Dice,
        depth: usize,
    ) {
        let drawn = |dice: &mut Dice| Self::draw(world, dice);
        if world.is_settling() && !matches!(self, Self::Rings(_)) {
            return;
        }
        match self {
            Self::Nothing | Self::Explodes | Self::Speaks => {}
            Self::Yields => (0..dice.pick(&[1, 3, 20])).for_each(|_| thread::yield_now()),
            Self::Panics => panic_as_planned(world, life),
            Self::Calls | Self::CallsSoon | Self::CallsLater if depth >= DEPTH => {}
            Self::Calls => {
                let work = drawn(dice);
                submission::call(world, life, work, dice, depth + 1);
            }
            Self::CallsSoon => {
                let work = drawn(dice);
                submission::call_soon(world, reactor, life, work, dice, depth + 1);
            }
            Self::CallsLater => {
                let (work, delay) = (drawn(dice), delay(dice));
                let timer =
                    submission::call_later(world, reactor, life, work, delay, dice, depth + 1);
                if let Some(desk) = desk::desk().filter(|_| dice.one_in(2)) {
                    desk.keep_timer(timer, dice);
                }
            }
            Self::MovesTimer => move_timer(world, dice),
            Self::CancelsTimer => cancel_timer(world, dice),
            Self::Registers => callbacks::register(world, reactor, life, dice),
            Self::DropsSource => {
                let tap = desk::desk().and_then(|desk| desk.take_tap(dice));
                drop(tap);
            }
            Self::ChangesInterest => callbacks::change_interest(world, None, dice),
            Self::Writes => {
                if let Some(wire) = world.pick_wire(dice) {
                    wire.write(world, dice.pick(&[1, 100, 10_000]));
                }
            }
            Self::Shares => shared::share(world, reactor, life, dice),
            Self::SharesElsewhere => shared::share_elsewhere(world, reactor, life, dice),
            Self::CallsShared => {
                let work = drawn(dice);
                submission::call_shared(world, work, dice, DEPTH);
            }
            Self::Holds => {
                life.was_held.store(true, Ordering::SeqCst);
                let event = dice.pick(&[SystemEvent::Startup, SystemEvent::Shutdown]);
                world.keep_hold(reactor.hold(event), dice);
            }
            Self::Releases => release(world, dice),
            Self::AddsTrigger if depth >= DEPTH => {}
            Self::AddsTrigger => {
                let work = drawn(dice);
                submission::add_trigger(world, reactor, life, work, dice, depth + 1);
            }
            Self::RemovesTrigger => remove_trigger(world, reactor, life, dice),
            Self::RunsNested => run_nested(world, reactor),
            Self::RunsAnother => run_another(world, reactor, dice),
            Self::Rings(bell) => {
                // It may have stopped listening.
                let _ = bell.send(());
            }
            Self::Ends(way) => {
                ending::end_from_within(world, reactor, life, way);
                // And goes on all the same.
                if depth < DEPTH && dice.one_in(2) {
                    drawn(dice).perform(world, reactor, life, dice, DEPTH);
                }
            }
        }
    }
}

/// The closure.
pub(crate) fn job(
    mut ticket: Ticket,
    work: Work,
    mut dice: Dice,
    depth: usize,
) -> impl FnOnce(&Reactor) + Send + 'static {
    move |reactor| {
        ticket.begin(reactor);
        work.perform(&ticket.world, reactor, &ticket.record.life(), &mut dice, depth);
        ticket.end();
    }
}

pub(crate) fn delay(dice: &mut Dice) -> Duration {
    let never = Duration::MAX;
    dice.pick(&[Duration::ZERO, Duration::ZERO, MS / 10, MS, 5 * MS, 1_000_000 * MS, never])
}

/// Lets go of something that the threads share.
pub(crate) fn release(world: &World, dice: &mut Dice) {
    if dice.one_in(2) {
        drop(world.take_hold(dice));
    } else {
        contained(|| drop(world.take_remote(dice)));
    }
}

fn is_pending(record: &Record) -> bool {
    !record.has(Note::Dropped)
}

fn move_timer(world: &World, dice: &mut Dice) {
    let Some(desk) = desk::desk() else { return };
    let Some((timer, record)) = desk.take_timer(dice) else { return };
    let was_pending = is_pending(&record) && !record.has(Note::Started);
    let to = delay(dice);
    let moved = match dice.below(3) {
        0 => timer.reset(to),
        1 => timer.delay(to),
        _ => timer.hasten(to),
    };
    if moved.is_ok() {
        record.set_due(timer.time());
    }
    if moved.is_ok() != was_pending || timer.active() != was_pending {
        world.complain(format!("moved: {moved:?}, {timer:?}, {}", record.story()));
    }
    desk.keep_timer((timer, record), dice);
}

fn cancel_timer(world: &World, dice: &mut Dice) {
    let Some(desk) = desk::desk() else { return };
    let Some((timer, record)) = desk.take_timer(dice) else { return };
    let was_pending = is_pending(&record) && !record.has(Note::Started);
    if was_pending {
        // Before it is dropped, so that nobody wonders.
        record.note(Note::Cancelled);
        add(&record.life().timers_cancelled);
    }
    // A closure that panics as it is dropped does so here; it has been cancelled then.
    contained(|| {
        if timer.cancel().is_ok() != was_pending {
            world.complain(format!("cancelled: {timer:?}, {}", record.story()));
        }
    });
    if was_pending && is_pending(&record) {
        world.complain(format!("kept after its cancellation: {}", record.story()));
    }
}

fn remove_trigger(world: &World, reactor: &Reactor, life: &Arc<Life>, dice: &mut Dice) {
    let Some(desk) = desk::desk() else { return };
    let Some((id, record)) = desk.take_trigger(dice) else { return };
    if !Arc::ptr_eq(&record.life(), life) {
        return;
    }
    let was_pending = is_pending(&record) && !record.has(Note::Started);
    if was_pending {
        record.note(Note::Cancelled);
    }
    contained(|| {
        if reactor.remove_system_event_trigger(id).is_ok() != was_pending {
            world.complain(format!("removed: {}", record.story()));
        }
    });
}

fn run_nested(world: &World, reactor: &Reactor) {
    if Reactor::with_current(|_| ()).is_none() {
        return;
    }
    add(&world.tally.nested);
    let is_refused = |result| matches!(result, Err(RunError::AlreadyRunning));
    if !is_refused(reactor.run().map(drop)) || !is_refused(reactor.turn(Some(MS))) {
        world.complain("a nested run was not refused".to_owned());
    }
}

/// Another reactor, in a callback of this one.
fn run_another(world: &Arc<World>, reactor: &Reactor, dice: &mut Dice) {
    add(&world.tally.nested);
    let is_current = |reactor: &Reactor| {
        let handle = reactor.handle();
        Reactor::with_current(|current| current.handle().same_reactor(&handle)) == Some(true)
    };
    let was_current = is_current(reactor);
    let Ok(other) = Reactor::new() else { return };
    let (watched, outer) = (Arc::clone(world), reactor.downgrade());
    let ends_outer = dice.one_in(10);
    other.call_soon(move |other| {
        if was_current {
            outer.with(|outer| run_nested(&watched, outer));
        }
        if ends_outer {
            ending::drop_owner();
        }
        if !is_current(other) {
            watched.complain("the inner reactor is not current".to_owned());
        }
        other.stop();
    });
    if let Err(error) = other.run() {
        world.complain(format!("the inner reactor did not run: {error}"));
    }
    drop(other);
    if is_current(reactor) != was_current {
        world.complain("the outer reactor is not current again".to_owned());
    }
}
