//! What is known of one call: what its closure says, and what its caller was told.
//!
//! All is noted when it happens, by whoever it happens to; the verdict is passed in the end.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use ropewalk_testing::soak::lock;

use crate::life::Life;

/// By which bridge a closure came in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Door {
    Call,
    Remote,
    InThread,
    Multiple,
    Defer,
    DeferPool,
    DeferWith,
    Blocking,
    Timed,
    Eventual,
}

impl Door {
    pub(crate) const ALL: [Self; 10] = [
        Self::Call,
        Self::Remote,
        Self::InThread,
        Self::Multiple,
        Self::Defer,
        Self::DeferPool,
        Self::DeferWith,
        Self::Blocking,
        Self::Timed,
        Self::Eventual,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Call => "call_from_thread",
            Self::Remote => "Remote",
            Self::InThread => "call_in_thread",
            Self::Multiple => "call_multiple_in_thread",
            Self::Defer => "defer_to_thread",
            Self::DeferPool => "defer_to_thread_pool",
            Self::DeferWith => "defer_to_thread_with",
            Self::Blocking => "blocking_call",
            Self::Timed => "blocking_call, limited",
            Self::Eventual => "eventually",
        }
    }

    /// Whether the result comes back as a `Deferred`.
    pub(crate) fn is_deferred(self) -> bool {
        matches!(self, Self::Defer | Self::DeferPool | Self::DeferWith)
    }

    /// Whether its caller does nothing but wait.
    pub(crate) fn is_blocking(self) -> bool {
        matches!(self, Self::Blocking | Self::Timed)
    }
}

/// What the caller was told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Answer {
    /// It was taken; this caller hears no more of it.
    Accepted = 1,
    Value,
    Failed,
    Panicked,
    Cancelled,
    TimedOut,
    /// It came back, or a pool refused it.
    Refused,
    Stopped,
    Deadlock,
    Abandoned,
    /// He did not want to know.
    Unseen,
}

impl Answer {
    const ALL: [Self; 11] = [
        Self::Accepted,
        Self::Value,
        Self::Failed,
        Self::Panicked,
        Self::Cancelled,
        Self::TimedOut,
        Self::Refused,
        Self::Stopped,
        Self::Deadlock,
        Self::Abandoned,
        Self::Unseen,
    ];

    fn of(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|&answer| answer as u8 == code)
    }
}

/// Something that was noted of a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub(crate) enum Note {
    /// The closure was called.
    Started = 1 << 0,
    /// It came to its end.
    Ended = 1 << 1,
    /// It was left by a panic.
    Panicked = 1 << 2,
    /// What it held has been dropped.
    Dropped = 1 << 3,
    /// Whoever called it off was told that it never runs.
    CalledOff = 1 << 4,
    /// Somebody asked for its cancellation.
    Cancelled = 1 << 5,
    /// Its caller waits only so long.
    Limited = 1 << 6,
    /// Its answer comes later than its end.
    Later = 1 << 7,
    /// When it was refused or answered, its reactor had been told to stop.
    MayRefuse = 1 << 8,
    /// As above, and told to stop at once.
    MayLose = 1 << 9,
    /// When it was dropped or answered, its reactor had been told to crash, or been dropped.
    MayDrop = 1 << 10,
    /// As above, and its pool had been ended, or limits the queue.
    PoolMayRefuse = 1 << 11,
    /// It was made by a thread that runs a reactor.
    OnReactor = 1 << 12,
    /// One before it in the same thread panicked.
    Behind = 1 << 13,
    /// Somebody has begun to await its answer: the drop of that cancels it.
    GoesWithIt = 1 << 14,
}

const NOTES: [Note; 15] = [
    Note::Started,
    Note::Ended,
    Note::Panicked,
    Note::Dropped,
    Note::CalledOff,
    Note::Cancelled,
    Note::Limited,
    Note::Later,
    Note::MayRefuse,
    Note::MayLose,
    Note::MayDrop,
    Note::PoolMayRefuse,
    Note::OnReactor,
    Note::Behind,
    Note::GoesWithIt,
];

/// What became of a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    /// Its answer has come, or it has run and there is none to come.
    Done,
    Failed,
    Panicked,
    Cancelled,
    TimedOut,
    Refused,
    Stopped,
    Deadlock,
    Abandoned,
    /// Accepted and dropped unrun, with its reactor or by a crash.
    Dropped,
    /// It has run, or not, and nobody looked.
    Unseen,
}

