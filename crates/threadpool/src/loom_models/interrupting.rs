//! Hooks of a job against those who cancel it, those who take them back, and its end.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use loom::thread;

use super::{Count, Gate, builder, pool, run_through};
use crate::sync::{AtomicBool, Mutex, lock};
use crate::{CancelToken, JobHandle};

/// What a thread does next, which a hook must not hit. Relaxed, so that only the hook itself can see to
/// the one coming after the other. The pool would contain a failed assertion: so fouls are counted.
#[derive(Clone, Default)]
struct Target {
    under_way: Arc<AtomicBool>,
    is_over: Arc<AtomicBool>,
    fouls: Count,
}

impl Target {
    /// The hook: it is under way for a while.
    fn hit(&self) {
        self.under_way.store(true, Relaxed);
        self.foul_if(&self.is_over);
        self.under_way.store(false, Relaxed);
    }

    /// The hook has been taken back.
    fn pass(&self) {
        self.foul_if(&self.under_way);
        self.is_over.store(true, Relaxed);
    }

    fn foul_if(&self, flag: &AtomicBool) {
        if flag.load(Relaxed) {
            self.fouls.up()();
        }
    }
}

/// Runs `work` in a job that so many threads cancel meanwhile. In a pool without threads: so the
/// few preemptions that a model has are not spent on how the job gets to a worker.
fn cancelled_by(cancellers: usize, work: impl FnOnce() + Send + 'static) {
    let manual = builder(1).manual().unwrap();
    manual.pool().start().unwrap();
    let handle = Arc::new(OnceLock::<JobHandle>::new());
    let own = Arc::clone(&handle);
    let job = move || {
        let cancel = || {
            let handle = own.get().unwrap().clone();
            thread::spawn(move || assert!(!handle.cancel(), "it runs"))
        };
        let cancellers: Vec<_> = (0..cancellers).map(|_| cancel()).collect();
        work();
        cancellers.into_iter().for_each(|canceller| canceller.join().unwrap());
    };
    assert!(handle.set(manual.pool().call_in_thread(job).unwrap()).is_ok());
    assert!(manual.run_next());
    assert_eq!(manual.pool().stats().completed, 1);
}

/// Of one or two who cancel, one calls it, or nobody, and not after it was taken back.
fn cancellations_against_taking_back(cancellers: usize) {
    let (called, target) = (Count::default(), Target::default());
    let (counts, hits, passes) = (called.up(), target.clone(), target.clone());
    cancelled_by(cancellers, move || {
        let hook = CancelToken::current().on_cancel(move || {
            hits.hit();
            counts();
        });
        drop(hook);
        passes.pass();
    });
    assert_eq!(target.fouls.get(), 0);
    assert!(called.get() <= 1);
}

#[test]
fn a_cancellation_against_taking_back() {
    loom::model(|| cancellations_against_taking_back(1));
}

#[test]
fn two_cancellations_against_taking_back() {
    loom::model(|| cancellations_against_taking_back(2));
}

/// A job that only its hook lets go on, which counts its calls.
fn waits_for_its_hook(called: &Count) -> impl FnOnce() + Send + 'static {
    let (gate, counts) = (Gate::new(), called.up());
    let opens = Arc::clone(&gate);
    move || {
        let hook = CancelToken::current().on_cancel(move || {
            counts();
            opens.open();
        });
        gate.pass();
        drop(hook);
    }
}

/// One of the two sees the other.
#[test]
fn two_cancellations_against_setting() {
    loom::model(|| {
        let called = Count::default();
        cancelled_by(2, waits_for_its_hook(&called));
        assert_eq!(called.get(), 1);
    });
}

/// A job that nobody else lets go on is let go on: whether it sets the hook first, or is cancelled
/// first.
#[test]
fn a_cancellation_against_setting() {
    loom::model(|| {
        let (pool, called) = (pool(1), Count::default());
        let handle = pool.call_in_thread(waits_for_its_hook(&called)).unwrap();
        let withdrawn = handle.cancel();
        pool.stop();
        assert_eq!(called.get(), usize::from(!withdrawn));
    });
}

/// The same when all that run are told.
#[test]
fn a_stop_now_against_setting() {
    loom::model(|| {
        let (pool, called) = (pool(1), Count::default());
        pool.call_in_thread(waits_for_its_hook(&called)).unwrap();
        let returned = pool.stop_now().len();
        pool.stop();
        assert_eq!(called.get() + returned, 1);
    });
}

/// One hook is taken back by the other, or with it.
#[test]
fn two_hooks_against_a_cancellation() {
    loom::model(|| {
        let called = [(); 2].map(|()| Count::default());
        let [first_counts, second_counts] = called.each_ref().map(Count::up);
        let target = Target::default();
        let [hits, passes, passes_at_last] = [(); 3].map(|()| target.clone());
        cancelled_by(1, move || {
            let token = CancelToken::current();
            let first = token.on_cancel(move || {
                hits.hit();
                first_counts();
            });
            let second = token.on_cancel(move || {
                drop(first);
                passes.pass();
                second_counts();
            });
            drop(second);
            passes_at_last.pass();
        });
        assert_eq!(target.fouls.get(), 0);
        assert!(called.iter().all(|count| count.get() <= 1));
    });
}

/// Two threads have a hook each, and one of them is the job's.
#[test]
fn a_hook_of_another_thread_against_a_cancellation() {
    loom::model(|| {
        let targets = [(); 2].map(|()| Target::default());
        let works = targets.clone().map(|target| {
            move |token: &CancelToken| {
                let hits = target.clone();
                drop(token.on_cancel(move || hits.hit()));
                target.pass();
            }
        });
        cancelled_by(1, move || {
            let [here, there] = works;
            let token = CancelToken::current();
            let same = token.clone();
            let other = thread::spawn(move || there(&same));
            here(&token);
            other.join().unwrap();
        });
        assert_eq!(targets.map(|target| target.fouls.get()), [0; 2]);
    });
}

/// One that is set elsewhere while the job ends is dropped all the same, and never called.
#[test]
fn setting_against_the_end_of_the_job() {
    loom::model(|| {
        let (pool, tokens, gate) = (pool(1), Arc::new(Mutex::new(None)), Gate::new());
        let (own, opens) = (Arc::clone(&tokens), Arc::clone(&gate));
        let job = move || {
            *lock(&own) = Some(CancelToken::current());
            opens.open();
        };
        let handle = pool.call_in_thread(job).unwrap();
        gate.pass();
        let token = lock(&tokens).take().unwrap();
        let captured = Arc::new(());
        let weak = Arc::downgrade(&captured);
        let hook = token.on_cancel(move || panic!("{captured:?}"));
        run_through(&handle);
        pool.stop();
        assert!(weak.upgrade().is_none(), "the end of the job has dropped it");
        drop(hook);
    });
}

/// A pause that nothing but a cancellation ends.
#[test]
fn a_cancellation_against_a_pause() {
    loom::model(|| {
        let pool = pool(1);
        let pause = || assert!(CancelToken::current().wait_timeout(Duration::MAX));
        let handle = pool.call_in_thread(pause).unwrap();
        handle.cancel();
        pool.stop();
        assert_eq!(pool.stats().panicked, 0);
    });
}
