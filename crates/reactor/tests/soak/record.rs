//! What the closures themselves say of their fate.
//!
//! Each closure has a record, shared by who hands it in and by the ticket inside of it. Everything
//! is noted when it happens, by whoever does it; the verdict is passed when all reactors are gone.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use ropewalk_testing::soak::lock;

use crate::life::Life;

/// Through which door a closure came in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Call,
    Soon,
    Timer,
    Trigger,
}

/// Something that was noted of a closure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub(crate) enum Note {
    /// The reactor took it.
    Accepted = 1 << 0,
    /// The reactor refused it, and it came back.
    HandedBack = 1 << 1,
    /// A timer that was cancelled, a trigger that was removed.
    Cancelled = 1 << 2,
    /// It was called.
    Started = 1 << 3,
    /// It came to its end.
    Ended = 1 << 4,
    /// It was left by a panic.
    Panicked = 1 << 5,
    /// What it held has been dropped.
    Dropped = 1 << 6,
}

/// What became of a closure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    Ran,
    Panicked,
    /// Accepted and dropped unrun, with its reactor or by a crash.
    Dropped,
    Cancelled,
    /// Never accepted.
    Refused,
}

/// One closure.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) kind: Kind,
    work: &'static str,
    notes: AtomicU32,
    /// The reactor it was last handed to.
    life: Mutex<Arc<Life>>,
    /// Which of the threads handed it in, and as which of its calls to that reactor.
    pub(crate) seat: AtomicU64,
    pub(crate) number: AtomicU64,
    due: Mutex<Option<Instant>>,
}

impl Record {
    pub(crate) fn new(kind: Kind, work: &'static str, life: &Arc<Life>) -> Self {
        Self {
            kind,
            work,
            notes: AtomicU32::new(0),
            life: Mutex::new(Arc::clone(life)),
            seat: AtomicU64::new(0),
            number: AtomicU64::new(0),
            due: Mutex::default(),
        }
    }

    pub(crate) fn life(&self) -> Arc<Life> {
        Arc::clone(&lock(&self.life))
    }

    /// It came back and is handed in once more.
    pub(crate) fn goes_to(&self, life: &Arc<Life>) {
        *lock(&self.life) = Arc::clone(life);
        self.notes.fetch_and(!(Note::HandedBack as u32), Ordering::SeqCst);
    }

    /// When the timer is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        *lock(&self.due)
    }

    pub(crate) fn set_due(&self, due: Option<Instant>) {
        *lock(&self.due) = due;
    }

    /// Enters `note`; true if it was entered before.
    pub(crate) fn note(&self, note: Note) -> bool {
        self.notes.fetch_or(note as u32, Ordering::SeqCst) & note as u32 != 0
    }

    pub(crate) fn has(&self, note: Note) -> bool {
        self.notes.load(Ordering::SeqCst) & note as u32 != 0
    }

    /// What became of it, once all is over; or what is wrong with that.
    pub(crate) fn fate(&self) -> Result<Fate, &'static str> {
        let has = |note| self.has(note);
        if !has(Note::Dropped) {
            return Err("leaked");
        }
        match [has(Note::Accepted), has(Note::HandedBack)] {
            [true, false] => {}
            [false, true] if has(Note::Started) => return Err("refused, and it ran"),
            [false, true] => return Ok(Fate::Refused),
            _ => return Err("not either accepted or handed back"),
        }
        match [has(Note::Cancelled), has(Note::Started)] {
            [true, true] => return Err("two fates"),
            [true, false] => return Ok(Fate::Cancelled),
            [false, false] => return Ok(Fate::Dropped),
            [false, true] => {}
        }
        match [has(Note::Ended), has(Note::Panicked)] {
            [true, false] => Ok(Fate::Ran),
            [false, true] => Ok(Fate::Panicked),
            _ => Err("it did not either end or panic"),
        }
    }

    /// The notes in words, for a complaint.
    pub(crate) fn story(&self) -> String {
        const ALL: [Note; 7] = [
            Note::Accepted,
            Note::HandedBack,
            Note::Cancelled,
            Note::Started,
            Note::Ended,
            Note::Panicked,
            Note::Dropped,
        ];
        let notes: Vec<Note> = ALL.into_iter().filter(|&note| self.has(note)).collect();
        let (kind, work, life) = (self.kind, self.work, self.life());
        let (seat, number) = (&self.seat, &self.number);
        format!("{kind:?} that {work}, thread {seat:?} number {number:?}: {notes:?}, {life:?}")
    }
}
