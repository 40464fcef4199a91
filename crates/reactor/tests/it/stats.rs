//! What the counters count.

use crate::fixture::{foreign, sockets};
use ropewalk_reactor::{Interest, ManualClock, Reactor};
use ropewalk_testing::{DEADLINE, within};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Keeps the thread for that long, at least.
fn busy(time: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < time {}
}

#[test]
fn each_kind_is_counted_and_what_waits_too() {
    within(DEADLINE, || {
        // All in one turn, however long that takes: the event stops the run.
        let reactor = Reactor::builder().time_budget(Duration::MAX).build().unwrap();
        let (server, mut client) = sockets();
        let callback = |reactor: &Reactor, mut server: &TcpStream, _| {
            assert_eq!(server.read(&mut [0]).unwrap(), 1);
            reactor.stop();
        };
        let registration = reactor.register(server, Interest::READABLE, callback).unwrap();
        client.write_all(b"x").unwrap();
        let timers = [0, 0, 3600].map(|s| reactor.call_later(Duration::from_secs(s), |_| ()));
        (0..3).for_each(|_| reactor.call_soon(|_| ()));
        (0..4).for_each(|_| reactor.handle().call_from_thread(|_| ()).unwrap());
        let waiting = reactor.stats();
        let pending = (waiting.pending_calls, waiting.pending_timers, waiting.pending_soon);
        assert_eq!((pending, waiting.sources), ((4, 3, 3), 1));
        reactor.run().unwrap();
        let stats = reactor.stats();
        assert_eq!((stats.calls, stats.timers, stats.soon, stats.events), (4, 2, 3, 1));
        let pending = (stats.pending_calls, stats.pending_timers, stats.pending_soon);
        assert_eq!((pending, stats.sources), ((0, 1, 0), 1));
        drop((registration, timers));
    });
}

/// A call that keeps the loop is served before the timer that has to wait for it.
#[test]
fn lag_is_how_late_the_first_timer_of_a_pass_is() {
    within(DEADLINE, || {
        let kept = Duration::from_millis(2);
        let reactor = Reactor::new().unwrap();
        let first = reactor.call_later(Duration::ZERO, |_| ());
        let second = reactor.call_later(kept, |reactor| reactor.stop());
        reactor.handle().call_from_thread(move |_| busy(kept)).unwrap();
        assert_eq!((reactor.stats().lag, reactor.stats().longest_lag), Default::default());
        reactor.run().unwrap();
        let stats = reactor.stats();
        assert!(stats.longest_lag >= kept && stats.longest_lag < DEADLINE, "{stats:?}");
        assert!(stats.lag <= stats.longest_lag);
        drop((first, second));
    });
}

/// Two are due in one pass, and the second only just.
#[test]
fn lag_is_not_that_of_the_last_timer_of_a_pass() {
    within(DEADLINE, || {
        let apart = Duration::from_millis(30);
        let reactor = Reactor::builder().time_budget(Duration::MAX).build().unwrap();
        let timers = [Duration::ZERO, apart].map(|delay| reactor.call_later(delay, |_| ()));
        busy(apart);
        reactor.turn(Some(Duration::ZERO)).unwrap();
        let stats = reactor.stats();
        assert_eq!(stats.timers, 2);
        assert!(stats.lag >= apart && stats.lag == stats.longest_lag, "{stats:?}");
        drop(timers);
    });
}

/// It is of the last pass that ran a timer, and the longest stays.
#[test]
fn the_longest_lag_stays_when_the_lag_goes() {
    within(DEADLINE, || {
        let clock = ManualClock::new();
        let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
        let late = reactor.call_later(Duration::from_secs(1), |_| ());
        clock.advance(Duration::from_secs(5));
        assert_eq!(reactor.stats().lag, Duration::ZERO, "time stops at each deadline");
        let kept = Duration::from_millis(2);
        let real = Reactor::new().unwrap();
        let timer = real.call_later(Duration::ZERO, |_| ());
        busy(kept);
        real.turn(Some(Duration::ZERO)).unwrap();
        let before = real.stats();
        assert!(before.lag >= kept && before.lag == before.longest_lag, "{before:?}");
        real.turn(Some(Duration::ZERO)).unwrap();
        assert_eq!(real.stats().lag, before.lag, "no timer ran");
        let far = real.call_later(DEADLINE, |_| ());
        far.reset(Duration::ZERO).unwrap();
        real.turn(Some(Duration::ZERO)).unwrap();
        assert_ne!(real.stats().lag, before.lag);
        assert!(real.stats().longest_lag >= before.longest_lag);
        drop((late, timer, far));
    });
}

/// From a callback too, which then counts itself.
#[test]
fn the_longest_times_begin_anew_when_asked_and_the_counts_do_not() {
    within(DEADLINE, || {
        let kept = Duration::from_millis(2);
        let reactor = Reactor::builder().slow_callback(Duration::ZERO).build().unwrap();
        let timer = reactor.call_later(Duration::ZERO, move |_| busy(kept));
        busy(kept);
        reactor.turn(Some(Duration::ZERO)).unwrap();
        let before = reactor.stats();
        assert!(before.longest_lag >= kept && before.longest_callback >= kept, "{before:?}");
        reactor.reset_longest();
        let mut anew = before;
        (anew.longest_lag, anew.longest_callback) = Default::default();
        assert_eq!(reactor.stats(), anew, "nothing else is touched");
        reactor.call_soon(move |reactor| {
            busy(kept);
            reactor.reset_longest();
        });
        reactor.turn(Some(Duration::ZERO)).unwrap();
        let after = reactor.stats();
        assert!(after.longest_callback >= kept && after.longest_lag.is_zero(), "{after:?}");
        assert!(after.slow_callbacks > before.slow_callbacks);
        drop(timer);
    });
}

#[test]
fn a_loop_that_waits_sleeps_and_one_that_has_work_does_not() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        for _ in 0..3 {
            reactor.call_soon(|_| ());
            reactor.turn(Some(Duration::ZERO)).unwrap();
        }
        assert_eq!((reactor.stats().turns, reactor.stats().sleeps), (3, 0));
        let handle = reactor.handle();
        let caller = foreign(move || handle.call_from_thread(|_| ()).unwrap());
        while reactor.stats().calls == 0 {
            reactor.turn(None).unwrap();
        }
        caller.join().unwrap();
        let before = reactor.stats().sleeps;
        // A machine that is busy may take longer to begin the turn than there was to be slept.
        let mut delay = Duration::from_millis(1);
        while reactor.stats().sleeps == before {
            let timer = reactor.call_later(delay, |_| ());
            while timer.active() {
                reactor.turn(None).unwrap();
            }
            delay *= 2;
        }
    });
}
