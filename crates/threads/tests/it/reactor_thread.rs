//! A reactor in a thread of its own.

use crate::support::{foreign, gated, thread_name};
use ropewalk_reactor::{Reactor, ReactorStopped, RunError};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threads::{HandleThreads as _, ReactorThread};
use std::io;
use std::sync::mpsc::channel;
use std::time::Duration;

#[test]
fn it_runs_in_a_named_thread_until_it_is_joined() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let handle = reactor.handle().clone();
        let name = handle.blocking_call_from_thread(|_| Ok(thread_name()));
        assert_eq!(name.unwrap(), "reactor");
        reactor.join().unwrap();
        assert!(handle.call_from_thread(|_| ()).is_err());
    });
}

#[test]
fn dropping_it_stops_the_reactor_and_waits_for_it() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let handle = reactor.handle().clone();
        let (sender, receiver) = channel();
        handle.call_in_thread(move || sender.send("ran").unwrap()).unwrap();
        drop(reactor);
        assert_eq!(receiver.try_recv().unwrap(), "ran");
        let failure = handle.blocking_call_from_thread(|_| ()).unwrap_err();
        assert!(failure.is::<ReactorStopped>());
    });
}

#[test]
fn the_error_of_making_the_reactor_comes_back() {
    within(DEADLINE, || {
        let refused = || Err(io::Error::from(io::ErrorKind::OutOfMemory));
        let error = ReactorThread::spawn_with(refused).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
    });
}

#[test]
fn i3_a_panic_of_making_the_reactor_is_an_error() {
    within(DEADLINE, || {
        let error = ReactorThread::spawn_with(|| panic!("no reactor today")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Other);
    });
}

/// A reactor thread whose shutdown is short, with the job of a gate in its pool.
fn stuck() -> (ReactorThread, crate::support::Gate) {
    let make = || Reactor::builder().shutdown_deadline(Duration::from_millis(50)).build();
    let reactor = ReactorThread::spawn_with(make).unwrap();
    let (gate, job) = gated();
    reactor.handle().call_in_thread(job).unwrap();
    gate.started.recv().unwrap();
    (reactor, gate)
}

#[test]
fn i9_join_gives_what_run_returned() {
    within(DEADLINE, || {
        let (reactor, gate) = stuck();
        assert!(matches!(reactor.join(), Err(RunError::ShutdownTimedOut(_))));
        drop(gate);
    });
}

#[test]
fn i9_a_drop_that_meets_an_error_reports_it() {
    within(DEADLINE, || {
        crate::log::keep();
        let (reactor, gate) = stuck();
        drop(reactor);
        drop(gate);
        let text = "the reactor's thread ended with an error";
        let lines = crate::log::lines("ERROR", text);
        assert!(lines.iter().any(|line| line.contains(file!())), "{lines:?}");
    });
}

#[test]
fn i4_a_callback_that_drops_it_does_not_wait_for_itself() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let handle = reactor.handle().clone();
        let (sender, receiver) = channel();
        handle
            .call_from_thread(move |reactor_| {
                drop(reactor);
                sender.send(reactor_.stopping()).unwrap();
            })
            .unwrap();
        assert!(receiver.recv().unwrap());
    });
}

#[test]
fn i4_a_callback_that_joins_it_is_refused() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let handle = reactor.handle().clone();
        let joined = handle.blocking_call_from_thread(move |_| {
            Ok(matches!(reactor.join(), Err(RunError::AlreadyRunning)))
        });
        assert!(joined.unwrap());
    });
}

/// The reactor waits for the worker in its shutdown, so the worker must not wait for the reactor.
#[test]
fn i4_a_worker_of_its_pool_that_joins_or_drops_it_does_not_wait() {
    within(DEADLINE, || {
        for join in [true, false] {
            let reactor = ReactorThread::spawn().unwrap();
            let handle = reactor.handle().clone();
            let (sender, receiver) = channel();
            let job = move || {
                let refused = if join {
                    matches!(reactor.join(), Err(RunError::AlreadyRunning))
                } else {
                    drop(reactor);
                    true
                };
                sender.send(refused).unwrap();
            };
            handle.call_in_thread(job).unwrap();
            assert!(receiver.recv_timeout(DEADLINE / 3).unwrap());
        }
    });
}

#[test]
fn a_foreign_thread_may_own_it() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        foreign(move || reactor.join().unwrap()).join().unwrap();
    });
}
