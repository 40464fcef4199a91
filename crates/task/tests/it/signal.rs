//! A future that waits for the test, and a value that says when and where it was dropped.

use ropewalk_reactor::{ManualClock, Reactor};
use ropewalk_testing::EventLog;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread::{self, ThreadId};
use std::time::Duration;

/// Something to wait for, which any thread may set.
#[derive(Clone, Default)]
pub(crate) struct Signal(Arc<Mutex<(bool, Option<Waker>)>>);

impl Signal {
    /// Waits until the signal is set, and takes it.
    pub(crate) async fn wait(&self) {
        poll_fn(|context| {
            let mut state = self.0.lock().unwrap();
            if std::mem::take(&mut state.0) {
                return Poll::Ready(());
            }
            let old = state.1.replace(context.waker().clone());
            drop(state);
            drop(old);
            Poll::Pending
        })
        .await;
    }

    pub(crate) fn set(&self) {
        let mut state = self.0.lock().unwrap();
        state.0 = true;
        let waker = state.1.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Takes the waker of the one who waits.
    pub(crate) fn waker(&self) -> Waker {
        self.0.lock().unwrap().1.take().unwrap()
    }
}

/// Logs its drop, with the thread.
pub(crate) struct Dropped(pub(crate) &'static str, pub(crate) EventLog<(&'static str, ThreadId)>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.1.add((self.0, thread::current().id()));
    }
}

/// A reactor that stands still, with its clock.
pub(crate) fn manual() -> (ManualClock, Reactor) {
    let clock = ManualClock::new();
    let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
    (clock, reactor)
}

/// Runs what can be run without time passing.
pub(crate) fn settle(clock: &ManualClock) {
    clock.advance(Duration::ZERO);
}

/// Runs the reactor for one turn, started and stopped as it should be.
pub(crate) fn run_briefly(reactor: &Reactor) {
    reactor.call_soon(Reactor::stop);
    reactor.run().unwrap();
}

/// Runs `body` on another thread, which must not panic.
pub(crate) fn elsewhere(body: impl FnOnce() + Send + 'static) {
    thread::Builder::new().spawn(body).unwrap().join().unwrap();
}

/// What must not be reached, in a place that wants a value.
pub(crate) fn never() {
    unreachable!("it was cancelled before");
}
