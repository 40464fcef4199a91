//! The table as a page of the guide has it: what happens in each cell.
//!
//! A heading names the callers for whom the tables below it hold; a row names the bridges, and when
//! the answer comes; a column is a moment. A word that is not known here fails the test.

use std::fmt;
use std::path::Path;

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    ReactorThread,
    Worker,
    Foreign,
    OtherReactor,
}

/// When the call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    BeforeTheRun,
    InTheRun,
    InABeforeTrigger,
    WhileThePoolDrains,
    InAnAfterTrigger,
    BetweenTwoRuns,
    AfterTheDrop,
    InTheNextRun,
}

impl Moment {
    pub(crate) const ALL: [(Self, &'static str); 8] = [
        (Self::BeforeTheRun, "before the run"),
        (Self::InTheRun, "in the run"),
        (Self::InABeforeTrigger, "in a *before* trigger"),
        (Self::WhileThePoolDrains, "while the pool drains"),
        (Self::InAnAfterTrigger, "in an *after* trigger"),
        (Self::BetweenTwoRuns, "between two runs"),
        (Self::AfterTheDrop, "after the drop"),
        (Self::InTheNextRun, "in the next run"),
    ];

    /// Whether whoever waits is waited for: the reactor goes on until it is told to stop.
    pub(crate) fn goes_on(self) -> bool {
        matches!(self, Self::BeforeTheRun | Self::InTheRun | Self::InTheNextRun)
    }
}

/// When the answer of a call that is waited for comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    AtOnce,
    ByATimer,
    ByAJob,
    Never,
}

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bridge {
    CallFromThread,
    RemoteCallFromThread,
    CallInThread,
    CallMultipleInThread,
    DeferToThread,
    DeferToThreadPool,
    DeferToThreadWith,
    DeferToThreadPoolWith,
    BlockingCall(Answer),
    BlockingCallTimeout(Answer),
    EventuallyWait(Answer),
    EventuallyAwait(Answer),
}

type Waiting = fn(Answer) -> Bridge;

const WITHOUT_ANSWER: [(Bridge, &str); 8] = [
    (Bridge::CallFromThread, "call_from_thread"),
    (Bridge::RemoteCallFromThread, "Remote::call_from_thread"),
    (Bridge::CallInThread, "call_in_thread"),
    (Bridge::CallMultipleInThread, "call_multiple_in_thread"),
    (Bridge::DeferToThread, "defer_to_thread"),
    (Bridge::DeferToThreadPool, "defer_to_thread_pool"),
    (Bridge::DeferToThreadWith, "defer_to_thread_with"),
    (Bridge::DeferToThreadPoolWith, "defer_to_thread_pool_with"),
];

const WITH_ANSWER: [(Waiting, &str); 4] = [
    (Bridge::BlockingCall, "blocking_call_from_thread"),
    (Bridge::BlockingCallTimeout, "blocking_call_from_thread_timeout"),
    (Bridge::EventuallyWait, "eventually(f).wait()"),
    (Bridge::EventuallyAwait, "eventually(f).await"),
];

const ANSWERS: [(Answer, &str); 4] = [
    (Answer::AtOnce, "at once"),
    (Answer::ByATimer, "from a timer"),
    (Answer::ByAJob, "from a job"),
    (Answer::Never, "never"),
];

impl Bridge {
    pub(crate) fn all() -> Vec<Self> {
        let plain = WITHOUT_ANSWER.iter().map(|&(bridge, _)| bridge);
        let waiting = WITH_ANSWER.iter().flat_map(|&(of, _)| ANSWERS.map(|(answer, _)| of(answer)));
        plain.chain(waiting).collect()
    }