impl Fate {
    pub(crate) const ALL: [(Self, &'static str); 11] = [
        (Self::Done, "done"),
        (Self::Failed, "failed"),
        (Self::Panicked, "panicked"),
        (Self::Cancelled, "cancelled"),
        (Self::TimedOut, "timed out"),
        (Self::Refused, "refused"),
        (Self::Stopped, "stopped"),
        (Self::Deadlock, "deadlock"),
        (Self::Abandoned, "abandoned"),
        (Self::Dropped, "dropped"),
        (Self::Unseen, "unseen"),
    ];
}

/// One call.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) door: Door,
    pub(crate) number: u64,
    what: String,
    pub(crate) life: Arc<Life>,
    notes: AtomicU32,
    answer: AtomicU8,
    /// What the `Deferred` that its closure returned was given.
    gave: AtomicU8,
    /// The call whose answer its result is: with that it may be cancelled.
    outer: Mutex<Option<Arc<Self>>>,
    /// Those in the same thread after it.
    behind: Mutex<Vec<Arc<Self>>>,
    /// The last progress that its job has reported, and somebody was to hear.
    pub(crate) reported: AtomicU64,
    /// The last that it has reported at all.
    pub(crate) last_said: AtomicU64,
    /// How many answers came.
    pub(crate) answers: AtomicU64,
}

impl Record {
    pub(crate) fn new(door: Door, number: u64, what: String, life: &Arc<Life>) -> Self {
        Self {
            door,
            number,
            what,
            life: Arc::clone(life),
            notes: AtomicU32::new(0),
            answer: AtomicU8::new(0),
            gave: AtomicU8::new(0),
            outer: Mutex::default(),
            behind: Mutex::default(),
            reported: AtomicU64::new(0),
            last_said: AtomicU64::new(0),
            answers: AtomicU64::new(0),
        }
    }

    /// Enters `note`; true if it was entered before.
    pub(crate) fn note(&self, note: Note) -> bool {
        self.notes.fetch_or(note as u32, Ordering::SeqCst) & note as u32 != 0
    }

    pub(crate) fn note_if(&self, is_so: bool, note: Note) {
        if is_so {
            self.note(note);
        }
    }

    pub(crate) fn has(&self, note: Note) -> bool {
        self.notes.load(Ordering::SeqCst) & note as u32 != 0
    }

    /// Enters what the caller was told; true if he was told something before.
    pub(crate) fn answer(&self, answer: Answer) -> bool {
        self.note_if(self.life.may_refuse(), Note::MayRefuse);
        self.note_if(self.life.may_lose(), Note::MayLose);
        self.note_if(self.life.may_drop(), Note::MayDrop);
        self.note_if(self.life.has_poor_pool(), Note::PoolMayRefuse);
        self.answer.store(answer as u8, Ordering::SeqCst);
        self.answers.fetch_add(1, Ordering::SeqCst) > 0
    }

    pub(crate) fn answered(&self) -> Option<Answer> {
        Answer::of(self.answer.load(Ordering::SeqCst))
    }

    /// Whether it panics when it is dropped unrun; nobody can say then why it was refused.
    pub(crate) fn explodes(&self) -> bool {
        self.is_job() && self.number % 8 == 0
    }

    /// Whether it is for a pool.
    fn is_job(&self) -> bool {
        matches!(self.door, Door::InThread | Door::Multiple) || self.door.is_deferred()
    }

    /// Whether its caller waits, or its closure is to run.
    pub(crate) fn is_open(&self) -> bool {
        self.answered().is_none() || !self.has(Note::Dropped)
    }

    pub(crate) fn gave(&self, answer: Answer) {
        self.gave.store(answer as u8, Ordering::SeqCst);
    }

    pub(crate) fn set_outer(&self, outer: &Arc<Self>) {
        *lock(&self.outer) = Some(Arc::clone(outer));
    }

    fn may_be_cancelled(&self) -> bool {
        let outer = lock(&self.outer);
        let reasons = [Note::Cancelled, Note::Limited, Note::OnReactor];
        let is_given_up = |outer: &Arc<Self>| reasons.into_iter().any(|note| outer.has(note));
        self.has(Note::Cancelled) || outer.as_ref().is_some_and(is_given_up)
    }

    pub(crate) fn set_behind(&self, records: Vec<Arc<Self>>) {
        *lock(&self.behind) = records;
    }

    /// It panicked, so that those after it do not run.
    pub(crate) fn panicked(&self) {
        self.note(Note::Panicked);
        let behind = std::mem::take(&mut *lock(&self.behind));
        for record in behind {
            record.note(Note::Behind);
        }
    }

