//! Cancelling what somebody may just be about to run.

use loom::thread;

use super::{Count, accounted, pool, unstarted};
use crate::JobState;

/// A job is cancelled or run, never both and never neither.
#[test]
fn a_cancellation_against_the_worker() {
    loom::model(|| {
        let (pool, ran) = (pool(1), Count::default());
        let handle = pool.call_in_thread(ran.up()).unwrap();
        let cancelled = handle.cancel();
        pool.stop();
        assert_eq!(ran.get(), usize::from(!cancelled));
        let stats = pool.stats();
        assert_eq!(
            (stats.cancelled, stats.completed),
            (u64::from(cancelled), u64::from(!cancelled))
        );
    });
}

/// I2: the same with a worker that claims it without the lock, and a snapshot at any time.
#[test]
fn a_cancellation_against_a_claim_in_a_batch() {
    loom::model(|| {
        let pool = unstarted(1);
        let counts = [(); 3].map(|()| Count::default());
        let [_, second, third] =
            counts.each_ref().map(|count| pool.call_in_thread(count.up()).unwrap());
        pool.start().unwrap();
        let cancelled = [second.cancel(), third.cancel()];
        assert_eq!(accounted(&pool.stats()), 3);
        pool.stop();
        let ran = counts.each_ref().map(Count::get);
        assert_eq!(ran, [1, usize::from(!cancelled[0]), usize::from(!cancelled[1])]);
        let stats = pool.stats();
        assert_eq!(stats.cancelled, cancelled.into_iter().map(u64::from).sum());
        assert_eq!((accounted(&stats), stats.queued, stats.busy), (3, 0, 0));
    });
}

/// Of two who cancel the same job one at most has done it.
#[test]
fn two_cancellations_against_the_worker() {
    loom::model(|| {
        let (pool, ran) = (pool(1), Count::default());
        let handle = pool.call_in_thread(ran.up()).unwrap();
        let other = handle.clone();
        let other = thread::spawn(move || other.cancel());
        let cancelled = [handle.cancel(), other.join().unwrap()];
        pool.stop();
        let cancelled: usize = cancelled.into_iter().map(usize::from).sum();
        assert_eq!(cancelled + ran.get(), 1);
        let cancelled_state = handle.state() == JobState::Cancelled;
        assert_eq!(cancelled_state, cancelled == 1);
    });
}
