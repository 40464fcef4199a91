//! Jobs whose result comes back as a deferred.

use crate::log;
use crate::support::{Drops, Refused, gated, just_above, must_not_run, peek, run_for, taken};
use ropewalk_deferred::{
    CallbackContext, Deferred, Failure, Panicked, clear_context_hook, clear_unhandled_hook,
    set_context_hook, set_unhandled_hook,
};
use ropewalk_reactor::{Reactor, ReactorStopped};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{SubmitError, SubmitErrorKind, ThreadPool};
use ropewalk_threads::{HandleThreads as _, JobDropped, ReactorThreads as _, WouldDeadlock};
use std::cell::{Cell, RefCell};
use std::error::Error as _;
use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

fn private_pool(threads: usize) -> ThreadPool {
    let pool = ThreadPool::builder().name("private").min_threads(0).max_threads(threads);
    pool.build().unwrap()
}

/// Why the pool refused the job.
#[track_caller]
fn kind(failure: &Failure) -> SubmitErrorKind {
    failure.downcast_ref::<SubmitError<()>>().expect("a refused submission").kind()
}

#[test]
fn b58_the_result_comes_back_on_the_reactor_thread() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (left, right) = (1, 2);
        let deferred = reactor.defer_to_thread(move || Ok((left + right, thread::current().id())));
        let (sum, worker) = run_for(&reactor, deferred).unwrap();
        assert_eq!(sum, 3);
        // That the callback ran here needs no look: it is not `Send`.
        assert_ne!(worker, thread::current().id());
    });
}

#[test]
fn b59_an_error_keeps_its_type() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let deferred = reactor.defer_to_thread(|| Err::<(), _>(Refused(7).into()));
        let failure = run_for(&reactor, deferred).unwrap_err();
        assert_eq!(failure.downcast_ref(), Some(&Refused(7)));
    });
}

/// Twisted has no panics; an exception of any kind becomes a `Failure` there.
#[test]
fn i3_a_panic_comes_back_with_its_text_and_where_the_job_was_submitted() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let deferred = reactor
            .defer_to_thread(|| -> ropewalk_deferred::Result<u32> { panic!("seven is {}", 7) });
        let failure = run_for(&reactor, deferred).unwrap_err();
        let panicked = failure.downcast_ref::<Panicked>().unwrap();
        assert_eq!(panicked.message(), "seven is 7");
        assert!(just_above(panicked.location()));
        // The worker lives on, and the panic is nobody else's.
        assert_eq!(reactor.stats().panics, 0);
    });
}

#[test]
fn b61_a_private_pool_does_the_same_and_is_left_alone() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let pool = private_pool(1);
        pool.start().unwrap();
        let inside = pool.clone();
        let deferred = reactor.defer_to_thread_pool(&pool, move || Ok(inside.is_worker()));
        assert!(run_for(&reactor, deferred).unwrap());
        // Its owner stops it, not the reactor.
        assert!(pool.call_in_thread(|| ()).is_ok());
        pool.stop();
    });
}

#[test]
fn b61_a_failure_on_a_private_pool_keeps_its_type() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let pool = private_pool(1);
        pool.start().unwrap();
        let deferred = reactor.defer_to_thread_pool(&pool, || Err::<(), _>(Refused(8).into()));
        let failure = run_for(&reactor, deferred).unwrap_err();
        assert_eq!(failure.downcast_ref(), Some(&Refused(8)));
        pool.stop();
    });
}

#[test]
fn b14_a_job_deferred_before_the_run_waits_for_it() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let place = peek(reactor.defer_to_thread(|| Ok(3)));
        assert!(place.borrow().is_none());
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(taken(&place).unwrap(), 3);
    });
}

/// W5: with Twisted this deferred never fires.
#[test]
fn i2_a_stopped_pool_fails_the_deferred_at_once() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let pool = private_pool(1);
        pool.stop();
        let dropped = Drops::default();
        let witness = dropped.witness();
        let place = peek(reactor.defer_to_thread_pool(&pool, move || must_not_run(&witness)));
        assert_eq!(kind(&taken(&place).unwrap_err()), SubmitErrorKind::Stopped);
        assert_eq!(dropped.count(), 1);
        reactor.stop();
        reactor.run().unwrap();
    });
}

