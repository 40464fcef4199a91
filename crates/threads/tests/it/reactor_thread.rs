//! A reactor in a thread of its own.

use crate::support::{foreign, gated, single, thread_name};
use crate::watchdog::watchdog;
use ropewalk_reactor::{ManualSelector, Reactor, ReactorStopped, RunError, RunReport};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::ThreadPool;
use ropewalk_threads::{HandleThreads as _, JoinError, ReactorThread, ReactorThreads as _};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// A reactor that would wait much longer than a test may.
fn patient() -> io::Result<Reactor> {
    Reactor::builder().shutdown_deadline(Duration::MAX).build()
}

fn started(name: &str) -> ThreadPool {
    let pool = single(name);
    pool.start().unwrap();
    pool
}

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

/// A reactor thread whose shutdown is short, with the job of a gate in its pool.
fn stuck() -> (ReactorThread, crate::support::Gate) {
    let make = || Reactor::builder().shutdown_deadline(Duration::from_millis(50)).build();
    let reactor = ReactorThread::spawn_with(make).unwrap();
    let (gate, job) = gated();
    reactor.handle().call_in_thread(job).unwrap();
    gate.started.recv().unwrap();
    (reactor, gate)
}

fn timed_out(joined: &Result<RunReport, JoinError>) -> bool {
    matches!(joined, Err(JoinError::Run { error: RunError::ShutdownTimedOut(_), .. }))
}

#[test]
fn i9_join_gives_what_run_returned() {
    within(DEADLINE, || {
        let (reactor, gate) = stuck();
        assert!(timed_out(&reactor.join()));
        drop(gate);
    });
}

/// What a run has to say is of most use where it did not end well, and the reactor is gone by then.
#[test]
fn i9_a_run_that_ended_with_an_error_gives_its_report_too() {
    within(DEADLINE, || {
        let (reactor, gate) = stuck();
        let leave = |reactor: &Reactor| reactor.add_to_report("half of it");
        reactor.handle().call_from_thread(leave).unwrap();
        let error = reactor.join().unwrap_err();
        assert_eq!(error.report().unwrap().get(), Some(&"half of it"));
        assert!(timed_out(&Err(error)));
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

/// The second does not end before the callback has, so that this one would never return.
#[test]
fn i4_a_callback_of_another_reactor_that_drops_it_does_not_wait_either() {
    within(DEADLINE, || {
        let (gate, job) = gated();
        let reactor = ReactorThread::spawn().unwrap();
        reactor.handle().call_from_thread(move |_| job()).unwrap();
        gate.started.recv().unwrap();
        let other = ReactorThread::spawn().unwrap();
        let drops = move |_: &Reactor| {
            drop(reactor);
            Ok(())
        };
        other.handle().blocking_call_from_thread(drops).unwrap();
        drop(gate);
        other.join().unwrap();
    });
}

/// How a job of the reactor comes to be in a pool that is not its own one.
#[derive(Clone, Copy, Debug)]
enum Place {
    Private,
    Shared,
    FormerlyShared,
    FormerlyOwn,
}

/// It owes the reactor its result, and the end of the reactor waits for that without a limit.
#[test]
fn i4_a_job_that_owes_it_a_result_does_not_wait_for_it_in_whatever_pool() {
    use Place::{FormerlyOwn, FormerlyShared, Private, Shared};
    within(DEADLINE, || {
        for place in [Private, Shared, FormerlyShared, FormerlyOwn] {
            for join in [true, false] {
                let reactor = ReactorThread::spawn_with(patient).unwrap();
                let (hand_over, taken) = channel();
                let (told, result) = channel();
                let job = move || {
                    let reactor: ReactorThread = taken.recv()?;
                    if join {
                        return Ok(matches!(reactor.join(), Err(JoinError::WouldDeadlock { .. })));
                    }
                    drop(reactor);
                    Ok(true)
                };
                let asked = reactor.handle().blocking_call_from_thread(move |reactor| {
                    let pool = started("other");
                    match place {
                        Private => {}
                        Shared | FormerlyShared => reactor.share_thread_pool(&pool)?,
                        FormerlyOwn => drop(reactor.install_thread_pool(pool.clone())),
                    }
                    let deferred = match place {
                        Private => reactor.defer_to_thread_pool(&pool, job),
                        _ => reactor.defer_to_thread(job),
                    };
                    match place {
                        FormerlyShared => drop(reactor.install_thread_pool(started("next"))),
                        FormerlyOwn => reactor.share_thread_pool(&pool)?,
                        Private | Shared => {}
                    }
                    deferred.add_callback(move |refused| Ok(told.send((pool, refused))?)).detach();
                    Ok(())
                });
                asked.unwrap();
                hand_over.send(reactor).unwrap();
                let (pool, refused) = result.recv().unwrap();
                assert!(refused, "{place:?}, {join}");
                pool.stop();
            }
        }
    });
}

/// One pool for two reactors: a job of the one owes the other nothing.
#[test]
fn a_job_that_owes_it_nothing_waits_for_it_also_in_a_pool_that_it_shares() {
    within(DEADLINE, || {
        let pool = started("both");
        let [one, other] = [(); 2].map(|()| {
            let reactor = ReactorThread::spawn_with(patient).unwrap();
            let shared = pool.clone();
            let share = move |reactor: &Reactor| Ok(reactor.share_thread_pool(&shared)?);
            reactor.handle().blocking_call_from_thread(share).unwrap();
            reactor
        });
        let joined = one.handle().blocking_call_from_thread(move |reactor| {
            reactor.defer_to_thread(move || Ok(other.join().is_ok()))
        });
        assert!(joined.unwrap());
        one.join().unwrap();
        pool.stop();
    });
}

#[test]
fn i4_a_callback_that_joins_it_is_refused() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let handle = reactor.handle().clone();
        let joined = handle.blocking_call_from_thread(move |_| {
            Ok(matches!(reactor.join(), Err(JoinError::WouldDeadlock { .. })))
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
                    matches!(reactor.join(), Err(JoinError::WouldDeadlock { .. }))
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

#[test]
fn waiting_for_it_does_not_stop_it() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let rang = Arc::new(AtomicBool::new(false));
        let rings = Arc::clone(&rang);
        let set = move |reactor: &Reactor| {
            reactor.call_later(Duration::from_millis(5), move |reactor| {
                rings.store(true, Ordering::SeqCst);
                reactor.stop();
            });
        };
        reactor.handle().call_from_thread(set).unwrap();
        reactor.wait().unwrap();
        assert!(rang.load(Ordering::SeqCst), "it has come to its own end");
    });
}

#[test]
fn i9_waiting_gives_what_run_returned() {
    within(DEADLINE, || {
        let (reactor, gate) = stuck();
        reactor.handle().stop();
        assert!(timed_out(&reactor.wait()));
        drop(gate);
    });
}

/// It comes back, and its drop stops it.
#[test]
fn i4_a_callback_or_a_worker_that_waits_for_it_is_refused() {
    within(DEADLINE, || {
        for in_worker in [false, true] {
            let reactor = ReactorThread::spawn().unwrap();
            let handle = reactor.handle().clone();
            let (sender, receiver) = channel();
            let wait = move || {
                let Err(JoinError::WouldDeadlock { thread, error }) = reactor.wait() else {
                    return sender.send(false).unwrap();
                };
                let goes_on = thread.handle().accepts_calls();
                sender.send(goes_on && error.circle().is_none()).unwrap();
            };
            if in_worker {
                handle.call_in_thread(wait).unwrap();
            } else {
                handle.call_from_thread(|_| wait()).unwrap();
            }
            assert!(receiver.recv_timeout(DEADLINE / 3).unwrap());
            while handle.accepts_calls() {
                thread::yield_now();
            }
        }
    });
}

#[test]
fn it_tells_whether_it_has_ended() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        reactor.handle().blocking_call_from_thread(|_| ()).unwrap();
        assert!(!reactor.is_finished());
        reactor.handle().stop();
        while !reactor.is_finished() {
            thread::yield_now();
        }
        reactor.wait().unwrap();
    });
}

