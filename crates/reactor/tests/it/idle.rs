//! Idle means idle (I6): no wake-ups, no turns.

use crate::fixture::{descriptors, foreign, sockets};
use ropewalk_reactor::{Interest, Reactor};
use ropewalk_testing::{DEADLINE, within};
use std::mem::replace;
use std::sync::mpsc::channel;
use std::thread::yield_now;
use std::time::Duration;

/// A thread as the system sees it.
#[cfg(target_os = "linux")]
struct Thread(std::path::PathBuf);

#[cfg(target_os = "linux")]
impl Thread {
    fn current() -> Self {
        Self(std::path::Path::new("/proc").join(std::fs::read_link("/proc/thread-self").unwrap()))
    }

    fn status(&self, name: &str) -> String {
        let status = std::fs::read_to_string(self.0.join("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_start_matches(':').trim().to_owned()
    }

    fn sleeps(&self) -> bool {
        self.status("State").starts_with('S')
    }

    /// How often it has gone to sleep, and how often it was made to wait, so far.
    fn switches(&self) -> [String; 2] {
        ["voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"].map(|name| self.status(name))
    }
}

#[cfg(not(target_os = "linux"))]
struct Thread;

#[cfg(not(target_os = "linux"))]
impl Thread {
    fn current() -> Self {
        Self
    }

    fn sleeps(&self) -> bool {
        true
    }

    fn switches(&self) -> [String; 2] {
        Default::default()
    }
}

/// B81, with more than nothing to wait for: timers that are far away and connections on which
/// nothing happens cost nothing. The stretch is long enough for each tick of the wheel's lowest
/// level, and for a few of the next.
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
                sender.send((reactor.stats().turns, Thread::current())).unwrap();
            });
        });
        let (counted, turns) = channel();
        let watcher = foreign(move || {
            let (turns, thread) = before.recv().unwrap();
            // The send above may have cost a switch, and so may what is left of its turn: it sleeps
            // for good when two looks find it asleep in the same sleep.
            let mut slept = thread.switches();
            while !thread.sleeps() || replace(&mut slept, thread.switches()) != slept {
                yield_now();
            }
            // The idle stretch: nobody sends anything on this channel, which is kept open here.
            let (_quiet, nothing) = channel::<()>();
            let mut stretch = || {
                nothing.recv_timeout(Duration::from_secs(5)).unwrap_err();
                let before = replace(&mut slept, thread.switches());
                (before, slept.clone())
            };
            let mut idle = stretch();
            // A thread that was made to wait on its very way to sleep looks asleep, and has that
            // switch to come: then it is the next stretch that counts.
            if idle.0 != idle.1 {
                idle = stretch();
            }
            handle
                .call_from_thread(move |reactor| {
                    counted.send(reactor.stats().turns - turns).unwrap();
                    reactor.stop();
                })
                .unwrap();
            idle
        });
        reactor.run().unwrap();
        let (slept, woken) = watcher.join().unwrap();
        assert_eq!(woken, slept, "the thread was switched to: of its own will, and not");
        // The turn that fell asleep is the one that is counted from, or the next one.
        let turns = turns.recv().unwrap();
        assert!(turns <= 2, "{turns} turns");
        drop(connections);
    });
}

/// A wake-up that nobody needs any more costs one turn, not one each.
#[test]
fn i6_a_burst_of_calls_costs_few_turns() {
    within(DEADLINE, || {
        // However long it takes to run them.
        let reactor = Reactor::builder().time_budget(Duration::MAX).build().unwrap();
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
