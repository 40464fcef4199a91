//! Calls from other threads: order, wake-ups, outcomes.

use crate::fixture::{Drops, Log, foreign, run_briefly};
use ropewalk_reactor::{Reactor, ReactorHandle};
use ropewalk_testing::{DEADLINE, within};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::time::Duration;

#[test]
fn b45_calls_come_from_the_reactor_thread_and_from_others() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let (sent, received) = channel();
        reactor.call_when_running(move |reactor| {
            let own = sent.clone();
            reactor.handle().call_from_thread(move |_| own.send("own").unwrap()).unwrap();
            let thread = foreign(move || {
                handle
                    .call_from_thread(move |reactor| {
                        sent.send("foreign").unwrap();
                        reactor.stop();
                    })
                    .unwrap();
            });
            thread.join().unwrap();
        });
        reactor.run().unwrap();
        assert_eq!(received.try_iter().collect::<Vec<_>>(), ["own", "foreign"]);
    });
}

#[test]
fn b47_i8_a_hundred_calls_all_run_in_the_order_of_their_making() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let (sent, received) = channel();
        let thread = foreign(move || {
            for number in 0..100 {
                let sent = sent.clone();
                handle.call_from_thread(move |_| sent.send(number).unwrap()).unwrap();
            }
            handle.stop();
        });
        reactor.run().unwrap();
        thread.join().unwrap();
        assert_eq!(received.try_iter().collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
    });
}

/// Also not on the reactor thread, where it could.
#[test]
fn b48_a_call_never_runs_inside_of_call_from_thread() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor.call_soon(|reactor| {
            let ran = Arc::new(AtomicBool::new(false));
            let runs = Arc::clone(&ran);
            let call = move |reactor: &Reactor| {
                runs.store(true, Ordering::SeqCst);
                reactor.stop();
            };
            reactor.handle().call_from_thread(call).unwrap();
            assert!(!ran.load(Ordering::SeqCst));
        });
        reactor.run().unwrap();
    });
}

#[test]
fn b49_b67_a_call_runs_in_the_thread_of_the_reactor() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        assert!(handle.is_reactor_thread());
        let here = std::thread::current().id();
        let thread = foreign(move || {
            assert!(!handle.is_reactor_thread());
            let inside = handle.clone();
            handle
                .call_from_thread(move |reactor| {
                    assert!(inside.is_reactor_thread());
                    assert_eq!(std::thread::current().id(), here);
                    reactor.stop();
                })
                .unwrap();
        });
        reactor.run().unwrap();
        thread.join().unwrap();
        assert_eq!(reactor.stats().panics, 0);
    });
}

/// There is no other work, so that the loop would sleep for ever if nobody woke it.
#[test]
fn b50_a_call_made_on_the_reactor_thread_is_prompt() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor.call_later(Duration::ZERO, |reactor| {
            reactor.handle().call_from_thread(Reactor::stop).unwrap();
        });
        reactor.run().unwrap();
    });
}

/// Back and forth often enough for the loop to be caught at each point of falling asleep.
#[test]
fn b52_another_thread_wakes_a_sleeping_reactor() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let thread = foreign(move || {
            let (sent, answers) = channel();
            for number in 0..2_000 {
                let sent = sent.clone();
                handle.call_from_thread(move |_| sent.send(number).unwrap()).unwrap();
                assert_eq!(answers.recv(), Ok(number));
            }
            handle.stop();
        });
        reactor.run().unwrap();
        thread.join().unwrap();
        assert_eq!(reactor.stats().calls, 2_000);
    });
}

/// The reference keeps a function that was handed in before `run`, for ever if need be. Here it
/// goes with the reactor.
#[test]
fn b62_a_call_whose_reactor_never_runs_is_dropped_with_it() {
    let reactor = Reactor::new().unwrap();
    let drops = Drops::default();
    let payload = drops.payload();
    reactor.handle().call_from_thread(move |_| drop(payload)).unwrap();
    assert_eq!(drops.count(), 0);
    drop(reactor);
    assert_eq!(drops.count(), 1);
}

#[test]
fn calls_before_the_first_run_run_in_its_first_turn() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor
            .handle()
            .call_from_thread(|reactor| {
                assert_eq!(reactor.stats().turns, 1);
                reactor.stop();
            })
            .unwrap();
        reactor.run().unwrap();
        assert_eq!((reactor.stats().calls, reactor.stats().panics), (1, 0));
    });
}

#[test]
fn i7_what_a_call_calls_runs_in_a_later_turn() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor
            .handle()
            .call_from_thread(|reactor| {
                let turn = reactor.stats().turns;
                let next = move |reactor: &Reactor| {
                    assert_eq!(reactor.stats().turns, turn + 1);
                    reactor.stop();
                };
                reactor.handle().call_from_thread(next).unwrap();
            })
            .unwrap();
        reactor.run().unwrap();
        assert_eq!(reactor.stats().panics, 0);
    });
}

#[test]
fn i8_calls_of_each_of_four_threads_run_in_order() {
    const CALLS: usize = 1_000;
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let seen = reactor.share(RefCell::new(vec![Vec::new(); 4]));
        let start = Arc::new(Barrier::new(4));
        let left = Arc::new(AtomicUsize::new(4));
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let (seen, start, left) = (seen.clone(), Arc::clone(&start), Arc::clone(&left));
                foreign(move || {
                    start.wait();
                    for number in 0..CALLS {
                        seen.call_from_thread(move |seen, _| {
                            seen.borrow_mut()[thread].push(number);
                        })
                        .unwrap();
                    }
                    if left.fetch_sub(1, Ordering::SeqCst) == 1 {
                        seen.handle().stop();
                    }
                })
            })
            .collect();
        reactor.run().unwrap();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let expected = vec![(0..CALLS).collect::<Vec<_>>(); 4];
        assert_eq!(*seen.get(&reactor).unwrap().borrow(), expected);
    });
}

