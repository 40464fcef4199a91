//! The ways for a closure into a reactor, and what is done with one that is refused.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use ropewalk_reactor::{DelayedCall, Phase, Reactor, ReactorStopped, SystemEvent};
use ropewalk_testing::soak::{Dice, add, handing_in};

use crate::desk;
use crate::life::Life;
use crate::record::{Kind, Note, Record};
use crate::shared;
use crate::ticket::{Ticket, contained, seat};
use crate::work::{self, Work};
use crate::world::World;

fn ticket(world: &Arc<World>, life: &Arc<Life>, kind: Kind, work: &Work) -> (Ticket, Arc<Record>) {
    let record = world.record(kind, work.name(), life);
    let last_act = work.last_act();
    (Ticket { world: Arc::clone(world), record: Arc::clone(&record), last_act }, record)
}

/// Hands a call in from whatever thread this is.
pub(crate) fn call(
    world: &Arc<World>,
    life: &Arc<Life>,
    work: Work,
    dice: &mut Dice,
    depth: usize,
) {
    let (ticket, record) = ticket(world, life, Kind::Call, &work);
    let job = work::job(ticket, work, Dice::new(dice.number()), depth);
    let call = |life: &Life, job| life.handle.call_from_thread(job);
    let Err(job) = ask(world, life, &record, job, call) else { return };
    let now = world.current().filter(|_| dice.one_in(3));
    let Some(now) = now else { return contained(|| drop(job)) };
    // The closure is as good as before, also for another reactor.
    add(&world.tally.again);
    record.goes_to(&now);
    if let Err(job) = ask(world, &now, &record, job, call) {
        contained(|| drop(job));
    }
}

/// Hands a call in to a shared value of whatever reactor.
pub(crate) fn call_shared(world: &Arc<World>, work: Work, dice: &mut Dice, depth: usize) {
    let Some(remote) = world.pick_remote(dice) else { return };
    let Some(life) = world.current() else { return };
    if !life.handle.same_reactor(remote.handle()) {
        // Of one that is gone: there is nobody to keep its account.
        if remote.call_from_thread(|_, _| ()).is_ok() {
            world.complain("a call to a value that is gone was accepted".to_owned());
        }
        return;
    }
    let (ticket, record) = ticket(world, &life, Kind::Call, &work);
    let job = work::job(ticket, work, Dice::new(dice.number()), depth);
    let job = shared::on_shared(job);
    if let Err(job) = ask(world, &life, &record, job, |_, job| remote.call_from_thread(job)) {
        contained(|| drop(job));
    }
    contained(|| drop(remote));
}

fn ask<J>(
    world: &World,
    life: &Life,
    record: &Record,
    job: J,
    call: impl FnOnce(&Life, J) -> Result<(), ReactorStopped<J>>,
) -> Result<(), J> {
    let was_gone = life.is_gone();
    record.seat.store(seat() as u64, Ordering::SeqCst);
    record.number.store(life.next_number(seat()), Ordering::SeqCst);
    match handing_in(|| call(life, job)) {
        Ok(()) => {
            record.note(Note::Accepted);
            add(&world.tally.accepted);
            if was_gone {
                world.complain(format!("accepted by one that is gone: {}", record.story()));
            }
            Ok(())
        }
        Err(error) => {
            record.note(Note::HandedBack);
            add(&world.tally.refused);
            thread::yield_now();
            if !life.may_refuse() {
                world.complain(format!("refused without a reason: {}", record.story()));
            }
            Err(error.into_inner())
        }
    }
}

/// On the thread of the reactors.
pub(crate) fn call_soon(
    world: &Arc<World>,
    reactor: &Reactor,
    life: &Arc<Life>,
    work: Work,
    dice: &mut Dice,
    depth: usize,
) {
    let (ticket, record) = ticket(world, life, Kind::Soon, &work);
    record.note(Note::Accepted);
    let number = life.soon_handed_in.fetch_add(1, Ordering::SeqCst) + 1;
    record.number.store(number, Ordering::SeqCst);
    let job = work::job(ticket, work, Dice::new(dice.number()), depth);
    handing_in(|| reactor.call_soon(job));
}

/// On the thread of the reactors.
pub(crate) fn call_later(
    world: &Arc<World>,
    reactor: &Reactor,
    life: &Arc<Life>,
    work: Work,
    delay: Duration,
    dice: &mut Dice,
    depth: usize,
) -> (DelayedCall, Arc<Record>) {
    let (ticket, record) = ticket(world, life, Kind::Timer, &work);
    record.note(Note::Accepted);
    add(&life.timers_set);
    let job = work::job(ticket, work, Dice::new(dice.number()), depth);
    let timer = handing_in(|| reactor.call_later(delay, job));
    record.set_due(timer.time());
    (timer, record)
}

/// On the thread of the reactors.
pub(crate) fn add_trigger(
    world: &Arc<World>,
    reactor: &Reactor,
    life: &Arc<Life>,
    work: Work,
    dice: &mut Dice,
    depth: usize,
) {
    let phase = dice.pick(&[Phase::Before, Phase::During, Phase::After]);
    let event = dice.pick(&[SystemEvent::Startup, SystemEvent::Shutdown, SystemEvent::End]);
    let (ticket, record) = ticket(world, life, Kind::Trigger, &work);
    record.note(Note::Accepted);
    let job = work::job(ticket, work, Dice::new(dice.number()), depth);
    let id = handing_in(|| reactor.add_system_event_trigger(phase, event, job));
    if let Some(desk) = desk::desk().filter(|_| dice.one_in(2)) {
        desk.keep_trigger((id, record), dice);
    }
}

/// A closure hands in another as it is dropped.
pub(crate) fn last_words(world: &Arc<World>, life: &Arc<Life>) {
    let mut dice = Dice::new(life.next_word());
    let said = Reactor::with_current(|reactor| {
        if reactor.handle().same_reactor(&life.handle) {
            call_soon(world, reactor, life, Work::Nothing, &mut dice, 0);
        }
    });
    if said.is_none() {
        call(world, life, Work::Nothing, &mut dice, 0);
    }
}
