//! Jobs whose results come back as a `Deferred`.

use std::sync::Arc;

use ropewalk_deferred::{Deferred, Result};
use ropewalk_reactor::Reactor;
use ropewalk_testing::soak::{Dice, handing_in};
use ropewalk_threads::ReactorThreads as _;

use crate::desk;
use crate::payload::{Asker, Load, Planned, understand};
use crate::progress::{self, Listener};
use crate::record::{Answer, Door, Note, Record};
use crate::scene::{self, DEPTH, Here, Scene};
use crate::work::Work;

/// Defers to whatever pool; the result is for `outer`, if that waits for one.
pub(crate) fn defer(
    scene: &Scene<'_>,
    reactor: &Reactor,
    dice: &mut Dice,
    outer: Option<&Arc<Record>>,
) -> Deferred<Load> {
    let Here::On(_, life) = scene.here else { unreachable!("only reactors have deferreds") };
    let (world, depth) = (scene.world, scene.depth + 1);
    let place = dice.one_in(2).then(|| world.pick_pool(dice));
    let speaks = dice.one_in(3);
    let door = match &place {
        _ if speaks => Door::DeferWith,
        Some(_) => Door::DeferPool,
        None => Door::Defer,
    };
    let work = Work::draw(world, dice);
    let (ticket, record) = scene.ticket(door, work, life);
    if let Some(outer) = outer {
        record.set_outer(outer);
    }
    let job = scene::job(ticket, work, Dice::new(dice.number()), depth);
    let listener = Listener::new(world, &record);
    let pool = place.as_ref().map(|place| &place.pool);
    let deferred = handing_in(|| match (speaks, pool) {
        (false, Some(pool)) => reactor.defer_to_thread_pool(pool, job),
        (false, None) => reactor.defer_to_thread(job),
        (true, _) => {
            let job = progress::speaking(world, &record, job, Dice::new(dice.number()));
            let hear = progress::hearing(&listener, Dice::new(dice.number()));
            match pool {
                Some(pool) => reactor.defer_to_thread_pool_with(pool, hear, job),
                None => reactor.defer_to_thread_with(hear, job),
            }
        }
    });
    if dice.one_in(2) {
        desk::desk(reactor).keep_chain((deferred.canceller(), Arc::clone(&record)), dice);
    }
    let asker = Asker { world: Arc::clone(world), record };
    let (outer, mut dice) = (outer.cloned(), Dice::new(dice.number()));
    deferred.add_both(move |result: Result<Load>| {
        let Asker { world, record } = &asker;
        record.note_if(place.is_some_and(|pool| pool.may_refuse()), Note::PoolMayRefuse);
        let result = asker.hears(result);
        listener.check_end();
        if depth < DEPTH && dice.one_in(4) {
            let works = |reactor: &Reactor| {
                let scene = Scene { world, here: Here::On(reactor, &record.life), depth };
                Work::draw(world, &mut dice).perform(&scene, &mut dice);
            };
            Reactor::with_current(works);
        }
        let number = outer.as_ref().map_or(record.number, |outer| outer.number);
        if let Some(outer) = &outer {
            outer.gave(understand(world, record, &result));
        }
        result.map(|()| Load::new(world, number))
    })
}

/// Defers, and lets the `Deferred` be.
pub(crate) fn defer_and_leave(scene: &Scene<'_>, reactor: &Reactor, dice: &mut Dice) {
    let deferred = defer(scene, reactor, dice, None);
    // What has failed has been noted.
    deferred.on_failure(drop);
}

/// Cancels one of these jobs, whatever has become of it.
pub(crate) fn cancel(scene: &Scene<'_>, reactor: &Reactor, dice: &mut Dice) {
    let Some((chain, record)) = desk::desk(reactor).take_chain(dice) else { return };
    record.note(Note::Cancelled);
    chain.cancel();
    if record.answered().is_none() {
        scene.world.complain(format!("cancelled, and not told so: {}", record.story()));
    }
    if dice.one_in(4) {
        desk::desk(reactor).keep_chain((chain, record), dice);
    }
}

/// Keeps, breaks or forgets a promise that was made to somebody who waits.
pub(crate) fn resolve(scene: &Scene<'_>, reactor: &Reactor, dice: &mut Dice) {
    let Some((promise, record)) = desk::desk(reactor).take_promise(dice) else { return };
    let load = Load::new(scene.world, record.number);
    match dice.below(4) {
        0 => {
            record.gave(Answer::Failed);
            promise.errback(Planned(load));
        }
        1 => {
            record.gave(Answer::Abandoned);
            drop(promise);
        }
        _ => {
            record.gave(Answer::Value);
            promise.callback(load);
        }
    }
}