    /// What became of it, once all is over; or what is wrong with that.
    pub(crate) fn fate(&self) -> Result<Fate, &'static str> {
        let has = |note| self.has(note);
        let Some(answer) = self.answered() else { return Err("never answered") };
        if self.answers.load(Ordering::SeqCst) > 1 {
            return Err("answered twice");
        }
        if !has(Note::Dropped) {
            return Err("leaked");
        }
        let (started, ended, panicked) =
            (has(Note::Started), has(Note::Ended), has(Note::Panicked));
        if started != (ended || panicked) || ended && panicked {
            return Err("it did not either end or panic");
        }
        if started && has(Note::CalledOff) {
            return Err("called off, and it ran");
        }
        if has(Note::Later) && !self.door.is_deferred() {
            return self.fate_of_later(answer);
        }
        match answer {
            Answer::Accepted if ended => Ok(Fate::Done),
            Answer::Accepted if panicked => Ok(Fate::Panicked),
            Answer::Accepted if has(Note::CalledOff) => Ok(Fate::Cancelled),
            Answer::Accepted if has(Note::MayDrop) || has(Note::Behind) => Ok(Fate::Dropped),
            // Its pool has been ended by others.
            Answer::Accepted if self.is_job() && has(Note::PoolMayRefuse) => Ok(Fate::Dropped),
            Answer::Accepted => Err("lost: dropped without a reason"),
            Answer::Value if ended => Ok(Fate::Done),
            Answer::Failed if ended => Ok(Fate::Failed),
            Answer::Panicked if panicked => Ok(Fate::Panicked),
            // On a reactor: that was to stop at once, and its callback waited.
            Answer::Cancelled if has(Note::OnReactor) => Ok(Fate::Cancelled),
            Answer::Cancelled if started && !self.door.is_deferred() => Err("cancelled, yet run"),
            Answer::Cancelled if self.may_be_cancelled() => Ok(Fate::Cancelled),
            Answer::TimedOut if has(Note::Limited) => Ok(Fate::TimedOut),
            Answer::Refused if started => Err("refused, and it ran"),
            Answer::Refused if has(Note::MayRefuse) || has(Note::PoolMayRefuse) => {
                Ok(Fate::Refused)
            }
            Answer::Refused => Err("refused without a reason"),
            Answer::Stopped if !has(Note::MayRefuse) => Err("nobody has stopped the reactor"),
            Answer::Stopped if started && !self.door.is_deferred() => Err("its answer was lost"),
            Answer::Stopped if started && !has(Note::MayLose) => Err("its result was lost"),
            Answer::Stopped => Ok(Fate::Stopped),
            Answer::Deadlock if has(Note::OnReactor) => Ok(Fate::Deadlock),
            Answer::Abandoned if !started && has(Note::PoolMayRefuse) => Ok(Fate::Abandoned),
            Answer::Abandoned if !started && self.explodes() => Ok(Fate::Refused),
            Answer::Unseen if !started && has(Note::Cancelled) => Ok(Fate::Cancelled),
            Answer::Unseen if started || has(Note::MayRefuse) => Ok(Fate::Unseen),
            Answer::Unseen => Err("lost: dropped without a reason, and nobody looked"),
            _ => Err("it has another answer than its closure says"),
        }
    }

    /// As [`fate`](Self::fate), of a blocking call whose closure has returned a `Deferred`.
    fn fate_of_later(&self, answer: Answer) -> Result<Fate, &'static str> {
        let has = |note| self.has(note);
        let gave = Answer::of(self.gave.load(Ordering::SeqCst));
        let is_same = gave == Some(answer);
        match answer {
            Answer::Value if is_same => Ok(Fate::Done),
            Answer::Failed if is_same => Ok(Fate::Failed),
            Answer::Panicked if is_same => Ok(Fate::Panicked),
            Answer::Refused if is_same => Ok(Fate::Refused),
            Answer::Cancelled if is_same || has(Note::Cancelled) || has(Note::OnReactor) => {
                Ok(Fate::Cancelled)
            }
            Answer::TimedOut if has(Note::Limited) => Ok(Fate::TimedOut),
            Answer::Stopped if has(Note::MayRefuse) => Ok(Fate::Stopped),
            Answer::Abandoned if is_same || gave.is_none() && has(Note::MayDrop) => {
                Ok(Fate::Abandoned)
            }
            Answer::Deadlock if has(Note::OnReactor) => Ok(Fate::Deadlock),
            Answer::Unseen => Ok(Fate::Unseen),
            _ => Err("it has another answer than its Deferred was given"),
        }
    }

    /// The notes in words, for a complaint.
    pub(crate) fn story(&self) -> String {
        let notes: Vec<Note> = NOTES.into_iter().filter(|&note| self.has(note)).collect();
        let gave = Answer::of(self.gave.load(Ordering::SeqCst));
        let (number, name, what) = (self.number, self.door.name(), &self.what);
        let (seat, answer) = (self.life.seat, self.answered());
        format!(
            "{number}, {name} to reactor {seat} {what}: {notes:?}, told {answer:?}, its Deferred \
             was given {gave:?}"
        )
    }
}
