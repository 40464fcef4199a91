//! Eight foreign threads on all bridges while the reactor stops and starts (I2).

use crate::support::foreign;
use ropewalk_deferred::{Cancelled, Deferred, TimedOut};
use ropewalk_reactor::{Reactor, ReactorHandle, ReactorStopped};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{SubmitError, SubmitErrorKind};
use ropewalk_threads::{HandleThreads as _, ReactorThreads as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

const THREADS: u64 = 8;
const ROUNDS: u64 = 300;

/// Counts the outcomes of one call, and says at the end that there was one.
#[derive(Clone, Default)]
struct Outcome(Arc<AtomicU32>);

impl Outcome {
    fn came(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// The outcome of a closure that runs, or is handed back; if it is dropped, that is seen too.
struct Once(Outcome, bool);

impl Once {
    fn run(mut self) {
        self.1 = true;
        self.0.came();
    }
}

impl Drop for Once {
    fn drop(&mut self) {
        if !self.1 {
            self.0.came();
        }
    }
}

/// Asks everything once; gives the outcomes that may come later.
fn ask_everything(handle: &ReactorHandle, n: u64, answered: &AtomicU64) -> Vec<Outcome> {
    let outcomes: Vec<Outcome> = (0..3).map(|_| Outcome::default()).collect();
    let once = |index: usize| Once(outcomes[index].clone(), false);

    let called = once(0);
    if let Err(refused) = handle.call_from_thread(move |_| called.run()) {
        drop(refused.into_inner());
    }
    let job = once(1);
    if let Err(refused) = handle.call_in_thread(move || job.run()) {
        assert_eq!(refused.kind(), SubmitErrorKind::Stopped);
        drop(refused.into_inner());
    }
    let seen = |failure: &ropewalk_deferred::Failure| {
        let refused = failure.downcast_ref::<SubmitError<()>>();
        let closed = refused.is_some_and(|refused| refused.kind() == SubmitErrorKind::Stopped);
        assert!(closed || failure.is::<ReactorStopped>(), "{failure:?}");
    };
    match handle.blocking_call_from_thread(move |_| Ok(n)) {
        Ok(answer) => assert_eq!(answer, n),
        Err(failure) => seen(&failure),
    }
    let deferred = once(2);
    let answer = handle.blocking_call_from_thread(move |reactor| {
        reactor.defer_to_thread(move || {
            deferred.run();
            Ok(n + 1)
        })
    });
    match answer {
        Ok(answer) => {
            answered.fetch_add(1, Ordering::SeqCst);
            assert_eq!(answer, n + 1);
        }
        Err(failure) => seen(&failure),
    }
    let cancelled = handle.eventually(|_| Deferred::<()>::new().1.add_errback(|_| ()));
    cancelled.cancel();
    if let Err(failure) = cancelled.wait() {
        assert!(failure.is::<Cancelled>() || failure.is::<ReactorStopped>(), "{failure:?}");
    }
    let timed = handle.blocking_call_from_thread_timeout(Duration::ZERO, |_| ());
    if let Err(failure) = timed {
        assert!(failure.is::<TimedOut>() || failure.is::<ReactorStopped>(), "{failure:?}");
    }
    if n % 3 == 0 {
        handle.stop();
    }
    outcomes
}

#[test]
fn i2_every_call_has_exactly_one_outcome_while_the_reactor_stops_and_starts() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (finished, answered) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let over = Arc::new(AtomicBool::new(false));
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let (handle, answered) = (reactor.handle(), Arc::clone(&answered));
                let finished = Arc::clone(&finished);
                foreign(move || {
                    let ask = |n| ask_everything(&handle, n, &answered);
                    let outcomes: Vec<Outcome> = (0..ROUNDS).flat_map(ask).collect();
                    finished.fetch_add(1, Ordering::SeqCst);
                    // The last one to finish cannot be waited for by a reactor that sleeps.
                    handle.stop();
                    outcomes
                })
            })
            .collect();
        let mut runs = 0;
        while finished.load(Ordering::SeqCst) < THREADS {
            // The end of a run that nobody asks to end.
            reactor.call_later(Duration::from_millis(20), |reactor| reactor.stop());
            reactor.run().unwrap();
            runs += 1;
        }
        over.store(true, Ordering::SeqCst);
        let outcomes: Vec<Outcome> =
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        drop(reactor);
        assert_eq!(outcomes.len() as u64, THREADS * ROUNDS * 3);
        for outcome in &outcomes {
            assert_eq!(outcome.0.load(Ordering::SeqCst), 1);
        }
        assert!(runs > 1, "the reactor stopped and started");
        assert!(answered.load(Ordering::SeqCst) > 0);
    });
}
