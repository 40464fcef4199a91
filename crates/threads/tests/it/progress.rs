//! Jobs that tell the reactor how far they have come.

use crate::log;
use crate::manual_pool::by_hand;
use crate::support::{Drops, OnDrop, Refused, must_not_run, peek, run_for, taken};
use ropewalk_deferred::Panicked;
use ropewalk_reactor::{PanicPolicy, Reactor, RunError};
use ropewalk_testing::{DEADLINE, EventLog, within};
use ropewalk_threadpool::{CancelToken, ThreadPool, blocking};
use ropewalk_threads::{HandleThreads as _, ReactorThreads as _};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

#[test]
fn progress_comes_in_order_once_a_turn_and_all_of_it_before_the_result() {
    within(DEADLINE, || {
        const STEPS: u32 = 20_000;
        let reactor = Reactor::new().unwrap();
        let (here, heard) = (thread::current().id(), Rc::new(RefCell::new(Vec::new())));
        let log = Rc::clone(&heard);
        let deferred = reactor.defer_to_thread_with(
            move |reactor: &Reactor, step: u32| {
                let is_here = thread::current().id() == here;
                log.borrow_mut().push((step, reactor.stats().turns, is_here));
            },
            |job| {
                (1..=STEPS).for_each(|step| assert!(job.report(step)));
                Ok("done")
            },
        );
        let seen = Rc::clone(&heard);
        let before = deferred.map(move |_| seen.borrow().clone());
        let before = run_for(&reactor, before).unwrap();
        assert_eq!(before, *heard.borrow(), "nothing comes after the result");
        assert_eq!(before.last().unwrap().0, STEPS);
        assert!(before.is_sorted_by(|one, next| one.0 < next.0 && one.1 < next.1));
        assert!(before.iter().all(|&(_, _, is_here)| is_here));
    });
}

/// The job runs on the reactor thread itself: what it reports is heard later all the same.
#[test]
fn a_million_reports_are_one_callback_in_a_later_turn() {
    within(DEADLINE, || {
        let (clock, reactor, manual) = by_hand();
        let log = EventLog::new();
        let (heard, done) = (log.clone(), log.clone());
        reactor
            .defer_to_thread_with(
                move |_, step: u32| heard.add(step.to_string()),
                |job| {
                    (0..1_000_000).for_each(|step| assert!(job.report(step)));
                    Ok("done")
                },
            )
            .map(move |result| done.add(result))
            .detach();
        assert!(manual.run_next());
        assert_eq!(log.take(), [""; 0], "not inside of the job");
        let calls = reactor.stats().pending_calls;
        assert!(calls <= 3, "one for the progress, one for the result: {calls}");
        clock.advance(Duration::ZERO);
        assert_eq!(log.take(), ["999999", "done"]);
        clock.advance(Duration::from_secs(1));
        assert_eq!((log.take(), reactor.stats().panics), (vec![], 0));
    });
}

/// Between two reports the reactor has turned: each is heard.
#[test]
fn a_value_that_was_heard_is_not_replaced() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (sender, receiver) = channel();
        let heard = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&heard);
        let deferred = reactor.defer_to_thread_with(
            move |_, word: &str| {
                log.borrow_mut().push(word);
                sender.send(()).unwrap();
            },
            move |job| {
                for word in ["one", "two", "three"] {
                    job.report(word);
                    receiver.recv()?;
                }
                Ok(())
            },
        );
        run_for(&reactor, deferred).unwrap();
        assert_eq!(*heard.borrow(), ["one", "two", "three"]);
    });
}

#[test]
fn a_job_that_fails_or_panics_is_heard_before_it_fails() {
    within(DEADLINE, || {
        let (clock, reactor, manual) = by_hand();
        let log = EventLog::new();
        let (heard, failed) = (log.clone(), log.clone());
        let fails = reactor.defer_to_thread_with(
            move |_, word: &str| heard.add(word),
            |job| {
                job.report("before it fails");
                Err::<(), _>(Refused(3).into())
            },
        );
        let fails = peek(fails.add_both(move |result| {
            failed.add("failed");
            result
        }));
        let (heard, panicked) = (log.clone(), log.clone());
        let panics = reactor.defer_to_thread_with(
            move |_, word: &str| heard.add(word),
            |job| -> () {
                job.report("before it panics");
                panic!("after its report");
            },
        );
        let panics = peek(panics.add_both(move |result| {
            panicked.add("panicked");
            result
        }));
        assert_eq!(manual.run_all(), 2);
        clock.advance(Duration::ZERO);
        assert_eq!(log.take(), ["before it fails", "failed", "before it panics", "panicked"]);
        assert_eq!(taken(&fails).unwrap_err().downcast_ref(), Some(&Refused(3)));
        assert!(taken(&panics).unwrap_err().is::<Panicked>());
        assert_eq!(manual.pool().stats().panicked, 1, "the pool knows of it, too");
    });
}