#[test]
fn their_names_tell_them_apart() {
    within(DEADLINE, || {
        let (builder, reports) = watchdog();
        let watchdog = builder.spawn().unwrap();
        let spawn = |name: &str| {
            let reactor = ReactorThread::builder().name(name).spawn().unwrap();
            watchdog.watch(reactor.handle());
            reactor
        };
        let (idle, busy) = (spawn("core-0"), spawn("core-1"));
        let line = line!() + 1;
        let thread = busy.handle().blocking_call_from_thread(move |_| {
            let is_here = |at: &std::panic::Location<'_>| at.file() == file!() && at.line() == line;
            Ok(reports.wait(|report| {
                let blocked = report.blocked.iter().find(|one| is_here(one.location))?;
                assert!(report.to_string().contains("the reactor of thread core-1 is blocked"));
                Some(blocked.thread.to_string())
            }))
        });
        assert_eq!(thread.unwrap(), "core-1");
        let make = || Reactor::builder().build();
        let made = ReactorThread::builder().name("made").spawn_with(make).unwrap();
        let name = made.handle().blocking_call_from_thread(|_| Ok(thread_name()));
        assert_eq!(name.unwrap(), "made");
        drop((idle, busy));
        watchdog.stop();
    });
}

#[test]
fn i3_a_thread_that_panics_is_an_error_of_join() {
    within(DEADLINE, || {
        let make = || {
            let selector = ManualSelector::new();
            selector.on_wait(|_| panic!("outside of all callbacks"));
            Reactor::builder().manual_selector(&selector).build()
        };
        let reactor = ReactorThread::spawn_with(make).unwrap();
        match reactor.wait() {
            Err(JoinError::Panicked(panicked)) => {
                assert_eq!(panicked.message(), "outside of all callbacks");
                assert_eq!(panicked.location().file(), file!());
            }
            other => panic!("{other:?}"),
        }
    });
}

/// In a report it is to be seen whose job is stuck.
#[test]
fn the_pool_is_named_after_the_thread() {
    within(DEADLINE, || {
        for name in ["network", "reactor"] {
            let reactor = ReactorThread::builder().name(name).spawn().unwrap();
            let handle = reactor.handle();
            let worker = handle
                .blocking_call_from_thread(|reactor| reactor.defer_to_thread(|| Ok(thread_name())));
            assert_eq!(worker.unwrap(), format!("{name}-1"));
            assert_eq!(handle.thread_pool().name(), name);
        }
    });
}
