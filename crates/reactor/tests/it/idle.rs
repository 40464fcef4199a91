//! Idle means idle (I6): no wake-ups, no turns.

use crate::fixture::{descriptors, foreign, sockets};
use ropewalk_reactor::{Interest, Reactor};
use ropewalk_testing::{DEADLINE, within};
use std::sync::mpsc::channel;
use std::time::Duration;

/// How often this thread has gone to sleep so far.
#[cfg(target_os = "linux")]
fn sleeps() -> u64 {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches")).unwrap();
    line.split_whitespace().last().unwrap().parse().unwrap()
}

#[cfg(not(target_os = "linux"))]
fn sleeps() -> u64 {
    0
}

/// B81, with more than nothing to wait for: timers that are far away and connections on which
/// nothing happens cost nothing. The stretch is long enough for a thousand ticks of a millisecond.
#[test]
fn i6_an_idle_reactor_does_not_wake_up() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        for _ in 0..1_000 {
            reactor.call_later(20 * DEADLINE, |_| unreachable!());
            reactor.call_later(DEADLINE, |_| unreachable!()).cancel().unwrap();
        }
        let connections: Vec<_> = (0..descriptors(2_000) / 2)
            .map(|_| {
                let (server, client) = sockets();
                let unwanted = |_: &Reactor, _: &std::net::TcpStream, _| unreachable!();
                (reactor.register(server, Interest::READABLE, unwanted).unwrap(), client)
            })
            .collect();
        let (sender, before) = channel();
        let handle = reactor.handle();
        reactor.call_when_running(move |reactor| {
            reactor.call_soon(move |reactor| {
                sender.send((reactor.stats().turns, sleeps())).unwrap();
            });
        });
        let (counted, counts) = channel();
        let thread = foreign(move || {
            let (turns, slept) = before.recv().unwrap();
            // The idle stretch: nobody sends anything on this channel, which is kept open here.
            let (_quiet, nothing) = channel::<()>();
            nothing.recv_timeout(Duration::from_secs(1)).unwrap_err();
            handle
                .call_from_thread(move |reactor| {
                    counted.send((reactor.stats().turns - turns, sleeps() - slept)).unwrap();
                    reactor.stop();
                })
                .unwrap();
        });
        reactor.run().unwrap();
        thread.join().unwrap();
        let (turns, slept) = counts.recv().unwrap();
        // The turn that fell asleep is the one that is counted from, or the next one; a lock that
        // is held by another thread may cost a switch more.
        assert!(turns <= 2, "{turns} turns");
        assert!(slept <= 3, "{slept} sleeps");
        drop(connections);
    });
}

/// A wake-up that nobody needs any more costs one turn, not one each.
#[test]
fn i6_a_burst_of_calls_costs_few_turns() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        reactor.call_when_running(move |_| {
            for _ in 0..200 {
                handle.call_from_thread(|_| ()).unwrap();
                handle.clone().stop();
            }
        });
        reactor.run().unwrap();
        assert!(reactor.stats().turns <= 3, "{:?}", reactor.stats());
    });
}
