//! Reactors that their owners have dropped, and to which somebody has a reference that lasts.

use crate::support::{Drops, foreign, must_not_run};
use ropewalk_reactor::{Reactor, ReactorRef, ReactorStopped};
use ropewalk_testing::{DEADLINE, failure_as, within};
use ropewalk_threadpool::{SubmitErrorKind, ThreadPool};
use ropewalk_threads::{HandleThreads as _, ReactorThreads as _};

fn gone() -> ReactorRef {
    let reactor = Reactor::new().unwrap();
    reactor.downgrade().upgrade().unwrap()
}

#[test]
fn i2_jobs_of_a_reactor_that_is_gone_are_refused_and_dropped() {
    within(DEADLINE, || {
        let (gone, dropped) = (gone(), Drops::default());
        let pool = ThreadPool::builder().build().unwrap();
        pool.start().unwrap();
        let witness = || dropped.witness();
        let (one, two, three) = (witness(), witness(), witness());
        failure_as::<ReactorStopped, _>(gone.defer_to_thread(move || must_not_run(&one)));
        failure_as::<ReactorStopped, _>(
            gone.defer_to_thread_pool(&pool, move || must_not_run(&two)),
        );
        let listens = witness();
        let hears = move |_: &Reactor, ()| {
            let _ = &listens;
        };
        let reports = gone.defer_to_thread_with(hears, move |_| must_not_run(&three));
        failure_as::<ReactorStopped, _>(reports);
        assert_eq!(dropped.count(), 4);
        let refused = gone.call_in_thread(|| ()).unwrap_err();
        assert_eq!(refused.kind(), SubmitErrorKind::Stopped);
        pool.stop();
    });
}

#[test]
fn i4_nobody_waits_for_a_reactor_that_is_gone() {
    within(DEADLINE, || {
        let gone = gone();
        let handle = gone.handle();
        let waits = foreign(move || handle.blocking_call_from_thread(|_| ()));
        let failure = waits.join().unwrap().unwrap_err();
        assert!(failure.is::<ReactorStopped>(), "{failure:#}");
        drop(gone);
    });
}
