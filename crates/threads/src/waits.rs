//! Which reactor threads wait for which, so that none of them waits in a circle.
//!
//! A reactor may ask another and wait. If that one waits for the first, neither ever answers: each
//! thread sits in a callback, and no shutdown can begin. So a wait without a limit, by a thread on
//! which others may wait, is noted as long as it lasts; and before another such wait begins, the
//! notes are followed from thread to thread. Whoever would close a circle is refused instead.
//!
//! A thread for which nobody can wait, that is one without a reactor, pays a look at a
//! thread-local. **Lock rule:** under the lock of the notes the lock of a slot may be taken, never
//! the other way round; what a note owns is dropped after it.

use crate::error::WouldDeadlock;
use ropewalk_reactor::Reactor;
use std::cell::Cell;
use std::collections::HashMap;
use std::panic::Location;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread, ThreadId};

static WAITS: LazyLock<Mutex<HashMap<ThreadId, Wait>>> = LazyLock::new(Mutex::default);

thread_local! {
    /// Somebody waits for this thread although it has no reactor, or none yet.
    static AWAITED: Cell<bool> = const { Cell::new(false) };
}

/// A thread that waits.
struct Wait {
    thread: Thread,
    location: &'static Location<'static>,
    /// For whom.
    target: Thread,
    /// It comes to an end, whatever becomes of the other.
    limited: bool,
    /// What it waits for has not come. It may have since the note was written: the thread is awake
    /// then, and has only not had the time to take its note away.
    is_open: Box<dyn Fn() -> bool + Send>,
}

/// Lets others know from now on that somebody may wait for this thread.
pub(crate) fn may_be_waited_for() {
    // A thread at its very end waits for nobody.
    let _ = AWAITED.try_with(|awaited| awaited.set(true));
}

fn somebody_may_wait_for_this_thread() -> bool {
    Reactor::lives_on_this_thread() || AWAITED.try_with(Cell::get).unwrap_or(false)
}

/// Whether this thread may wait for `target` for `limited` or unlimited time. As long as the answer
/// is kept, others are told of the wait.
///
/// A wait with a limit ends by itself, so nobody is refused because of it; it is noted only for the
/// watchdog. But if it would close a circle it is itself refused, since nothing but its limit could
/// end it.
#[track_caller]
pub(crate) fn begin<F>(
    target: &Thread,
    limited: bool,
    is_open: impl FnOnce() -> F,
) -> Result<Option<Waiting>, WouldDeadlock>
where
    F: Fn() -> bool + Send + 'static,
{
    if !somebody_may_wait_for_this_thread() {
        return Ok(None);
    }
    let this = thread::current();
    let wait = Wait {
        thread: this.clone(),
        location: Location::caller(),
        target: target.clone(),
        limited,
        is_open: Box::new(is_open()),
    };
    let mut waits = lock();
    if let Some(others) = others_in_the_circle(&waits, this.id(), target.id()) {
        let circle = describe(&wait, &others);
        drop(waits);
        return Err(WouldDeadlock::in_circle(circle));
    }
    let before = waits.insert(this.id(), wait);
    drop(waits);
    Ok(Some(Waiting { thread: this.id(), before }))
}

/// Those who wait for `this`, beginning with `target`, if each waits for the next.
fn others_in_the_circle(
    waits: &HashMap<ThreadId, Wait>,
    this: ThreadId,
    target: ThreadId,
) -> Option<Vec<&Wait>> {
    let (mut others, mut next) = (Vec::new(), target);
    while next != this {
        let wait = waits.get(&next).filter(|wait| !wait.limited && (wait.is_open)())?;
        // A circle without this thread would have been refused, but is no reason to go round in it.
        if others.len() > waits.len() {
            return None;
        }
        others.push(wait);
        next = wait.target.id();
    }
    Some(others)
}

fn describe(first: &Wait, others: &[&Wait]) -> String {
    let line = |wait: &&Wait| {
        format!("{} for {} at {}", name(&wait.thread), name(&wait.target), wait.location)
    };
    std::iter::once(&first).chain(others).map(line).collect::<Vec<_>>().join(", ")
}

pub(crate) fn name(thread: &Thread) -> String {
    match thread.name() {
        Some(name) => name.to_owned(),
        None => format!("{:?}", thread.id()),
    }
}

/// For whom this thread waits, and since which line.
pub(crate) fn of(thread: ThreadId) -> Option<String> {
    let waits = lock();
    let wait = waits.get(&thread).filter(|wait| (wait.is_open)())?;
    Some(format!("{} at {}", name(&wait.target), wait.location))
}

/// As long as it lives, others see that its thread waits.
pub(crate) struct Waiting {
    thread: ThreadId,
    /// What it waits for already, a wait inside of which this one is.
    before: Option<Wait>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut waits = lock();
        let _own = match self.before.take() {
            Some(before) => waits.insert(self.thread, before),
            None => waits.remove(&self.thread),
        };
        drop(waits);
    }
}

fn lock() -> MutexGuard<'static, HashMap<ThreadId, Wait>> {
    WAITS.lock().unwrap_or_else(PoisonError::into_inner)
}
