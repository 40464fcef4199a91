//! mio: a queue behind a lock, and its waker.

use super::Rest;
use crate::sample::Sample;
use crate::workload::Load;
use mio::{Events, Poll, Token, Waker};
use std::io::ErrorKind;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

type Boxed = Box<dyn FnOnce() -> bool + Send>;

struct Shared {
    calls: Mutex<Vec<Boxed>>,
    waker: Waker,
}

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    let mut poll = Poll::new()?;
    let waker = Waker::new(poll.registry(), Token(0))?;
    let shared = Arc::new(Shared { calls: Mutex::new(Vec::new()), waker });
    let (caller, stopper) = (Arc::clone(&shared), Arc::clone(&shared));
    let call = move |asked| {
        caller.call(Box::new(move || {
            super::arrive(asked);
            false
        }))
    };
    let stop = move || {
        // If it fails, the loop hangs, and its process is ended.
        let _ = stopper.call(Box::new(|| true));
    };
    super::converse(load, Rest::Sleeps, call, stop, || {
        let mut events = Events::with_capacity(64);
        loop {
            match poll.poll(&mut events, None) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            let calls =
                mem::take(&mut *shared.calls.lock().unwrap_or_else(PoisonError::into_inner));
            for call in calls {
                if call() {
                    return Ok(());
                }
            }
        }
    })
}

impl Shared {
    fn call(&self, call: Boxed) -> anyhow::Result<()> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        Ok(self.waker.wake()?)
    }
}
