//! Calls whose answer somebody waits for, or looks at, or lets go.

use std::future::Future as _;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use pollster::block_on;
use ropewalk_deferred::Result;
use ropewalk_testing::soak::{Dice, handing_in};
use ropewalk_threads::{Eventual, HandleThreads as _};

use crate::life::Life;
use crate::payload::{self, Load};
use crate::record::{Answer, Door, Note, Record};
use crate::scene::{self, Ending, Here, Reply, Scene};
use crate::work::{Work, moment};

/// Makes a blocking call; without a limit, if it `is_patient`.
pub(crate) fn ask(
    scene: &Scene<'_>,
    life: &Arc<Life>,
    is_patient: bool,
    work: Work,
    dice: &mut Dice,
) {
    let reply = Reply::draw(dice, scene.depth);
    let door = if is_patient { Door::Blocking } else { Door::Timed };
    let (ticket, record) = scene.ticket(door, (work, reply), life);
    record.note_if(!is_patient, Note::Limited);
    let limit = moment(dice);
    let was_own = life.handle.is_reactor_thread();
    let f = scene::question(ticket, work, reply, Dice::new(dice.number()), scene.depth + 1);
    let result = match (is_patient, matches!(reply, Reply::AtOnce(_))) {
        (true, false) => life.handle.blocking_call_from_thread(f),
        (false, false) => life.handle.blocking_call_from_thread_timeout(limit, f),
        // The same as a plain result.
        (true, true) => life.handle.blocking_call_from_thread(|reactor| now(f(reactor))),
        (false, true) => {
            life.handle.blocking_call_from_thread_timeout(limit, |reactor| now(f(reactor)))
        }
    };
    payload::note(scene.world, &record, &result);
    let is_right = match record.answered() {
        // Two reactors may wait for each other.
        Some(Answer::Deadlock) => was_own || scene.is_on_reactor(),
        // It is asked first whether the reactor has stopped.
        Some(Answer::Stopped) => true,
        _ => !was_own,
    };
    if !is_right {
        scene.world.complain(format!("on its own thread {was_own}: {}", record.story()));
    }
}

fn now(deferred: ropewalk_deferred::Deferred<Load>) -> Result<Load> {
    deferred.try_take().unwrap_or_else(|_| Err(ropewalk_deferred::Abandoned.into()))
}

/// Asks for an answer, and does something with that, or leaves it for others.
pub(crate) fn eventually(scene: &Scene<'_>, life: &Arc<Life>, work: Work, dice: &mut Dice) {
    let reply = match Reply::draw(dice, scene.depth) {
        Reply::AtOnce(Ending::Panics) if dice.one_in(2) => Reply::Kept,
        reply => reply,
    };
    let (ticket, record) = scene.ticket(Door::Eventual, (work, reply), life);
    let f = scene::question(ticket, work, reply, Dice::new(dice.number()), scene.depth + 1);
    let eventual = handing_in(|| life.handle.eventually(f));
    use_eventual(scene, eventual, record, dice);
}

/// Does something with an answer that somebody has asked for.
pub(crate) fn use_another(scene: &Scene<'_>, dice: &mut Dice) {
    if let Some((eventual, record)) = scene.world.take_eventual(dice) {
        use_eventual(scene, eventual, record, dice);
    }
}

fn use_eventual(
    scene: &Scene<'_>,
    mut eventual: Eventual<Load>,
    record: Arc<Record>,
    dice: &mut Dice,
) {
    let world = scene.world;
    let told = |result| payload::note(world, &record, &result);
    record.note_if(scene.is_on_reactor(), Note::OnReactor);
    let kept = match dice.below(8) {
        0 => return told(eventual.wait()),
        1 => eventual.wait_timeout(moment(dice)),
        2 => eventual.try_take(),
        3 => {
            record.note(Note::Cancelled);
            eventual.cancel();
            Err(eventual)
        }
        4 => {
            let mut context = Context::from_waker(Waker::noop());
            match pin!(&mut eventual).poll(&mut context) {
                Poll::Ready(result) => return told(result),
                Poll::Pending => {
                    record.note(Note::GoesWithIt);
                    Err(eventual)
                }
            }
        }
        5 if matches!(scene.here, Here::Foreign) => return told(block_on(eventual)),
        6 => return world.drop_eventual((eventual, record)),
        7 if dice.one_in(4) => {
            record.note(Note::GoesWithIt);
            Err(eventual.cancel_on_drop())
        }
        7 if dice.one_in(4) => {
            world.answer(&record, Answer::Unseen);
            return eventual.detach();
        }
        _ => Err(eventual),
    };
    match kept {
        Ok(result) => told(result),
        Err(eventual) => world.keep_eventual((eventual, record), dice),
    }
}
