//! One of the threads that use the reactors from outside.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use ropewalk_testing::soak::{Dice, Post};

use crate::ending;
use crate::life::Life;
use crate::submission;
use crate::ticket::sit_down;
use crate::work::{self, Work};
use crate::world::World;

/// So many reactors of the past are remembered.
const REMEMBERED: usize = 4;

/// What a driver does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Call,
    CallSome,
    CallOld,
    CallShared,
    Write,
    Release,
    Look,
    Yield,
}

impl Step {
    pub(crate) const ALL: &[Self] = &[
        Self::Call,
        Self::CallSome,
        Self::CallOld,
        Self::CallShared,
        Self::Write,
        Self::Release,
        Self::Look,
        Self::Yield,
    ];
}

/// Uses the reactors, then answers `requests` for an end until nobody makes them any more.
pub(crate) fn drive(
    world: &Arc<World>,
    number: usize,
    requests: Option<&Receiver<Arc<Life>>>,
    post: &Post,
) {
    sit_down(number);
    let mut dice = Dice::of_thread(world.plan.seed, number);
    let mut old: Vec<Arc<Life>> = Vec::new();
    for _ in 0..world.plan.steps {
        if let Some(request) = requests.and_then(|requests| requests.try_recv().ok()) {
            end(world, &request, &mut dice, post);
        }
        let Some(life) = world.current() else {
            thread::yield_now();
            continue;
        };
        if old.last().is_none_or(|last| !Arc::ptr_eq(last, &life)) {
            if old.len() >= REMEMBERED {
                old.remove(dice.below(REMEMBERED));
            }
            old.push(Arc::clone(&life));
        }
        if dice.one_in(world.plan.ending_steps) {
            post.is_at("a stop");
            ending::end_from_outside(world, &life, &mut dice);
        }
        let step = Step::ALL[dice.weighted(&world.plan.step_weights)];
        let target =
            if matches!(step, Step::CallOld) { &old[dice.below(old.len())] } else { &life };
        take(world, target, step, &mut dice, post);
    }
    post.is_off();
    world.driver_is_done();
    for request in requests.into_iter().flatten() {
        end(world, &request, &mut dice, post);
    }
}

fn take(world: &Arc<World>, life: &Arc<Life>, step: Step, dice: &mut Dice, post: &Post) {
    let call = |dice: &mut Dice| {
        let work = Work::draw(world, dice);
        submission::call(world, life, work, dice, 0);
    };
    post.is_at("a call");
    match step {
        Step::Call | Step::CallOld => call(dice),
        Step::CallSome => (0..dice.below(32)).for_each(|_| call(dice)),
        Step::CallShared => {
            let work = Work::draw(world, dice);
            submission::call_shared(world, work, dice, 0);
        }
        Step::Write => {
            if let Some(wire) = world.pick_wire(dice) {
                wire.write(world, dice.pick(&[1, 100, 10_000]));
            }
        }
        Step::Release => work::release(world, dice),
        Step::Look => {
            // It may go, or begin to refuse, between two looks: so they come in this order.
            let was_gone = life.is_gone();
            let is_open = life.handle.accepts_calls();
            let is_impossible = is_open && was_gone || !is_open && !life.may_refuse();
            if life.handle.is_reactor_thread() || is_impossible {
                world.complain(format!("{:?} cannot be: {life:?}", life.handle));
            }
        }
        Step::Yield => (0..dice.pick(&[1, 3, 20])).for_each(|_| thread::yield_now()),
    }
}

/// Ends a run that nothing else may end, and before that has an answer from it: it has to wake
/// for both.
fn end(world: &Arc<World>, life: &Arc<Life>, dice: &mut Dice, post: &Post) {
    post.is_at("the wait for a call");
    let (bell, rings) = channel();
    submission::call(world, life, Work::Rings(bell), dice, 0);
    // It never rings if the run was ended before.
    let _ = rings.recv();
    post.is_at("the last stop");
    ending::end_from_outside(world, life, dice);
    post.is_off();
}
