//! What the result of a job runs is named by the line that asked for the job.
//!
//! Time is real here, and other processes may take any amount of it. So what is to be slow keeps
//! the thread busy for as long as it takes, and all else that is reported is chance.

use crate::support::run_for;
use crate::watchdog::watchdog;
use ropewalk_deferred::{Deferred, gather_results};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, capture_tracing, within};
use ropewalk_threadpool::ThreadPool;
use ropewalk_threads::{HandleThreads as _, ReactorThreads as _};
use std::panic::Location;
use std::time::{Duration, Instant};
use tracing::Level;

const THRESHOLD: Duration = Duration::from_millis(1);

/// Keeps the thread for as long as is slow.
fn busy(_: u32) {
    let begun = Instant::now();
    while begun.elapsed() <= THRESHOLD {}
}

/// The places of what was slow, by its kind.
fn slow(kind: &str, code: impl FnOnce()) -> Vec<String> {
    let warnings = capture_tracing(code).into_iter().filter(|one| one.level == Level::WARN);
    let ours = warnings.filter(|one| one.field("kind") == Some(kind));
    ours.map(|one| one.field("location").unwrap().to_owned()).collect()
}

fn is_at(place: &str, line: u32) -> bool {
    place.starts_with(&format!("{}:{line}:", file!()))
}

#[test]
fn a_slow_callback_of_a_result_is_named_by_the_line_of_its_job() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().slow_callback(THRESHOLD).build().unwrap();
        let pool = ThreadPool::builder().name("private").build().unwrap();
        pool.start().unwrap();
        let mut line = 0;
        let places = slow("result", || {
            line = line!();
            let first = reactor.defer_to_thread(|| Ok(1)).map(busy);
            let second = reactor.defer_to_thread_pool(&pool, || Ok(2)).map(busy);
            let panics = || -> ropewalk_deferred::Result<u32> { panic!("a bug") };
            let third = reactor.defer_to_thread(panics).add_errback(|_| Ok(3)).map(busy);
            run_for(&reactor, gather_results([first, second, third])).unwrap();
        });
        for job in [1, 2, 4] {
            assert!(places.iter().any(|place| is_at(place, line + job)), "{places:?}");
        }
        assert!(places.iter().all(|place| place.starts_with(file!())), "{places:?}");
        pool.stop();
    });
}

#[test]
fn a_callback_of_a_result_that_blocks_is_named_by_the_line_of_its_job() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (builder, reports) = watchdog();
        let watchdog = builder.watch(&reactor.handle()).spawn().unwrap();
        let is_here = |at: &Location<'_>, line| at.file() == file!() && at.line() == line;
        let line = line!() + 1;
        let kind = reactor.defer_to_thread(|| Ok(())).map(move |()| {
            reports.wait(|report| {
                report.blocked.iter().find(|one| is_here(one.location, line)).map(|one| one.kind)
            })
        });
        assert_eq!(run_for(&reactor, kind).unwrap(), "result");
        watchdog.stop();
    });
}

#[test]
fn slow_progress_is_named_by_the_line_of_its_job() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().slow_callback(THRESHOLD).build().unwrap();
        let mut line = 0;
        let places = slow("progress", || {
            line = line!() + 2;
            let deferred =
                reactor.defer_to_thread_with(|_, step| busy(step), |job| Ok(job.report(1)));
            run_for(&reactor, deferred).unwrap();
        });
        assert!(places.iter().any(|place| is_at(place, line)), "{places:?}");
    });
}

/// A cancellation runs callbacks, too.
#[test]
fn a_slow_callback_of_a_cancelled_answer_is_named_by_the_line_that_cancels() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().slow_callback(THRESHOLD).build().unwrap();
        let mut line = 0;
        let places = slow("call", || {
            let answer = reactor.handle().eventually(|_| {
                let (promise, deferred) = Deferred::<u32>::new();
                deferred.add_both(move |_| busy(promise.is_cancelled().into()))
            });
            reactor.turn(Some(Duration::ZERO)).unwrap();
            line = line!() + 1;
            answer.cancel();
            reactor.turn(Some(Duration::ZERO)).unwrap();
        });
        assert!(places.iter().any(|place| is_at(place, line)), "{places:?}");
    });
}
