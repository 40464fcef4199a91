//! Jobs that nobody waits for, and calls from the threads of the pool.

use crate::support::{Drops, foreign, gated, must_not_run, peek, stop_after_calls, taken};
use ropewalk_reactor::{Phase, Reactor, ReactorHandle, SystemEvent};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{JobState, SubmitErrorKind, ThreadPool};
use ropewalk_threads::{BoxedJob, HandleThreads as _, ReactorThreads as _};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc::{Sender, channel};
use std::thread;

/// Sends the number, and stops the reactor with the last one.
fn report(handle: &ReactorHandle, sender: &Sender<usize>, n: usize, last: usize) {
    sender.send(n).unwrap();
    if n == last {
        handle.stop();
    }
}

#[test]
fn b44_a_job_runs_outside_of_the_reactor_thread() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let (sender, receiver) = channel();
        reactor
            .call_in_thread(move || {
                sender.send((handle.is_reactor_thread(), thread::current().id())).unwrap();
                handle.stop();
            })
            .unwrap();
        reactor.run().unwrap();
        let (on_reactor_thread, id) = receiver.recv().unwrap();
        assert!(!on_reactor_thread);
        assert_ne!(id, thread::current().id());
    });
}

#[test]
fn b67_the_reactor_thread_knows_itself() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (sender, receiver) = channel();
        let in_job = sender.clone();
        reactor.call_when_running(move |reactor| {
            let handle = reactor.handle();
            sender.send(("callback", handle.is_reactor_thread())).unwrap();
            reactor
                .call_in_thread(move || {
                    in_job.send(("job", handle.is_reactor_thread())).unwrap();
                    handle.stop();
                })
                .unwrap();
        });
        reactor.run().unwrap();
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [("callback", true), ("job", false)]);
    });
}

#[test]
fn b45_b49_calls_from_the_reactor_and_from_a_worker_run_in_the_thread_of_run() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (sender, receiver) = channel();
        let from_worker = sender.clone();
        let handle = reactor.handle();
        handle
            .call_from_thread(move |_| sender.send(("reactor", thread::current().id())).unwrap())
            .unwrap();
        reactor
            .call_in_thread(move || {
                let call = move |reactor: &Reactor| {
                    from_worker.send(("worker", thread::current().id())).unwrap();
                    reactor.stop();
                };
                handle.call_from_thread(call).unwrap();
            })
            .unwrap();
        reactor.run().unwrap();
        let here = thread::current().id();
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [("reactor", here), ("worker", here)]);
    });
}

#[test]
fn b47_i8_a_hundred_calls_of_one_worker_run_in_their_order() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let (sender, receiver) = channel();
        reactor
            .call_in_thread(move || {
                for n in 0..100 {
                    let sender = sender.clone();
                    let call = move |reactor: &Reactor| report(&reactor.handle(), &sender, n, 99);
                    handle.call_from_thread(call).unwrap();
                }
            })
            .unwrap();
        reactor.run().unwrap();
        assert!(receiver.iter().eq(0..100));
    });
}

/// Twisted starts jobs in the order of submission too, until its pool is resized (W8).
#[test]
fn i8_jobs_start_in_the_order_of_submission() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor.suggest_thread_pool_size(1).unwrap();
        let (sender, receiver) = channel();
        for n in 0..100 {
            let (handle, sender) = (reactor.handle(), sender.clone());
            reactor.call_in_thread(move || report(&handle, &sender, n, 99)).unwrap();
        }
        drop(sender);
        reactor.run().unwrap();
        assert!(receiver.iter().eq(0..100));
    });
}

#[test]
fn b48_a_call_never_runs_before_it_returns_also_on_the_reactor_thread() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (sender, receiver) = channel();
        reactor.call_when_running(move |reactor| {
            let later = sender.clone();
            let call = move |reactor: &Reactor| {
                later.send("call").unwrap();
                reactor.stop();
            };
            reactor.handle().call_from_thread(call).unwrap();
            sender.send("returned").unwrap();
        });
        reactor.run().unwrap();
        assert_eq!(receiver.iter().collect::<Vec<_>>(), ["returned", "call"]);
    });
}

#[test]
fn b52_a_worker_wakes_a_sleeping_reactor() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let (gate, job) = gated();
        reactor.call_in_thread(job).unwrap();
        // The reactor has nothing to do, no timer either, when the worker is let go.
        let waking = foreign(move || {
            gate.started.recv().unwrap();
            handle.call_from_thread(|reactor| reactor.stop()).unwrap();
            drop(gate);
        });
        reactor.run().unwrap();
        waking.join().unwrap();
    });
}

#[test]
fn b57_multiple_jobs_run_in_order_in_one_thread() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (sender, receiver) = channel();
        let jobs = (0..10).map(|n| -> BoxedJob {
            let (handle, sender) = (reactor.handle(), sender.clone());
            Box::new(move || {
                sender.send((n, thread::current().id())).unwrap();
                if n == 9 {
                    handle.stop();
                }
            })
        });
        let job = reactor.call_multiple_in_thread(jobs).unwrap();
        assert_eq!(job.location().file(), file!());
        drop(sender);
        reactor.run().unwrap();
        let ran: Vec<_> = receiver.iter().collect();
        assert!(ran.iter().map(|(n, _)| *n).eq(0..10));
        assert!(ran.iter().all(|(_, id)| *id == ran[0].1));
    });
}

