//! What the jobs themselves say of their fate.
//!
//! Each job has a record, shared by its submitter and by the guards in its closure and in its
//! callback. Everything is noted when it happens, by whoever does it; the verdict is passed when
//! the pool is gone.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread;

use ropewalk_testing::soak::contained;
use ropewalk_threadpool::CancelToken;

use crate::hooks;
use crate::round::Round;

/// Something that was noted of a job.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub(crate) enum Note {
    /// The pool took it.
    Accepted = 1 << 0,
    /// The pool refused it, and the closure came back.
    HandedBack = 1 << 1,
    /// `cancel` said true.
    Cancelled = 1 << 2,
    /// `stop_now` gave it back.
    Returned = 1 << 3,
    /// It has a callback.
    HasCallback = 1 << 4,
    /// Its closure was called on a worker.
    Started = 1 << 5,
    /// Its closure was called by whoever got it back.
    StartedOutside = 1 << 6,
    /// Its closure came to its end.
    Ended = 1 << 7,
    /// Its closure was left by a panic.
    Panicked = 1 << 8,
    /// What its closure held has been dropped.
    Dropped = 1 << 9,
    CallbackStarted = 1 << 10,
    CallbackEnded = 1 << 11,
    CallbackPanicked = 1 << 12,
    CallbackDropped = 1 << 13,
}

/// What became of a job.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    Completed,
    Panicked,
    Cancelled,
    /// Accepted and dropped unrun, though nobody cancelled it: the pool had no thread for it, or
    /// was never started.
    Abandoned,
    /// Accepted and given back by `stop_now`.
    Returned,
    /// Never accepted.
    Refused,
}

/// One job.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) work: &'static str,
    notes: AtomicU32,
    /// The round's clock before its submission, after it, and when it started.
    pub(crate) before: AtomicU64,
    pub(crate) after: AtomicU64,
    pub(crate) started: AtomicU64,
}

impl Record {
    pub(crate) fn new(work: &'static str, has_callback: bool) -> Self {
        let notes = if has_callback { Note::HasCallback as u32 } else { 0 };
        Self {
            work,
            notes: AtomicU32::new(notes),
            before: AtomicU64::new(0),
            after: AtomicU64::new(0),
            started: AtomicU64::new(0),
        }
    }

    /// Enters `note`; true if it was entered before.
    pub(crate) fn note(&self, note: Note) -> bool {
        self.notes.fetch_or(note as u32, Ordering::SeqCst) & note as u32 != 0
    }

    pub(crate) fn has(&self, note: Note) -> bool {
        self.notes.load(Ordering::SeqCst) & note as u32 != 0
    }

    /// The closure came back and is submitted once more.
    pub(crate) fn submitted_again(&self) {
        self.notes.fetch_and(!(Note::HandedBack as u32), Ordering::SeqCst);
    }

    /// True if everything that the submitter gave away is dropped.
    pub(crate) fn is_released(&self) -> bool {
        self.has(Note::Dropped) && (self.has(Note::CallbackDropped) || !self.has(Note::HasCallback))
    }

    /// What became of the job, once the pool is gone; or what is wrong with that.
    pub(crate) fn fate(&self) -> Result<Fate, &'static str> {
        let has = |note| self.has(note);
        if !has(Note::Dropped) {
            return Err("its closure leaked");
        }
        if has(Note::HasCallback) && !has(Note::CallbackDropped) {
            return Err("its callback leaked");
        }
        let is_called = has(Note::Started) || has(Note::StartedOutside);
        if has(Note::CallbackStarted) && !is_called {
            return Err("its callback was called without it");
        }
        let (is_accepted, is_back) = (has(Note::Accepted), has(Note::HandedBack));
        if is_accepted == is_back {
            return Err("it was not either accepted or handed back");
        }
        if is_back {
            return if has(Note::Started) { Err("refused, and it ran") } else { Ok(Fate::Refused) };
        }
        match [has(Note::Cancelled), has(Note::Returned), has(Note::Started)] {
            [true, false, false] => return Ok(Fate::Cancelled),
            [false, true, false] => return Ok(Fate::Returned),
            [false, false, false] => return Ok(Fate::Abandoned),
            [false, false, true] => {}
            _ => return Err("it had two fates"),
        }
        if has(Note::Ended) == has(Note::Panicked) {
            return Err("it did not either end or panic");
        }
        if has(Note::HasCallback) && !has(Note::CallbackStarted) {
            return Err("it ran, and its callback did not");
        }
        self.fate_of_a_run().ok_or("its end is not clear")
    }

    /// Completed or panicked; none if it is neither as yet.
    pub(crate) fn fate_of_a_run(&self) -> Option<Fate> {
        let is_over = self.has(Note::Started) && self.is_released();
        let is_whole = self.has(Note::Ended) && !self.has(Note::CallbackPanicked);
        is_over.then_some(if is_whole { Fate::Completed } else { Fate::Panicked })
    }

    /// The notes in words, for a complaint.
    pub(crate) fn story(&self) -> String {
        const ALL: [Note; 14] = [
            Note::Accepted,
            Note::HandedBack,
            Note::Cancelled,
            Note::Returned,
            Note::HasCallback,
            Note::Started,
            Note::StartedOutside,
            Note::Ended,
            Note::Panicked,
            Note::Dropped,
            Note::CallbackStarted,
            Note::CallbackEnded,
            Note::CallbackPanicked,
            Note::CallbackDropped,
        ];
        let notes: Vec<Note> = ALL.into_iter().filter(|&note| self.has(note)).collect();
        format!("a job that {}: {notes:?}", self.work)
    }
}

