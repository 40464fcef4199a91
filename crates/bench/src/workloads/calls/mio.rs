//! mio: a loop of one's own around its poll, with a queue behind a lock and its waker.

use crate::sample::Sample;
use crate::tally;
use crate::workload::Load;
use mio::{Events, Poll, Token, Waker};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

type Boxed = Box<dyn FnOnce() -> bool + Send>;

struct Shared {
    calls: Mutex<Vec<Boxed>>,
    waker: Waker,
}

const WAKE: Token = Token(0);

pub(super) fn run<const PRODUCERS: usize>(load: &Load) -> anyhow::Result<Sample> {
    let mut poll = Poll::new()?;
    let waker = Waker::new(poll.registry(), WAKE)?;
    let shared = Arc::new(Shared { calls: Mutex::new(Vec::new()), waker });
    let theirs = Arc::clone(&shared);
    let produce = move |numbers: super::Numbers| {
        for number in numbers {
            if theirs.call(Box::new(move || tally::arrive_of::<PRODUCERS>(number))).is_err() {
                return;
            }
        }
    };
    super::race::<PRODUCERS>(load, produce, || {
        let mut events = Events::with_capacity(64);
        loop {
            match poll.poll(&mut events, None) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            let calls = mem::take(&mut *shared.lock());
            let mut done = false;
            for call in calls {
                done |= call();
            }
            if done {
                return Ok(());
            }
        }
    })
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Boxed>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who finds the queue empty wakes the loop: the others have been woken for.
    fn call(&self, call: Boxed) -> std::io::Result<()> {
        let mut calls = self.lock();
        calls.push(call);
        let first = calls.len() == 1;
        drop(calls);
        if first { self.waker.wake() } else { Ok(()) }
    }
}