#[test]
fn b57_a_panic_ends_the_rest_of_multiple_jobs_and_nothing_else() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let dropped = Drops::default();
        let witness = dropped.witness();
        let jobs: Vec<BoxedJob> =
            vec![Box::new(|| panic!("the first of two")), Box::new(move || must_not_run(&witness))];
        reactor.call_multiple_in_thread(jobs).unwrap();
        let handle = reactor.handle();
        reactor.suggest_thread_pool_size(1).unwrap();
        reactor.call_in_thread(move || handle.stop()).unwrap();
        reactor.run().unwrap();
        assert_eq!(dropped.count(), 1);
        assert_eq!(reactor.thread_pool().stats().panicked, 1);
    });
}

#[test]
fn b14_jobs_handed_in_before_the_run_are_kept_from_any_thread() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (sender, receiver) = channel();
        let (mine, handle) = (sender.clone(), reactor.handle());
        let job = reactor.call_in_thread(move || mine.send("reactor thread").unwrap()).unwrap();
        let job_of_other = foreign({
            let handle = handle.clone();
            move || handle.call_in_thread(move || sender.send("foreign thread").unwrap()).unwrap()
        });
        let job_of_other = job_of_other.join().unwrap();
        assert_eq!([job.state(), job_of_other.state()], [JobState::Queued; 2]);
        assert!(receiver.try_recv().is_err());
        stop_after_calls(&handle);
        reactor.run().unwrap();
        let mut ran: Vec<_> = receiver.iter().collect();
        ran.sort_unstable();
        assert_eq!(ran, ["foreign thread", "reactor thread"]);
    });
}

#[test]
fn b62_without_a_run_nothing_runs_and_nothing_is_left_behind() {
    within(DEADLINE, || {
        let dropped = Drops::default();
        let reactor = Reactor::new().unwrap();
        let (here, there) = (dropped.witness(), dropped.witness());
        let handle = reactor.handle();
        let jobs = [
            reactor.call_in_thread(move || must_not_run(&here)).unwrap(),
            foreign(move || handle.call_in_thread(move || must_not_run(&there)).unwrap())
                .join()
                .unwrap(),
        ];
        assert_eq!(reactor.thread_pool().stats().threads, 0);
        drop(reactor);
        assert_eq!(dropped.count(), 2);
        assert!(jobs.iter().all(|job| job.state() == JobState::Cancelled));
    });
}

/// The pool is not the user's to stop, nor to build again.
#[test]
fn w5_a_job_that_comes_too_late_says_how_it_would_not_have() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let texts = Rc::new(RefCell::new(Vec::new()));
        let place = Rc::clone(&texts);
        let own = reactor.thread_pool();
        let (gate, job) = gated();
        reactor.call_in_thread(job).unwrap();
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Drain, move |reactor| {
            // The pool drains by then, and cannot be done before the gate goes.
            reactor.call_soon(move |reactor| {
                let refused = reactor.call_in_thread(|| ()).unwrap_err();
                let failed = taken(&peek(reactor.defer_to_thread(|| ()))).unwrap_err();
                place.borrow_mut().extend([refused.to_string(), failed.to_string()]);
                drop(gate);
            });
        });
        reactor.stop();
        reactor.run().unwrap();
        let texts = texts.take().into_iter().chain([
            reactor.call_in_thread(|| ()).unwrap_err().to_string(),
            reactor.thread_pool().call_in_thread(|| ()).unwrap_err().to_string(),
            own.call_in_thread(|| ()).unwrap_err().to_string(),
            handle.call_in_thread(|| ()).unwrap_err().without_job().to_string(),
        ]);
        let texts: Vec<_> = texts.collect();
        assert_eq!(texts.len(), 6);
        for text in texts {
            assert!(text.starts_with("the pool is stopped: "), "{text}");
            assert!(text.contains("Reactor::hold"), "{text}");
            assert!(text.contains("accept_calls"), "{text}");
            assert!(!text.contains("build a new pool"), "{text}");
        }
    });
}

#[test]
fn w5_a_pool_that_was_replaced_or_stopped_by_its_user_has_another_cure() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (first, second) = (reactor.thread_pool(), ThreadPool::builder().build().unwrap());
        reactor.install_thread_pool(second.clone()).unwrap();
        let text = first.call_in_thread(|| ()).unwrap_err().to_string();
        assert!(text.contains("thread_pool"), "{text}");
        second.stop();
        let by_user = reactor.call_in_thread(|| ()).unwrap_err().to_string();
        reactor.stop();
        reactor.run().unwrap();
        let after = second.call_in_thread(|| ()).unwrap_err().to_string();
        assert_eq!(by_user, "the pool is stopped: submit before stop, or build a new pool");
        assert_eq!(after, by_user, "the user was first");
    });
}

/// W5: Twisted makes a new pool that is never started, and the job lies there for ever.
#[test]
fn i2_after_the_stop_a_job_is_handed_back() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        reactor.stop();
        reactor.run().unwrap();
        let (sender, receiver) = channel();
        let there = sender.clone();
        let refused = reactor.call_in_thread(move || sender.send("here").unwrap()).unwrap_err();
        assert_eq!(refused.kind(), SubmitErrorKind::Stopped);
        refused.into_inner()();
        drop(reactor);
        let refused = handle.call_in_thread(move || there.send("there").unwrap()).unwrap_err();
        assert_eq!(refused.kind(), SubmitErrorKind::Stopped);
        refused.into_inner()();
        assert_eq!(receiver.iter().collect::<Vec<_>>(), ["here", "there"]);
    });
}

#[test]
fn a_job_is_named_after_its_closure_and_located_where_it_was_submitted() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let (line, here) = (line!(), reactor.call_in_thread(|| ()).unwrap());
        assert_eq!((here.location().file(), here.location().line()), (file!(), line));
        assert!(here.name().contains("a_job_is_named_after_its_closure"), "{}", here.name());
        let (line, there) = (line!(), handle.call_in_thread(|| ()).unwrap());
        assert_eq!((there.location().file(), there.location().line()), (file!(), line));
    });
}