/// Before the first run a call is kept; after a run, and after the reactor, it comes back.
#[test]
fn i2_a_refused_call_comes_back() {
    fn refused(handle: &ReactorHandle) {
        let drops = Drops::default();
        let payload = drops.payload();
        assert!(!handle.accepts_calls());
        let error = handle.call_from_thread(move |_| drop(payload)).unwrap_err();
        assert_eq!(drops.count(), 0);
        let call = error.into_inner();
        assert_eq!(drops.count(), 0);
        drop(call);
        assert_eq!(drops.count(), 1);
    }
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        assert!(handle.accepts_calls());
        run_briefly(&reactor);
        refused(&handle);
        let again = handle.clone();
        reactor.call_when_running(move |_| again.call_from_thread(Reactor::stop).unwrap());
        reactor.run().unwrap();
        refused(&handle);
        drop(reactor);
        refused(&handle);
    });
}

/// Four threads call all the time, while the reactor runs, stops, crashes, runs again and goes. Each
/// has so many calls on their way at most, so that the loop keeps up with them on any machine.
#[test]
fn i2_each_accepted_call_runs_or_is_dropped_across_runs() {
    const BURST: usize = 64;
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (ran, drops) = (Arc::new(AtomicUsize::new(0)), Drops::default());
        let finished = Arc::new(AtomicBool::new(false));
        let begun = Arc::new(Barrier::new(5));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (handle, ran, begun) = (reactor.handle(), Arc::clone(&ran), Arc::clone(&begun));
                let (drops, finished) = (drops.clone(), Arc::clone(&finished));
                foreign(move || {
                    let (mut accepted, mut refused, mut is_first) = (0, 0, true);
                    loop {
                        let is_last = finished.load(Ordering::SeqCst);
                        let (on_its_way, all_gone) = channel::<()>();
                        for _ in 0..BURST {
                            let (ran, payload) = (Arc::clone(&ran), drops.payload());
                            let on_its_way = on_its_way.clone();
                            let call = move |_: &Reactor| {
                                ran.fetch_add(1, Ordering::SeqCst);
                                drop((payload, on_its_way));
                            };
                            match handle.call_from_thread(call) {
                                Ok(()) => accepted += 1,
                                Err(stopped) => {
                                    refused += 1;
                                    drop(stopped.into_inner());
                                }
                            }
                        }
                        if std::mem::take(&mut is_first) {
                            begun.wait();
                        }
                        drop(on_its_way);
                        assert!(all_gone.recv().is_err());
                        if is_last {
                            return (accepted, refused);
                        }
                    }
                })
            })
            .collect();
        begun.wait();
        let mut dropped = 0;
        for round in 0..12 {
            let crashes = round % 3 == 2;
            reactor.call_later(Duration::from_millis(2), move |reactor| {
                if crashes { reactor.crash() } else { reactor.stop() }
            });
            let (before, ran_before) = (drops.count(), ran.load(Ordering::SeqCst));
            reactor.run().unwrap();
            if !crashes {
                continue;
            }
            // Refused ones are dropped by their threads meanwhile, so this is only a hint.
            dropped += (drops.count() - before) - (ran.load(Ordering::SeqCst) - ran_before);
        }
        drop(reactor);
        finished.store(true, Ordering::SeqCst);
        let (mut accepted, mut refused) = (0, 0);
        for thread in threads {
            let (one, other) = thread.join().unwrap();
            accepted += one;
            refused += other;
        }
        let ran = ran.load(Ordering::SeqCst);
        assert!(ran > 0 && refused > 0 && ran <= accepted);
        assert!(accepted - ran <= dropped, "only a crash drops calls");
        assert_eq!(drops.count(), accepted + refused, "each closure went, once");
    });
}

#[test]
fn call_soon_runs_in_order_and_not_in_the_step_that_is_going_on() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let log = Log::default();
        reactor.call_soon(log.adds("1"));
        let inner = log.clone();
        reactor.call_soon(move |reactor| {
            inner.add("2");
            let turn = reactor.stats().turns;
            reactor.call_soon(move |reactor| {
                inner.add("4");
                assert_eq!(reactor.stats().turns, turn + 1);
                reactor.stop();
            });
        });
        reactor.call_soon(log.adds("3"));
        assert_eq!(log.text(), "");
        reactor.run().unwrap();
        assert_eq!(log.text(), "1 2 3 4");
        assert_eq!(reactor.stats().panics, 0);
    });
}

#[test]
fn w30_many_reactors_do_not_know_of_each_other() {
    within(DEADLINE, || {
        let (outer, inner) = (Reactor::new().unwrap(), Rc::new(Reactor::new().unwrap()));
        assert!(!outer.handle().same_reactor(&inner.handle()));
        assert!(outer.handle().same_reactor(&outer.handle()));
        let handle = outer.handle();
        outer.call_soon(move |outer| {
            inner.call_soon(Reactor::stop);
            inner.call_soon(|_| {
                Reactor::with_current(|current| assert!(current.stats().turns > 0)).unwrap();
            });
            inner.run().unwrap();
            // The inner run is over, and the outer one is the current one again.
            let current = Reactor::with_current(Reactor::handle).unwrap();
            assert!(current.same_reactor(&outer.handle()));
            assert!(!inner.running() && outer.running());
            assert!(inner.handle().call_from_thread(|_| ()).is_err());
            assert!(handle.call_from_thread(Reactor::stop).is_ok());
        });
        outer.run().unwrap();
        assert_eq!(outer.stats().panics, 0);
        assert!(Reactor::with_current(|_| ()).is_none());
    });
}