thread_local! {
    /// True while this thread runs or drops a job that `stop_now` gave back.
    static TAKING_BACK: Cell<bool> = const { Cell::new(false) };
}

/// Runs or drops, with `done`, a job that `stop_now` gave back.
pub(crate) fn take_back(done: impl FnOnce()) {
    TAKING_BACK.set(true);
    // Its closure may panic as it is dropped; one that is run contains that.
    contained(done);
    TAKING_BACK.set(false);
}

/// The guard in the closure of a job.
pub(crate) struct Ticket {
    pub(crate) record: Arc<Record>,
    pub(crate) round: Arc<Round>,
}

impl Ticket {
    /// The closure is being called; true if that is on a worker.
    pub(crate) fn begin(&self) -> bool {
        let Self { record, round } = self;
        if TAKING_BACK.get() || record.has(Note::HandedBack) {
            record.note(Note::StartedOutside);
            return false;
        }
        record.started.store(round.now(), Ordering::SeqCst);
        round.job_begins();
        if record.note(Note::Started) {
            round.complain(format!("called twice: {}", record.story()));
        }
        self.is_told_rightly();
        let mark = record.before.load(Ordering::SeqCst);
        if round.plan.has_context && hooks::mark() != mark {
            round.complain(format!("not in its context: {}", record.story()));
        }
        true
    }

    /// Whether the job is wanted no more; it is on its worker.
    pub(crate) fn is_told_rightly(&self) -> bool {
        // In this order: what was told before the end of `stop_now` is seen after it.
        let is_due = self.round.is_told();
        let is_told = CancelToken::current().is_cancelled();
        if is_due && !is_told {
            self.round.complain(format!("not told of the stop: {}", self.record.story()));
        }
        is_told
    }

    /// The closure has done its work.
    pub(crate) fn end(&self) {
        self.record.note(Note::Ended);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let Self { record, round } = self;
        let is_started = record.has(Note::Started);
        if TAKING_BACK.get() {
            record.note(Note::Returned);
        }
        if is_started && !record.has(Note::Ended) && thread::panicking() {
            record.note(Note::Panicked);
        }
        if record.note(Note::Dropped) {
            round.complain(format!("dropped twice: {}", record.story()));
        }
        if is_started && !record.has(Note::HasCallback) {
            round.job_ends();
        }
    }
}

/// The guard in the callback of a job.
pub(crate) struct Receipt {
    pub(crate) record: Arc<Record>,
    pub(crate) round: Arc<Round>,
}

impl Receipt {
    /// The callback is being called.
    pub(crate) fn begin(&self, is_ok: bool) {
        let Self { record, round } = self;
        let is_again = record.note(Note::CallbackStarted);
        // What the job captured is gone by now, and how it ended is told truly.
        if is_again || !record.has(Note::Dropped) || record.has(Note::Ended) != is_ok {
            round.complain(format!("called back with ok = {is_ok}: {}", record.story()));
        }
    }

    pub(crate) fn end(&self) {
        self.record.note(Note::CallbackEnded);
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        let Self { record, round } = self;
        if record.has(Note::CallbackStarted) && !record.has(Note::CallbackEnded) {
            record.note(Note::CallbackPanicked);
        }
        if record.note(Note::CallbackDropped) {
            round.complain(format!("callback dropped twice: {}", record.story()));
        }
        if record.has(Note::Started) {
            round.job_ends();
        }
    }
}
