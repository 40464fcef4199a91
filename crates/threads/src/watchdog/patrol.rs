//! What the thread of a watchdog does: look, report, sleep.
//!
//! All that it watches is its own. What comes in from other threads waits in a list until it looks
//! again, and a message wakes it. **Lock rule:** the lock is held for the list alone.

use super::pools::PoolPost;
use super::reactors::{Pace, ReactorPost};
use super::{Hook, WatchdogReport};
use crate::panics;
use flume::{Receiver, RecvTimeoutError, Sender};
use ropewalk_reactor::ReactorHandle;
use ropewalk_threadpool::ThreadPool;
use std::mem::take;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub(super) enum Message {
    /// There is something to see.
    Look,
    Stop,
}

/// What the owner of a watchdog and its thread share.
pub(super) struct Common {
    sender: Sender<Message>,
    incoming: Mutex<Incoming>,
}

#[derive(Default)]
struct Incoming {
    reactors: Vec<ReactorPost>,
    pools: Vec<PoolPost>,
}

impl Common {
    pub(super) fn new() -> (Arc<Self>, Receiver<Message>) {
        let (sender, receiver) = flume::unbounded();
        (Arc::new(Self { sender, incoming: Mutex::default() }), receiver)
    }

    pub(super) fn add_reactor(&self, handle: &ReactorHandle) {
        // Here, not there: what the reactor is given from now on is seen.
        let post = ReactorPost::new(handle, self.alarm());
        self.lock().reactors.push(post);
        self.send(Message::Look);
    }

    pub(super) fn add_pool(&self, pool: &ThreadPool) {
        let post = PoolPost::new(pool, self.alarm());
        self.lock().pools.push(post);
        self.send(Message::Look);
    }

    pub(super) fn stop(&self) {
        self.send(Message::Stop);
    }

    fn send(&self, message: Message) {
        // It fails when the thread has ended, and then nobody looks any more.
        let _ = self.sender.send(message);
    }

    /// It holds the sender alone: what is watched must not keep what watches.
    fn alarm(&self) -> Arc<dyn Fn() + Send + Sync> {
        let sender = self.sender.clone();
        Arc::new(move || {
            let _ = sender.send(Message::Look);
        })
    }

    fn lock(&self) -> MutexGuard<'_, Incoming> {
        self.incoming.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Patrol {
    common: Arc<Common>,
    receiver: Receiver<Message>,
    pace: Pace,
    hook: Option<(Hook, &'static Location<'static>)>,
    reactors: Vec<ReactorPost>,
    pools: Vec<PoolPost>,
}

impl Patrol {
    pub(super) fn new(
        common: Arc<Common>,
        receiver: Receiver<Message>,
        blocked_after: Duration,
        hook: Option<(Hook, &'static Location<'static>)>,
    ) -> Self {
        let pace = Pace::new(blocked_after);
        Self { common, receiver, pace, hook, reactors: Vec::new(), pools: Vec::new() }
    }

    /// The life of the thread.
    pub(super) fn run(mut self) {
        loop {
            let message = match self.look(Instant::now()) {
                None => self.receiver.recv().unwrap_or(Message::Stop),
                Some(next) => {
                    self.receiver.recv_deadline(next).unwrap_or_else(|error| match error {
                        RecvTimeoutError::Timeout => Message::Look,
                        RecvTimeoutError::Disconnected => Message::Stop,
                    })
                }
            };
            if matches!(message, Message::Stop) {
                break;
            }
        }
        if let Some((hook, location)) = self.hook.take() {
            panics::contain("dropping the hook of a watchdog", location, || drop(hook));
        }
    }

    /// Looks at all whose time has come, and reports what there is to report. When to look again;
    /// `None`: when somebody calls.
    fn look(&mut self, now: Instant) -> Option<Instant> {
        self.take_in();
        let (reactors, pools) = (&mut self.reactors, &mut self.pools);
        let pace = self.pace;
        let ended: Vec<_> = reactors.iter_mut().filter_map(|post| post.look(now, pace)).collect();
        pools.iter_mut().for_each(|post| post.look(now, pace));
        let is_due = !ended.is_empty()
            || reactors.iter().any(ReactorPost::is_due)
            || pools.iter().any(PoolPost::is_due);
        if is_due {
            let blocked = reactors.iter_mut().filter_map(|post| post.report(now)).collect();
            let stalled = pools.iter_mut().filter_map(PoolPost::report).collect();
            let report = WatchdogReport { blocked, ended, stalled };
            // The pool may have got on in between.
            if !report.is_empty() {
                self.tell(&report);
            }
        }
        self.reactors.retain(|post| !post.is_gone());
        self.pools.retain(|post| !post.is_gone());
        let reactors = self.reactors.iter().filter_map(ReactorPost::next);
        reactors.chain(self.pools.iter().filter_map(PoolPost::next)).min()
    }

    fn take_in(&mut self) {
        let Incoming { reactors, pools } = take(&mut *self.common.lock());
        for post in reactors {
            if !self.reactors.iter().any(|known| known.is_same(&post)) {
                self.reactors.push(post);
            }
        }
        pools.into_iter().for_each(|post| self.add_pool(post));
        let found: Vec<_> = self.reactors.iter_mut().filter_map(ReactorPost::new_pool).collect();
        for pool in found {
            self.add_pool(PoolPost::new(&pool, self.common.alarm()));
        }
    }

    fn add_pool(&mut self, post: PoolPost) {
        if !self.pools.iter().any(|known| known.is_same(&post)) {
            self.pools.push(post);
        }
    }

    fn tell(&mut self, report: &WatchdogReport) {
        match &mut self.hook {
            Some((hook, location)) => {
                panics::contain("the hook of a watchdog", location, || hook(report));
            }
            None => report.log(),
        }
    }
}
