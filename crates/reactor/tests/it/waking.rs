//! Who wakes the loop, and who does not need to (I6, W35).
//!
//! A wake-up is a system call that writes, and the system counts those of each thread. Where it
//! does not tell, these tests check only that all calls run.

use crate::fixture::foreign;
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, within};
use std::sync::mpsc::channel;
use std::time::Duration;

const CALLS: u64 = 1000;

/// How often this thread has written so far.
#[cfg(target_os = "linux")]
fn writes() -> u64 {
    let counts = std::fs::read_to_string("/proc/thread-self/io").unwrap();
    let line = counts.lines().find(|line| line.starts_with("syscw")).unwrap();
    line.split_whitespace().last().unwrap().parse().unwrap()
}

#[cfg(not(target_os = "linux"))]
fn writes() -> u64 {
    0
}

/// A foreign thread hands in calls while a callback keeps the loop.
#[test]
fn i6_w35_calls_to_a_loop_that_is_awake_cost_no_system_call() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let (busy, is_busy) = channel();
        let (done, is_done) = channel();
        reactor.call_soon(move |_| {
            busy.send(()).unwrap();
            is_done.recv().unwrap();
        });
        let thread = foreign(move || {
            is_busy.recv().unwrap();
            let before = writes();
            for _ in 0..CALLS {
                handle.call_from_thread(|_| ()).unwrap();
            }
            handle.stop();
            let after = writes();
            done.send(()).unwrap();
            after - before
        });
        reactor.run().unwrap();
        assert_eq!((thread.join().unwrap(), reactor.stats().calls), (0, CALLS));
    });
}

/// The first call wakes the loop; as long as that is on its way nobody else does.
#[test]
fn i6_w35_a_burst_of_calls_to_a_loop_that_sleeps_costs_one_wake_up() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let thread = foreign(move || {
            let mut wakes = 0;
            for round in 0..20 {
                let (done, is_done) = channel::<()>();
                let before = writes();
                // It keeps the loop until the whole burst is in.
                handle.call_from_thread(move |_| assert!(is_done.recv().is_err())).unwrap();
                for _ in 1..CALLS {
                    handle.call_from_thread(|_| ()).unwrap();
                }
                wakes += writes() - before;
                drop(done);
                // The next round begins with a loop that sleeps, or is about to.
                let (ran, has_run) = channel();
                handle.call_from_thread(move |_| ran.send(round).unwrap()).unwrap();
                assert_eq!(has_run.recv(), Ok(round));
            }
            handle.stop();
            wakes
        });
        reactor.run().unwrap();
        let wakes = thread.join().unwrap();
        assert!(wakes <= 20, "{wakes} wake-ups for 20 bursts");
        assert_eq!(reactor.stats().calls, 20 * (CALLS + 1));
    });
}

/// What has woken it need not be a call.
#[test]
fn i6_w35_a_loop_that_a_timer_has_woken_is_not_woken_again() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let (awake, is_awake) = channel();
        let (counted, count) = channel();
        let thread = foreign(move || {
            is_awake.recv().unwrap();
            let before = writes();
            handle.call_from_thread(Reactor::stop).unwrap();
            counted.send(writes() - before).unwrap();
        });
        let (told, wakes) = channel();
        reactor.call_later(Duration::from_millis(5), move |_| {
            awake.send(()).unwrap();
            told.send(count.recv().unwrap()).unwrap();
        });
        reactor.run().unwrap();
        thread.join().unwrap();
        assert_eq!(wakes.recv(), Ok(0));
    });
}

/// Between two turns it counts as asleep; in a turn it is awake, whoever has called for that.
#[cfg(target_os = "linux")]
#[test]
fn i6_w35_a_turn_for_a_foreign_loop_is_not_woken() {
    use std::os::fd::AsFd as _;
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let _ = reactor.as_fd();
        let (counted, count) = channel();
        reactor.call_soon(move |reactor| {
            let handle = reactor.handle();
            let thread = foreign(move || {
                let before = writes();
                handle.call_from_thread(|_| ()).unwrap();
                writes() - before
            });
            counted.send(thread.join().unwrap()).unwrap();
        });
        reactor.turn(Some(Duration::ZERO)).unwrap();
        assert_eq!(count.recv(), Ok(0));
    });
}

/// On the reactor thread nobody sleeps, so that nothing is to be woken.
#[test]
fn i6_calls_that_callbacks_make_cost_no_system_call() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (counted, count) = channel();
        reactor.call_soon(move |reactor| {
            let (handle, before) = (reactor.handle(), writes());
            let remote = reactor.share(());
            for _ in 0..CALLS {
                handle.call_from_thread(|_| ()).unwrap();
                remote.call_from_thread(|_, _| ()).unwrap();
                reactor.call_soon(|_| ());
            }
            handle.stop();
            reactor.stop_now();
            reactor.crash();
            counted.send(writes() - before).unwrap();
        });
        reactor.run().unwrap();
        assert_eq!(count.recv(), Ok(0));
    });
}

/// Four threads that wake it all the time, each for one answer: none waits for ever.
#[test]
fn w35_no_wake_up_is_lost_between_four_threads() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (left, last) = channel::<()>();
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (handle, left) = (reactor.handle(), left.clone());
                foreign(move || {
                    let (sent, answers) = channel();
                    for number in 0..1_000 {
                        let sent = sent.clone();
                        handle.call_from_thread(move |_| sent.send(number).unwrap()).unwrap();
                        assert_eq!(answers.recv(), Ok(number));
                    }
                    drop(left);
                })
            })
            .collect();
        drop(left);
        let handle = reactor.handle();
        let ends = foreign(move || {
            assert!(last.recv().is_err());
            handle.stop();
        });
        reactor.run().unwrap();
        threads.into_iter().chain([ends]).for_each(|thread| thread.join().unwrap());
        assert_eq!(reactor.stats().calls, 4_000);
    });
}
