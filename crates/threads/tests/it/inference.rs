//! Closures that need no type annotation: `()`, `Ok(value)`, `?`, and a deferred.

use crate::support::{run_for, taken};
use ropewalk_deferred::Deferred;
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threads::{HandleThreads as _, ReactorThread, ReactorThreads as _, ReportingJob};
use std::num::ParseIntError;

#[test]
fn a_job_returns_nothing_a_value_or_what_a_question_mark_lets_through() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let nothing = crate::support::peek(reactor.defer_to_thread(|| ()));
        let block = crate::support::peek(reactor.defer_to_thread(|| {
            let _ = 1 + 2;
        }));
        let value = crate::support::peek(reactor.defer_to_thread(|| Ok("value")));
        let parsed = reactor.defer_to_thread(|| {
            let number: u32 = "not a number".parse()?;
            Ok(number)
        });
        let failure = run_for(&reactor, parsed).unwrap_err();
        assert!(failure.is::<ParseIntError>());
        taken(&nothing).unwrap();
        taken(&block).unwrap();
        assert_eq!(taken(&value).unwrap(), "value");
    });
}

#[test]
fn a_blocking_call_returns_the_same_or_a_deferred() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let handle = reactor.handle();
        handle.blocking_call_from_thread(|_| ()).unwrap();
        handle.blocking_call_from_thread(|reactor| reactor.call_soon(|_| ())).unwrap();
        assert_eq!(handle.blocking_call_from_thread(|_| Ok("value")).unwrap(), "value");
        assert_eq!(handle.blocking_call_from_thread(|_| Deferred::succeed(3)).unwrap(), 3);
        let deferred = handle.blocking_call_from_thread(|reactor| {
            reactor.defer_to_thread(|| Ok("12".parse::<u32>()?)).add_callback(|n| Ok(n + 1))
        });
        assert_eq!(deferred.unwrap(), 13);
        let failure = handle.blocking_call_from_thread(|_| Ok("twelve".parse::<u32>()?));
        assert!(failure.unwrap_err().is::<ParseIntError>());
    });
}

#[test]
fn a_job_that_reports_needs_one_type_at_most() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        // By the callback,
        let places = crate::support::peek(reactor.defer_to_thread_with(
            |reactor, percent: u32| assert!(reactor.running() && percent.is_power_of_two()),
            |job| {
                job.check_cancelled()?;
                job.report(64);
                Ok("12".parse::<u32>()?)
            },
        ));
        // or by the job,
        let nothing = crate::support::peek(reactor.defer_to_thread_with(
            |_, text| drop::<String>(text),
            |job| {
                job.report(String::from("text"));
            },
        ));
        // or by a function that has both.
        fn counts(job: &ReportingJob<u8>) -> ropewalk_deferred::Result<u8> {
            job.report(1);
            Ok(2)
        }
        let counted = reactor.defer_to_thread_with(|_, n| assert_eq!(n, 1), counts);
        assert_eq!(run_for(&reactor, counted).unwrap(), 2);
        assert_eq!(taken(&places).unwrap(), 12);
        taken(&nothing).unwrap();
        assert_eq!(reactor.stats().panics, 0);
    });
}
