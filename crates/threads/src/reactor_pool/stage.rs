//! Which pools a reactor has: the one that takes its jobs, and those before it that still run some.
//!
//! Decisions only. The caller holds the lock meanwhile, and closes or drops after it what comes out.

use ropewalk_threadpool::ThreadPool;
use std::borrow::Cow;
use std::mem::{replace, take};

pub(super) struct State {
    /// Of the pools that are made here.
    pub(super) name: Cow<'static, str>,
    /// As far as the maximum lets it.
    pub(super) min: usize,
    pub(super) max: usize,
    stage: Stage,
    /// Counts the changes of the stage's pool: it tells one from those before and after it.
    number: u64,
    /// Own pools that another has replaced, each with its number, until their last job is over.
    retired: Vec<(u64, ThreadPool)>,
}

pub(super) enum Stage {
    /// Nobody has asked for it.
    Unmade,
    /// The reactor starts it and stops it.
    Own { pool: ThreadPool, tie: Tie },
    /// Others start it and stop it.
    Shared(ThreadPool),
    /// The run of this pool is over, and it refuses all jobs. When the reactor accepts calls again,
    /// the next to ask makes another one.
    Closed(ThreadPool),
}

/// How far the reactor thread has come to know of an own pool. Before it has tied it, it is loose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tie {
    /// Nobody has asked yet to have it tied.
    Unasked,
    /// A call is on its way to the reactor thread.
    Asked,
    Tied,
}

/// The pool of a reactor, as it was when somebody asked.
pub(super) struct Found {
    pub(super) pool: ThreadPool,
    pub(super) number: u64,
    /// Who asked has made it.
    pub(super) made: bool,
    pub(super) tie: Tie,
    /// Whether somebody else has to start it.
    pub(super) shared: bool,
}

impl State {
    pub(super) const fn new() -> Self {
        let name = Cow::Borrowed("reactor");
        Self { name, min: 5, max: 10, stage: Stage::Unmade, number: 0, retired: Vec::new() }
    }

    /// The least and the greatest number of threads.
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.min.min(self.max), self.max)
    }

    /// The pool, unless another has to be made.
    pub(super) fn find(&self, open: bool) -> Option<Found> {
        let (pool, tie, shared) = match &self.stage {
            Stage::Own { pool, tie } => (pool, *tie, false),
            Stage::Shared(pool) => (pool, Tie::Tied, true),
            Stage::Closed(pool) if !open => (pool, Tie::Tied, false),
            Stage::Unmade | Stage::Closed(_) => return None,
        };
        let (pool, number) = (pool.clone(), self.number);
        Some(Found { pool, number, made: false, tie, shared })
    }

    /// Goes over to another pool; the caller drops the one before.
    pub(super) fn enter(&mut self, stage: Stage) -> Stage {
        self.number += 1;
        replace(&mut self.stage, stage)
    }

    /// Goes over to a pool of the user's, and takes its sizes for those that come after it. What was
    /// there before, with its number, is the caller's to close and to drop; nothing if it was this
    /// very pool.
    pub(super) fn go_over(&mut self, stage: Stage, sizes: (usize, usize)) -> Option<(u64, Stage)> {
        let is_same = match (self.stage.pool(), stage.pool()) {
            (Some(one), Some(other)) => one.same_pool(other),
            _ => false,
        };
        if is_same {
            // What goes is not the last handle of its pool, since the new stage has one.
            self.stage = stage;
            return None;
        }
        (self.min, self.max) = sizes;
        let number = self.number;
        if let Some(pool) = self.own() {
            self.retired.push((number, pool));
        }
        Some((number, self.enter(stage)))
    }

    /// The last job of a pool that was replaced is over.
    pub(super) fn forget(&mut self, number: u64) -> Option<(u64, ThreadPool)> {
        let index = self.retired.iter().position(|(other, _)| *other == number)?;
        Some(self.retired.swap_remove(index))
    }

    /// Notes that the reactor thread sees to the loose pool of this number.
    pub(super) fn tie(&mut self, number: u64) -> bool {
        match &mut self.stage {
            Stage::Own { tie, .. } if self.number == number => replace(tie, Tie::Tied) != Tie::Tied,
            _ => false,
        }
    }

    /// Notes that a call is on its way for the pool of this number, unless it is tied already.
    pub(super) fn ask(&mut self, number: u64) {
        match &mut self.stage {
            Stage::Own { tie, .. } if self.number == number && *tie == Tie::Unasked => {
                *tie = Tie::Asked;
            }
            _ => {}
        }
    }

    pub(super) fn is_loose(&self, number: u64) -> bool {
        let is_loose = matches!(self.stage, Stage::Own { tie: Tie::Unasked | Tie::Asked, .. });
        is_loose && self.number == number
    }

    /// The pool that the reactor starts.
    pub(super) fn own(&self) -> Option<ThreadPool> {
        match &self.stage {
            Stage::Own { pool, .. } => Some(pool.clone()),
            Stage::Unmade | Stage::Shared(_) | Stage::Closed(_) => None,
        }
    }

    /// The pools whose jobs the shutdown waits for.
    pub(super) fn owed(&self) -> Vec<ThreadPool> {
        self.retired.iter().map(|(_, pool)| pool.clone()).chain(self.own()).collect()
    }

    /// The pools that are this reactor's own, or were until its run was over.
    pub(super) fn kept(&self) -> Vec<ThreadPool> {
        let present = match &self.stage {
            Stage::Own { pool, .. } | Stage::Closed(pool) => Some(pool),
            Stage::Unmade | Stage::Shared(_) => None,
        };
        self.retired.iter().map(|(_, pool)| pool).chain(present).cloned().collect()
    }

    /// The present pool, with its number.
    pub(super) fn present(&self) -> Option<(u64, ThreadPool)> {
        Some((self.number, self.stage.pool()?.clone()))
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Closes the stage; what comes out is to be closed as well, and the others to be dropped.
    pub(super) fn close(&mut self) -> (Option<ThreadPool>, Vec<(u64, ThreadPool)>) {
        let own = self.own();
        if let Some(pool) = &own {
            // The same pool: no handle is the last one here.
            self.stage = Stage::Closed(pool.clone());
        }
        (own, take(&mut self.retired))
    }
}

impl Stage {
    fn pool(&self) -> Option<&ThreadPool> {
        match self {
            Self::Unmade => None,
            Self::Own { pool, .. } | Self::Shared(pool) | Self::Closed(pool) => Some(pool),
        }
    }
}