#[test]
fn a_job_that_reports_nothing_has_its_result_only() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let dropped = Drops::default();
        let witness = dropped.witness();
        let deferred = reactor.defer_to_thread_with(
            move |_, ()| must_not_run(&witness),
            |job| Ok(job.is_cancelled() || job.check_cancelled().is_err()),
        );
        assert!(!run_for(&reactor, deferred).unwrap());
        assert_eq!((dropped.count(), reactor.stats().panics), (1, 0));
    });
}

#[test]
fn progress_comes_from_any_pool_from_blocking_and_from_the_threads_of_a_scope() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let pool = ThreadPool::builder().max_threads(1).build().unwrap();
        pool.start().unwrap();
        let (heard, handle) = (Rc::new(Cell::new(0)), reactor.handle());
        let last = Rc::clone(&heard);
        let deferred = reactor.defer_to_thread_pool_with(
            &pool,
            move |_, step: u32| last.set(step),
            move |job| {
                blocking(|| job.report(1));
                // The calls of one thread run in order: this one comes behind that of the report.
                handle.blocking_call_from_thread(|_| ())?;
                thread::scope(|scope| {
                    scope.spawn(|| job.report(2));
                });
                Ok(())
            },
        );
        let last = Rc::clone(&heard);
        assert_eq!(run_for(&reactor, deferred.map(move |()| last.get())).unwrap(), 2);
        pool.stop();
    });
}

#[test]
fn the_job_has_the_token_of_its_thread() {
    within(DEADLINE, || {
        let (clock, reactor, manual) = by_hand();
        let place = peek(reactor.defer_to_thread_with(
            |_, ()| (),
            |job| {
                let before = (job.is_cancelled(), CancelToken::current().is_cancelled());
                manual_text(job);
                Ok((before, job.cancel_token().is_cancelled()))
            },
        ));
        assert!(manual.run_next());
        clock.advance(Duration::ZERO);
        assert_eq!(taken(&place).unwrap(), ((false, false), false));
    });
}

/// How it is shown, in a function of its own: the type can be named.
fn manual_text(job: &ropewalk_threads::ReportingJob<()>) {
    let text = format!("{job:?}");
    assert!(text.contains(file!()) && text.contains("is_heard: true"), "{text}");
}

/// W21's kin: the callback asks for what a callback may ask for.
#[test]
fn i5_the_callback_may_ask_for_jobs_and_use_the_current_reactor() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let inner = Rc::new(RefCell::new(Vec::new()));
        let places = Rc::clone(&inner);
        let deferred = reactor.defer_to_thread_with(
            move |reactor, step: u32| {
                let with = reactor.defer_to_thread_with(|_, ()| (), move |_| Ok(step));
                places.borrow_mut().push(peek(with));
                Reactor::with_current(|reactor| reactor.call_soon(|_| ())).unwrap();
                reactor.suggest_thread_pool_size(3).unwrap();
            },
            |job| {
                job.report(7);
                Ok(())
            },
        );
        run_for(&reactor, deferred).unwrap();
        assert_eq!(taken(&inner.borrow()[0]).unwrap(), 7);
    });
}

/// A value that is replaced is dropped while others may report: its drop waits for one of them.
#[test]
fn i5_a_value_is_dropped_outside_of_the_lock() {
    within(DEADLINE, || {
        let (clock, reactor, manual) = by_hand();
        let place = peek(reactor.defer_to_thread_with(
            |_, _: OnDrop<Box<dyn FnOnce() + Send>>| (),
            |job| {
                let ((dropped, is_dropped), (reported, has_reported)) = (channel(), channel());
                thread::scope(|scope| {
                    scope.spawn(move || {
                        is_dropped.recv()?;
                        job.report(OnDrop::new(Box::new(|| ())));
                        reported.send(())?;
                        Ok::<_, ropewalk_deferred::Failure>(())
                    });
                    job.report(OnDrop::new(Box::new(move || {
                        dropped.send(()).unwrap();
                        has_reported.recv().unwrap();
                    })));
                    job.report(OnDrop::new(Box::new(|| ())));
                });
                Ok(())
            },
        ));
        assert!(manual.run_next());
        clock.advance(Duration::ZERO);
        taken(&place).unwrap();
    });
}