    fn named(name: &str, answer: &str) -> Self {
        let plain = WITHOUT_ANSWER.iter().find(|(_, known)| *known == name);
        let waiting = WITH_ANSWER.iter().find(|(_, known)| *known == name);
        let answer = ANSWERS.iter().find(|(_, known)| *known == answer);
        match (plain, waiting, answer) {
            (Some((bridge, _)), _, None) => *bridge,
            (_, Some((of, _)), Some((answer, _))) => of(*answer),
            _ => panic!("the page names a bridge that is not known: {name}, {answer:?}"),
        }
    }
}

/// What the caller gets, and what becomes of the closure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Accepted, and the closure has run when `run` returns.
    Runs,
    /// Refused, with the closure in the error.
    ComesBack,
    /// The result of the closure.
    Value,
    /// Refused at once: it would have waited for itself. The closure does not run.
    WouldDeadlock,
    /// No answer will come: the reactor has stopped.
    ReactorStopped,
    /// The pool takes no more jobs.
    SubmitError,
    /// The limit passed.
    TimedOut,
    /// There is no such call.
    NotPossible(Reason),
    /// What should happen nowhere.
    Wrong(String),
}

/// Why a call is not possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// A method of `Reactor`, which stays on its thread.
    DoesNotCompile,
    /// A method of `Reactor`, and there is none.
    ReactorIsGone,
}

impl Outcome {
    fn read(word: &str) -> Self {
        match word {
            "runs" => Self::Runs,
            "comes back" => Self::ComesBack,
            "value" => Self::Value,
            "`WouldDeadlock`" => Self::WouldDeadlock,
            "`ReactorStopped`" | "`ReactorStopped` ³" => Self::ReactorStopped,
            "`SubmitError`" => Self::SubmitError,
            "`TimedOut`" => Self::TimedOut,
            "– ¹" => Self::NotPossible(Reason::DoesNotCompile),
            "– ²" => Self::NotPossible(Reason::ReactorIsGone),
            _ => panic!("the page has a word that is not known: {word}"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong(what) => write!(f, "wrong: {what}"),
            known => write!(f, "{known:?}"),
        }
    }
}

/// One cell.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) caller: Caller,
    pub(crate) bridge: Bridge,
    pub(crate) moment: Moment,
    pub(crate) expected: Outcome,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} on {:?}, {:?}", self.bridge, self.caller, self.moment)
    }
}

/// All cells of the page, in its order.
pub(crate) fn read() -> Vec<Cell> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/src/the-shutdown-matrix.md");
    let page = std::fs::read_to_string(Path::new(path))
        .expect("the table is a page of the guide, which is beside the crates");
    let (mut callers, mut cells) = (Vec::new(), Vec::new());
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            callers = of_heading(heading);
        } else if let Some(row) = line.strip_prefix("| ").filter(|_| !callers.is_empty()) {
            let row: Vec<_> = row.trim_end_matches('|').split('|').map(str::trim).collect();
            if row[0] == "bridge" {
                assert!(row[2..].iter().eq(Moment::ALL.iter().map(|(_, name)| name)), "{row:?}");
            } else {
                callers.iter().for_each(|&caller| cells.extend(of_row(caller, &row)));
            }
        }
    }
    cells
}

fn of_heading(heading: &str) -> Vec<Caller> {
    match heading {
        "On the reactor's own thread" => vec![Caller::ReactorThread],
        "On any other thread" => vec![Caller::Worker, Caller::Foreign, Caller::OtherReactor],
        _ => Vec::new(),
    }
}

fn of_row(caller: Caller, row: &[&str]) -> Vec<Cell> {
    let (bridges, answers, outcomes) = (row[0], row[1], &row[2..]);
    assert_eq!(outcomes.len(), Moment::ALL.len(), "{row:?}");
    let mut cells = Vec::new();
    for bridge in bridges.split(", ") {
        for answer in answers.split(", ") {
            let bridge = Bridge::named(bridge.trim_matches('`'), answer);
            for (&(moment, _), word) in Moment::ALL.iter().zip(outcomes) {
                cells.push(Cell { caller, bridge, moment, expected: Outcome::read(word) });
            }
        }
    }
    cells
}
