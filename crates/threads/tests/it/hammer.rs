//! Eight foreign threads on all bridges while the reactor stops and starts (I2).
//!
//! Between two runs everything is refused, and a round takes no time. So the rounds alone do not see
//! to it that the reactor takes part: the threads go on until it has.

use crate::support::foreign;
use ropewalk_deferred::{Cancelled, Deferred, TimedOut};
use ropewalk_reactor::{Reactor, ReactorHandle, ReactorStopped};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{SubmitError, SubmitErrorKind};
use ropewalk_threads::{HandleThreads as _, ReactorThreads as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

const THREADS: u64 = 8;
const ROUNDS: u64 = 300;

/// How far the reactor has come.
#[derive(Default)]
struct Seen {
    runs: AtomicU64,
    answers: AtomicU64,
}

impl Seen {
    fn is_enough(&self) -> bool {
        self.runs.load(Ordering::SeqCst) > 1 && self.answers.load(Ordering::SeqCst) > 0
    }
}

/// Counts what became of one closure.
#[derive(Clone, Default)]
struct Outcome {
    ran: Arc<AtomicU32>,
    dropped: Arc<AtomicU32>,
    /// It was accepted where nothing but running it will do.
    must_run: Arc<AtomicBool>,
}

impl Outcome {
    fn accepted(&self) {
        self.must_run.store(true, Ordering::SeqCst);
    }

    #[track_caller]
    fn check(&self) {
        let counts = || (self.ran.load(Ordering::SeqCst), self.dropped.load(Ordering::SeqCst));
        // A job that its pool accepted as the run ended may still be on its way.
        while counts() == (0, 0) {
            thread::yield_now();
        }
        let counts = counts();
        if self.must_run.load(Ordering::SeqCst) {
            assert_eq!(counts, (1, 0));
        } else {
            assert!(matches!(counts, (1, 0) | (0, 1)), "{counts:?}");
        }
    }
}

/// What a closure captures: it runs, or is dropped.
struct Once(Option<Outcome>);

impl Once {
    fn run(mut self) {
        self.0.take().unwrap().ran.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Once {
    fn drop(&mut self) {
        if let Some(outcome) = self.0.take() {
            outcome.dropped.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Asks everything once; gives the outcomes that may come later.
fn ask_everything(handle: &ReactorHandle, n: u64, seen: &Seen) -> Vec<Outcome> {
    let outcomes: Vec<Outcome> = (0..3).map(|_| Outcome::default()).collect();
    let once = |index: usize| Once(Some(outcomes[index].clone()));

    let called = once(0);
    match handle.call_from_thread(move |_| called.run()) {
        Ok(()) => outcomes[0].accepted(),
        Err(refused) => drop(refused.into_inner()),
    }
    let job = once(1);
    match handle.call_in_thread(move || job.run()) {
        Ok(_) => outcomes[1].accepted(),
        Err(refused) => {
            assert_eq!(refused.kind(), SubmitErrorKind::Stopped);
            drop(refused.into_inner());
        }
    }
    let is_end = |failure: &ropewalk_deferred::Failure| {
        let refused = failure.downcast_ref::<SubmitError<()>>();
        let closed = refused.is_some_and(|refused| refused.kind() == SubmitErrorKind::Stopped);
        assert!(closed || failure.is::<ReactorStopped>(), "{failure:?}");
    };
    match handle.blocking_call_from_thread(move |_| Ok(n)) {
        Ok(answer) => assert_eq!(answer, n),
        Err(failure) => is_end(&failure),
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
            seen.answers.fetch_add(1, Ordering::SeqCst);
            assert_eq!(answer, n + 1);
        }
        Err(failure) => is_end(&failure),
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
    // Those that only go on until it has answered must let it.
    if n % 3 == 0 && n < ROUNDS {
        handle.stop();
    }
    outcomes
}

#[test]
fn i2_every_call_has_exactly_one_outcome_while_the_reactor_stops_and_starts() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (finished, seen) = (Arc::<AtomicU64>::default(), Arc::<Seen>::default());
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let (handle, seen) = (reactor.handle(), Arc::clone(&seen));
                let finished = Arc::clone(&finished);
                foreign(move || {
                    let goes_on = |n: &u64| *n < ROUNDS || !seen.is_enough();
                    let ask = |n| ask_everything(&handle, n, &seen);
                    let outcomes: Vec<Outcome> = (0..).take_while(goes_on).flat_map(ask).collect();
                    finished.fetch_add(1, Ordering::SeqCst);
                    // The last one to finish cannot be waited for by a reactor that sleeps.
                    handle.stop();
                    outcomes
                })
            })
            .collect();
        while finished.load(Ordering::SeqCst) < THREADS {
            // The end of a run that nobody asks to end; later runs have time for slow threads, too.
            let limit = 20 * (seen.runs.load(Ordering::SeqCst) + 1).min(10);
            reactor.call_later(Duration::from_millis(limit), |reactor| reactor.stop());
            reactor.run().unwrap();
            seen.runs.fetch_add(1, Ordering::SeqCst);
        }
        let outcomes: Vec<Outcome> =
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        drop(reactor);
        assert!(outcomes.len() as u64 >= THREADS * ROUNDS * 3);
        outcomes.iter().for_each(Outcome::check);
    });
}
