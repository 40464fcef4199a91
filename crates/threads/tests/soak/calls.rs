//! Calls of whose end their caller does not hear.

use std::sync::Arc;
use std::time::Duration;

use ropewalk_testing::soak::{Dice, contained, handing_in};
use ropewalk_threadpool::{JobState, SubmitErrorKind};
use ropewalk_threads::{BoxedJob, HandleThreads as _, ReactorThreads as _};

use crate::life::Life;
use crate::record::{Answer, Door, Note, Record};
use crate::scene::{self, Here, Scene};
use crate::work::Work;

/// By `call_from_thread`.
pub(crate) fn call(scene: &Scene<'_>, life: &Arc<Life>, work: Work, dice: &mut Dice) {
    let was_gone = life.is_gone();
    let (ticket, record) = scene.ticket(Door::Call, work, life);
    let call = scene::call(ticket, work, Dice::new(dice.number()), scene.depth + 1);
    let result = handing_in(|| life.handle.call_from_thread(call));
    note(scene, &record, result.is_ok(), was_gone);
}

/// To a value that lives with a reactor.
pub(crate) fn call_remote(scene: &Scene<'_>, work: Work, dice: &mut Dice) {
    let Some((remote, life)) = scene.world.pick_remote(dice) else { return };
    let was_gone = life.is_gone();
    let (ticket, record) = scene.ticket(Door::Remote, work, &life);
    let call = scene::call(ticket, work, Dice::new(dice.number()), scene.depth + 1);
    let result = handing_in(|| remote.call_from_thread(move |_, reactor| call(reactor)));
    note(scene, &record, result.is_ok(), was_gone);
}

fn note(scene: &Scene<'_>, record: &Record, is_accepted: bool, was_gone: bool) {
    let answer = if is_accepted { Answer::Accepted } else { Answer::Refused };
    scene.world.answer(record, answer);
    if is_accepted && was_gone {
        scene.world.complain(format!("accepted by one that is gone: {}", record.story()));
    }
}

/// A job of a reactor's pool.
pub(crate) fn in_thread(scene: &Scene<'_>, life: &Arc<Life>, work: Work, dice: &mut Dice) {
    let (ticket, record) = scene.ticket(Door::InThread, work, life);
    let job = scene::job(ticket, work, Dice::new(dice.number()), scene.depth + 1);
    let job = move || drop(job());
    let submitted = match scene.here {
        Here::On(reactor, own) if own.handle.same_reactor(&life.handle) => {
            reactor.call_in_thread(job)
        }
        _ => life.handle.call_in_thread(job),
    };
    match submitted {
        Ok(job) => {
            scene.world.answer(&record, Answer::Accepted);
            scene.world.keep_job((job, vec![record]), dice);
        }
        Err(refused) => {
            scene.world.answer(&record, Answer::Refused);
            check_kind(scene, refused.kind());
            contained(|| drop(refused));
        }
    }
}

/// Several jobs for one thread of a reactor's pool; elsewhere than on its thread, one.
pub(crate) fn multiple(scene: &Scene<'_>, life: &Arc<Life>, work: Work, dice: &mut Dice) {
    let Here::On(reactor, own) = scene.here else { return in_thread(scene, life, work, dice) };
    let mut records = Vec::new();
    let jobs = (0..dice.below(4)).map(|_| {
        let (ticket, record) = scene.ticket(Door::Multiple, work, own);
        records.push(record);
        let job = scene::job(ticket, work, Dice::new(dice.number()), scene.depth + 1);
        Box::new(move || drop(job())) as BoxedJob
    });
    let jobs: Vec<_> = jobs.collect();
    for (place, record) in records.iter().enumerate() {
        record.set_behind(records[place + 1..].to_vec());
    }
    let submitted = reactor.call_multiple_in_thread(jobs);
    let answer = if submitted.is_ok() { Answer::Accepted } else { Answer::Refused };
    records.iter().for_each(|record| scene.world.answer(record, answer));
    match submitted {
        Ok(job) => scene.world.keep_job((job, records), dice),
        Err(refused) => {
            check_kind(scene, refused.kind());
            contained(|| drop(refused));
        }
    }
}

fn check_kind(scene: &Scene<'_>, kind: SubmitErrorKind) {
    if kind != SubmitErrorKind::Stopped {
        scene.world.complain(format!("a pool refused a job: {kind:?}"));
    }
}

/// Cancels, or awaits, a job that somebody has handed in.
pub(crate) fn use_job(scene: &Scene<'_>, dice: &mut Dice) {
    let Some((job, records)) = scene.world.take_job(dice) else { return };
    match dice.below(4) {
        0 | 1 => {
            // What panics as it is dropped is dropped then.
            if contained(|| job.cancel()).unwrap_or(true) {
                for record in &records {
                    record.note(Note::CalledOff);
                }
            }
        }
        // Others may wait for this thread, and a shared pool for its start.
        2 if matches!(scene.here, Here::Foreign) && !scene.world.plan.is_sharing => {
            check_end(scene, job.wait().ok(), &records);
        }
        _ => {
            let ended = job.wait_timeout(Duration::from_micros(100));
            check_end(scene, ended.ok().flatten(), &records);
        }
    }
    if dice.one_in(2) {
        scene.world.keep_job((job, records), dice);
    }
}

/// What a job says of itself is what its closures say.
fn check_end(scene: &Scene<'_>, ended: Option<JobState>, records: &[Arc<Record>]) {
    let has = |note| records.iter().any(|record| record.has(note));
    let is_right = match ended {
        None => true,
        Some(JobState::Finished) => records.iter().all(|record| record.has(Note::Ended)),
        Some(JobState::Panicked) => has(Note::Panicked),
        Some(JobState::Cancelled | JobState::Returned) => !has(Note::Started),
        Some(_) => false,
    };
    if !is_right {
        let stories: Vec<_> = records.iter().map(|record| record.story()).collect();
        scene.world.complain(format!("a job says {ended:?}: {stories:?}"));
    }
}