#[test]
fn i2_a_full_pool_fails_the_deferred_at_once() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let pool =
            ThreadPool::builder().min_threads(0).max_threads(1).queue_limit(1).build().unwrap();
        pool.start().unwrap();
        let (gate, job) = gated();
        let running = peek(reactor.defer_to_thread_pool(&pool, job));
        gate.started.recv().unwrap();
        let waiting = peek(reactor.defer_to_thread_pool(&pool, || Ok("waited")));
        let refused = peek(reactor.defer_to_thread_pool(&pool, || Ok("refused")));
        assert_eq!(kind(&taken(&refused).unwrap_err()), SubmitErrorKind::Full);
        assert!(running.borrow().is_none() && waiting.borrow().is_none());
        drop(gate);
        reactor.stop();
        reactor.run().unwrap();
        taken(&running).unwrap();
        assert_eq!(taken(&waiting).unwrap(), "waited");
        pool.stop();
    });
}

/// W21: with Twisted the submission itself raises, and stopping the pool fails later.
#[test]
fn w21_a_system_without_threads_fails_the_deferred_with_the_reason() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let pool = ThreadPool::builder()
            .min_threads(0)
            .thread_gate(|| Err(io::Error::from(io::ErrorKind::WouldBlock)))
            .build()
            .unwrap();
        pool.start().unwrap();
        let failure = taken(&peek(reactor.defer_to_thread_pool(&pool, || ()))).unwrap_err();
        assert_eq!(kind(&failure), SubmitErrorKind::NoThread);
        let refused = failure.downcast_ref::<SubmitError<()>>().unwrap();
        let source = refused.source().unwrap().downcast_ref::<io::Error>().unwrap();
        assert_eq!(source.kind(), io::ErrorKind::WouldBlock);
        pool.stop();
        reactor.stop();
        reactor.run().unwrap();
    });
}

#[test]
fn i2_a_job_that_its_pool_drops_unrun_fails_the_deferred() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let pool = private_pool(1);
        let deferred = reactor.defer_to_thread_pool(&pool, || Ok(3));
        // Never started, and nobody can start it any more.
        drop(pool);
        let failure = run_for(&reactor, deferred).unwrap_err();
        assert!(failure.is::<JobDropped>(), "{failure:?}");
    });
}

#[test]
fn what_a_job_captured_is_dropped_before_its_result_is_delivered() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let dropped = Rc::new(Drops::default());
        let (witness, seen) = (dropped.witness(), Rc::clone(&dropped));
        let deferred = reactor
            .defer_to_thread(move || {
                let _captured = &witness;
                Ok(())
            })
            .add_callback(move |()| Ok(seen.count()));
        assert_eq!(run_for(&reactor, deferred).unwrap(), 1);
    });
}

#[test]
fn a_result_may_be_deferred_again_and_again() {
    within(DEADLINE, || {
        fn count_up(n: u32) -> Deferred<u32> {
            let next = Reactor::with_current(|reactor| reactor.defer_to_thread(move || Ok(n + 1)));
            next.unwrap().add_callback(|n| if n < 100 { count_up(n) } else { Deferred::succeed(n) })
        }
        let reactor = Reactor::new().unwrap();
        let deferred = reactor.defer_to_thread(|| Ok(0)).add_callback(count_up);
        assert_eq!(run_for(&reactor, deferred).unwrap(), 100);
    });
}

#[test]
fn two_reactors_on_one_thread_keep_their_results_apart() {
    within(DEADLINE, || {
        let (first, second) = (Reactor::new().unwrap(), Reactor::new().unwrap());
        let of_first = peek(first.defer_to_thread(|| Ok("first")));
        let of_second = peek(second.defer_to_thread(|| Ok("second")));
        // One runs inside the other, which is what two on one thread can do.
        second.stop();
        first.call_when_running(move |reactor| {
            second.run().unwrap();
            reactor.stop();
        });
        first.run().unwrap();
        assert_eq!(taken(&of_first).unwrap(), "first");
        assert_eq!(taken(&of_second).unwrap(), "second");
    });
}

#[test]
fn a_failure_nobody_handles_is_reported_with_where_the_job_was_submitted() {
    within(DEADLINE, || {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let hook = Rc::clone(&seen);
        set_unhandled_hook(move |unhandled| hook.borrow_mut().push(unhandled));
        let reactor = Reactor::new().unwrap();
        let line = line!() + 1;
        reactor.defer_to_thread(|| Err::<(), _>(Refused(9).into())).detach();
        reactor.stop();
        reactor.run().unwrap();
        reactor.defer_to_thread(|| ()).detach();
        clear_unhandled_hook();
        let seen = seen.take();
        let created: Vec<_> =
            seen.iter().map(|it| (it.created().file(), it.created().line())).collect();
        assert_eq!(created, [(file!(), line), (file!(), line + 3)]);
        assert!(seen[0].failure().is::<Refused>() && seen[1].failure().is::<ReactorStopped>());
    });
}

