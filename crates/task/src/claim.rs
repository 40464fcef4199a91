//! Who may put a task into a queue: the first of all who wake it, until it runs.
//!
//! One claim stands behind all wakers of a task. Raising it tells the first caller to queue the
//! task, and all others that this is done. It is lowered before the task is polled: whatever was
//! written before a call that found it raised is seen by that poll, and whoever calls later queues
//! the task anew. So no wake-up is lost, and no task is queued twice.
//!
//! A claim may be given to another task, but only by its owner and when he is the only one who has
//! it; so no waker that is left over from one task can wake another.

use crate::sync::{AtomicBool, AtomicU32, Ordering};

/// Names one task: a place, and who must be found there.
///
/// Ids come again after four thousand million tasks. Who then has a waker left over from the first
/// of that name polls the second once too often, which every future puts up with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct TaskKey {
    pub(crate) slot: u32,
    pub(crate) id: u32,
}

impl TaskKey {
    pub(crate) fn new(place: usize, id: u32) -> Self {
        // With so many tasks at a time memory has ended long before.
        Self { slot: u32::try_from(place).unwrap_or(u32::MAX), id }
    }

    pub(crate) fn place(self) -> usize {
        usize::try_from(self.slot).unwrap_or(usize::MAX)
    }

    /// Both in one number.
    pub(crate) fn name(self) -> u64 {
        u64::from(self.slot) << 32 | u64::from(self.id)
    }

    pub(crate) fn named(name: u64) -> Self {
        let [a, b, c, d, id @ ..] = name.to_be_bytes();
        Self { slot: u32::from_be_bytes([a, b, c, d]), id: u32::from_be_bytes(id) }
    }
}

pub(crate) struct Claim {
    slot: AtomicU32,
    id: AtomicU32,
    raised: AtomicBool,
}

impl Claim {
    pub(crate) fn new(key: TaskKey) -> Self {
        Self {
            slot: AtomicU32::new(key.slot),
            id: AtomicU32::new(key.id),
            raised: AtomicBool::new(false),
        }
    }

    /// Names the task that the caller is to queue, if he is the first to raise it. Any thread.
    pub(crate) fn raise(&self) -> Option<TaskKey> {
        if self.raised.swap(true, Ordering::AcqRel) {
            return None;
        }
        // Relaxed: they were written before this claim came to whoever asks.
        let (slot, id) = (self.slot.load(Ordering::Relaxed), self.id.load(Ordering::Relaxed));
        Some(TaskKey { slot, id })
    }

    /// The task has left the queue and is to be polled.
    ///
    /// A swap, not a store: it takes up what those have written who found the claim raised.
    pub(crate) fn lower(&self) {
        self.raised.swap(false, Ordering::AcqRel);
    }

    /// Gives the claim to another task. Only if nobody else has it.
    pub(crate) fn give_to(&self, key: TaskKey) {
        self.slot.store(key.slot, Ordering::Relaxed);
        self.id.store(key.id, Ordering::Relaxed);
        self.raised.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
#[cfg(loom)]
mod loom_models {
    use super::{Claim, TaskKey};
    use crate::parked::Parked;
    use crate::sync::{Ordering, fence};
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicUsize;
    use loom::thread;

    const FIRST: TaskKey = TaskKey { slot: 0, id: 0 };
    const SECOND: TaskKey = TaskKey { slot: 0, id: 1 };

    /// What wakers and the reactor share.
    struct Model {
        parked: Parked<TaskKey>,
        /// Written before each wake-up, with no ordering of its own.
        written: AtomicUsize,
    }

    fn model() -> Arc<Model> {
        Arc::new(Model { parked: Parked::new(), written: AtomicUsize::new(0) })
    }

    /// Writes, and wakes.
    fn waker(model: &Arc<Model>, claim: &Arc<Claim>) -> thread::JoinHandle<()> {
        let (model, claim) = (Arc::clone(model), Arc::clone(claim));
        thread::spawn(move || {
            model.written.fetch_add(1, Ordering::Relaxed);
            if let Some(key) = claim.raise() {
                model.parked.put(key, || {});
            }
        })
    }

    /// Empties the list; gives how often `key` was in it, and what its last poll has seen.
    fn turn(model: &Model, claim: &Claim, key: TaskKey) -> (usize, usize) {
        let (mut polls, mut seen) = (0, 0);
        for found in model.parked.take() {
            assert_eq!(found, key, "nobody else was woken");
            claim.lower();
            polls += 1;
            seen = model.written.load(Ordering::Relaxed);
        }
        (polls, seen)
    }

    /// Two wake while the task runs: the last poll sees what both have written, and there are no
    /// more polls than wake-ups.
    #[test]
    fn loom_no_wake_up_is_lost_or_doubled() {
        loom::model(|| {
            let (model, claim) = (model(), Arc::new(Claim::new(FIRST)));
            let wakers = [waker(&model, &claim), waker(&model, &claim)];
            let (early, seen_early) = turn(&model, &claim, FIRST);
            wakers.into_iter().for_each(|one| one.join().unwrap());
            let (late, seen_late) = turn(&model, &claim, FIRST);
            assert!((1..=2).contains(&(early + late)), "{early} + {late} polls");
            assert_eq!(seen_early.max(seen_late), 2);
        });
    }

    /// While a waker of the first task is used and dropped elsewhere, the owner gives the claim to
    /// a second one as soon as he finds himself alone with it. It is never woken.
    #[test]
    fn loom_a_claim_given_to_another_task_brings_no_wake_up_of_the_first() {
        loom::model(|| {
            let (model, claim) = (model(), Arc::new(Claim::new(FIRST)));
            let other = waker(&model, &claim);
            let given = Arc::strong_count(&claim) == 1;
            if given {
                fence(Ordering::Acquire);
                claim.give_to(SECOND);
            }
            other.join().unwrap();
            turn(&model, &claim, FIRST);
            assert!(claim.raise().is_some(), "it is as new");
        });
    }
}