#[test]
fn i3_a_callback_that_panics_is_reported_once_and_the_job_goes_on() {
    within(DEADLINE, || {
        log::keep();
        let reactor = Reactor::new().unwrap();
        let (calls, dropped) = (Rc::new(Cell::new(0)), Drops::default());
        let (count, witness) = (Rc::clone(&calls), dropped.witness());
        let (sender, receiver) = channel();
        let line = line!() + 1;
        let deferred = reactor.defer_to_thread_with(
            move |_, ()| {
                let _witness = &witness;
                count.set(count.get() + 1);
                let tell = sender.clone();
                // Told when the panic has left the callback behind.
                Reactor::with_current(|reactor| reactor.call_soon(move |_| tell.send(()).unwrap()));
                panic!("in a progress callback");
            },
            move |job| {
                let first = job.report(());
                receiver.recv()?;
                Ok((first, job.report(()), job.is_cancelled()))
            },
        );
        let gone = Rc::new(Cell::new(0));
        let at_the_result = Rc::clone(&gone);
        let deferred = deferred.map(move |result| {
            at_the_result.set(dropped.count());
            result
        });
        let result = run_for(&reactor, deferred).unwrap();
        assert_eq!(result, (true, false, false), "nobody listens, but the result is wanted");
        assert_eq!((calls.get(), gone.get(), reactor.stats().panics), (1, 1, 1));
        let lines = log::lines("ERROR", "in a progress callback");
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains(&format!("{}:{line}", file!())), "{lines:?}");
    });
}

#[test]
fn i3_the_panic_policy_holds_for_progress() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().panic_policy(PanicPolicy::Stop).build().unwrap();
        let place = peek(reactor.defer_to_thread_with(
            |_, ()| panic!("in a progress callback"),
            |job| {
                job.report(());
                Ok(3)
            },
        ));
        let error = reactor.run().unwrap_err();
        assert!(matches!(error, RunError::Panicked { .. }), "{error}");
        assert_eq!(taken(&place).unwrap(), 3, "the shutdown waits for the job");
    });
}

#[test]
fn i3_captures_and_values_that_panic_when_dropped_harm_nobody() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let captured = OnDrop::new(|| panic!("in the drop of a progress callback"));
        let deferred = reactor.defer_to_thread_with(
            move |_, ()| {
                let _captured = &captured;
            },
            |job| {
                job.report(());
                Ok(3)
            },
        );
        assert_eq!(run_for(&reactor, deferred).unwrap(), 3);

        let (clock, reactor, manual) = by_hand();
        let value = OnDrop::new(|| panic!("in the drop of a value that nobody has heard"));
        let captured = OnDrop::new(|| panic!("and in that of the callback"));
        let deferred = reactor.defer_to_thread_with(
            move |_, _| {
                let _captured = &captured;
                unreachable!("cancelled before")
            },
            move |job| {
                job.report(value);
                Ok(3)
            },
        );
        let canceller = deferred.canceller();
        let place = peek(deferred);
        assert!(manual.run_next());
        canceller.cancel();
        clock.advance(Duration::ZERO);
        assert!(taken(&place).unwrap_err().is::<ropewalk_deferred::Cancelled>());
    });
}

/// In reports it is the user's code that has to be found, not what the bridge makes of it.
#[test]
fn w29_a_reporting_job_is_named_after_its_own_closure() {
    within(DEADLINE, || {
        let (reactor, own) = (Reactor::new().unwrap(), ThreadPool::builder().build().unwrap());
        own.start().unwrap();
        let names_in = |pool: &ThreadPool| {
            let jobs = pool.running_jobs();
            Ok(jobs.iter().map(|job| job.name.to_owned()).collect::<Vec<_>>())
        };
        let (there, here) = (own.clone(), reactor.thread_pool());
        let there = reactor.defer_to_thread_pool_with(&own, |_, ()| (), move |_| names_in(&there));
        let here = reactor.defer_to_thread_with(|_, ()| (), move |_| names_in(&here));
        let both = run_for(&reactor, ropewalk_deferred::gather_results([there, here])).unwrap();
        for names in both {
            let [name] = &names[..] else { panic!("one job for each pool: {names:?}") };
            let own_name = concat!(module_path!(), "::w29_a_reporting_job_is_named");
            assert!(name.starts_with(own_name), "{name}");
        }
        own.stop();
    });
}