/// Results are calls like any other: a turn serves some, then it is the turn of the timers.
#[test]
fn i7_many_results_do_not_starve_a_timer() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().budget(10.try_into().unwrap()).build().unwrap();
        let pool = private_pool(2);
        pool.start().unwrap();
        let delivered = Rc::new(Cell::new(0));
        for _ in 0..1000 {
            let count = Rc::clone(&delivered);
            let deferred = reactor.defer_to_thread_pool(&pool, || ());
            deferred.map(move |()| count.set(count.get() + 1)).detach();
        }
        pool.stop(); // all results are on their way
        let at_timer = Rc::new(Cell::new(usize::MAX));
        let (seen, count) = (Rc::clone(&at_timer), Rc::clone(&delivered));
        reactor.call_later(Duration::ZERO, move |reactor| {
            seen.set(count.get());
            reactor.stop();
        });
        reactor.run().unwrap();
        assert_eq!((at_timer.get(), delivered.get()), (10, 1000));
    });
}

/// The span goes along to the worker; what else a program has captured holds for the callbacks.
#[test]
fn w29_job_and_callback_run_in_the_context_of_who_asked_for_them() {
    thread_local!(static CURRENT: Cell<u32> = const { Cell::new(0) });
    struct Number(u32);
    impl CallbackContext for Number {
        fn run(&self, callback: &mut dyn FnMut()) {
            let before = CURRENT.replace(self.0);
            callback();
            CURRENT.set(before);
        }
    }
    log::keep();
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let deferred = tracing::info_span!("w29_request")
            .in_scope(|| reactor.defer_to_thread(|| tracing::info!("w29 job")));
        set_context_hook(|| Some(Rc::new(Number(CURRENT.get()))));
        CURRENT.set(7);
        let seen = deferred.map(|()| CURRENT.get());
        clear_context_hook();
        CURRENT.set(8);
        assert_eq!(run_for(&reactor, seen).unwrap(), 7);
        let lines = log::lines("INFO", "w29 job");
        assert!(lines.len() == 1 && lines[0].contains("w29_request"), "{lines:?}");
    });
}

/// A program with a main loop of its own starts the pool itself: no triggers run there.
#[test]
fn a_reactor_that_is_turned_by_hand_delivers_results() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let place = peek(reactor.defer_to_thread(|| Ok(3)));
        reactor.thread_pool().start().unwrap();
        while place.borrow().is_none() {
            reactor.turn(None).unwrap();
        }
        assert_eq!(taken(&place).unwrap(), 3);
    });
}

#[test]
fn errors_of_this_crate_are_told_apart_by_type() {
    let reactor = Reactor::new().unwrap();
    let failures = [
        reactor.handle().blocking_call_from_thread(|_| ()).unwrap_err(),
        Failure::new(Refused(1)),
        Failure::new(ReactorStopped::new()),
    ];
    assert!(failures[0].is::<WouldDeadlock>() && !failures[1].is::<WouldDeadlock>());
    assert!(failures[2].is::<ReactorStopped>() && !failures[0].is::<ReactorStopped>());
}

#[test]
fn w9_i2_a_job_that_is_handed_back_may_still_be_run() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (run, dropped) = (reactor.defer_to_thread(|| Ok(3)), reactor.defer_to_thread(|| Ok(4)));
        let mut unrun = reactor.thread_pool().stop_now().into_iter();
        unrun.next().unwrap().run();
        drop(unrun);
        assert_eq!(run_for(&reactor, run).unwrap(), 3);
        let failure = dropped.try_take().unwrap().unwrap_err();
        assert!(failure.is::<JobDropped>(), "{failure:?}");
    });
}

/// Nobody else asks for the threads that the system has refused when the pool was started.
#[test]
fn w21_i2_a_pool_gets_its_first_thread_later() {
    within(DEADLINE, || {
        let refusal = || io::Error::from(io::ErrorKind::WouldBlock);
        let refusals = AtomicUsize::new(3);
        let builder = ThreadPool::builder().min_threads(1).max_threads(2);
        let builder = builder.watch_gate(move || Err(refusal())).thread_gate(move || {
            let left = refusals.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
            left.map_or(Ok(()), |_| Err(refusal()))
        });
        let reactor = Reactor::new().unwrap();
        reactor.install_thread_pool(builder.build().unwrap()).unwrap();
        let deferred = reactor.defer_to_thread(|| Ok(5));
        assert_eq!(run_for(&reactor, deferred).unwrap(), 5);
    });
}
