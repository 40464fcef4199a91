//! The ways in which a run, or a reactor, is ended.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ropewalk_reactor::{PanicPolicy, Reactor, RunError};
use ropewalk_testing::soak::{Dice, add, get};

use crate::desk;
use crate::life::Life;
use crate::record::{Kind, Note};
use crate::world::World;

/// How a callback ends the run that it is in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    Stop,
    StopNow,
    Crash,
    /// The owner of the reactor drops it.
    Drop,
}

impl Way {
    /// The orderly ones more often, or little would come to its end.
    pub(crate) const ALL: &[Self] = &[
        Self::Stop,
        Self::Stop,
        Self::Stop,
        Self::Stop,
        Self::Stop,
        Self::Stop,
        Self::Stop,
        Self::StopNow,
        Self::Crash,
        Self::Drop,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Stop => "stops",
            Self::StopNow => "stops now",
            Self::Crash => "crashes",
            Self::Drop => "drops its reactor",
        }
    }
}

/// In a callback, or between two runs, on the thread of the reactors.
pub(crate) fn end_from_within(world: &World, reactor: &Reactor, life: &Life, way: Way) {
    match way {
        Way::Stop => {
            life.ending();
            add(&world.tally.stops);
            reactor.stop();
        }
        Way::StopNow => {
            life.ending();
            add(&world.tally.stops);
            reactor.stop_now();
        }
        Way::Crash => {
            life.dropping();
            add(&world.tally.crashes);
            reactor.crash();
        }
        Way::Drop => {
            add(&world.tally.drops_inside);
            drop_owner();
        }
    }
}

/// From a driver.
pub(crate) fn end_from_outside(world: &World, life: &Life, dice: &mut Dice) {
    life.ending();
    add(&world.tally.stops);
    if dice.one_in(4) { life.handle.stop_now() } else { life.handle.stop() }
}

/// Drops the reactor, on its thread, wherever that is just now.
pub(crate) fn drop_owner() {
    let Some(desk) = desk::desk() else { return };
    let Some(owner) = desk.take_owner() else { return };
    desk.life.dropping();
    drop(owner);
    desk.life.gone();
}

/// What holds when a run has ended.
pub(crate) fn check_run(
    world: &World,
    reactor: &Reactor,
    life: &Arc<Life>,
    result: Result<(), RunError>,
    panics_before: u64,
) {
    let stops_for_panics = world.plan.panic_policy == PanicPolicy::Stop;
    match &result {
        Ok(()) if !life.is_gone() && stops_for_panics && get(&life.panics) > panics_before => {
            world.complain("a run that a panic has stopped says nothing of it".to_owned());
        }
        Ok(()) => {}
        Err(RunError::Panicked { .. }) if stops_for_panics => {}
        Err(RunError::ShutdownTimedOut(_)) if life.was_held.load(Ordering::SeqCst) => {
            add(&world.tally.late_shutdowns);
        }
        Err(error) => world.complain(format!("a run ended with {error:?}")),
    }
    if reactor.running() || reactor.stopping() || life.handle.accepts_calls() {
        world.complain(format!("a run has not ended: {reactor:?}, {life:?}"));
    }
    // Whoever is just handing in a call has not noted yet what became of it.
    let is_left = |record: &crate::record::Record| {
        let is_call = record.kind == Kind::Call && record.has(Note::Accepted);
        is_call && !record.has(Note::Dropped) && Arc::ptr_eq(&record.life(), life)
    };
    if let Some(record) = world.records().into_iter().find(|record| is_left(record)) {
        world.complain(format!("left over by a run: {}", record.story()));
    }
}

/// What the reactor says of itself between two runs is what its callbacks say.
pub(crate) fn check_stats(world: &World, reactor: &Reactor, life: &Life) {
    let stats = reactor.stats();
    let taps = desk::desk().map_or(0, |desk| desk.taps());
    let [set, fired] = [get(&life.timers_set), get(&life.timers_fired)];
    let pending = set - fired - get(&life.timers_cancelled);
    let are_right = stats.timers == fired
        && stats.pending_timers as u64 == pending
        && reactor.delayed_calls().len() as u64 == pending
        && stats.events == get(&life.events)
        && stats.panics == get(&life.panics)
        && stats.sources == taps
        // The last remotes of shared values have calls of their own.
        && stats.calls >= get(&life.calls);
    if !are_right {
        world.complain(format!("the reactor says {stats:?} with {taps} sources, we say {life:?}"));
    }
}
