//! A reactor inside of a loop that belongs to somebody else.

use crate::fixture::{Log, foreign, run_briefly, sockets};
use ropewalk_reactor::{Interest, ManualClock, PanicPolicy, Phase, Reactor, RunError, SystemEvent};
use ropewalk_testing::{DEADLINE, within};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

#[test]
fn b82_the_time_out_is_that_of_the_first_timer() {
    let clock = ManualClock::new();
    let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
    // Such time does not pass by waiting.
    let timer = reactor.call_later(Duration::from_secs(5), |_| ());
    assert_eq!(reactor.poll_timeout(), None);
    timer.reset(Duration::ZERO).unwrap();
    assert_eq!(reactor.poll_timeout(), Some(Duration::ZERO));

    let reactor = Reactor::new().unwrap();
    assert_eq!(reactor.poll_timeout(), None, "b81");
    let timer = reactor.call_later(Duration::from_secs(500), |_| ());
    let first = reactor.poll_timeout().unwrap();
    assert!(first > Duration::from_secs(400) && first <= Duration::from_secs(500));
    timer.reset(Duration::from_secs(50)).unwrap();
    assert!(reactor.poll_timeout().unwrap() <= Duration::from_secs(50), "b83");
    timer.cancel().unwrap();
    assert_eq!(reactor.poll_timeout(), None);
}

#[test]
fn whatever_waits_makes_the_time_out_zero() {
    let zero = Some(Duration::ZERO);
    let reactor = Reactor::new().unwrap();
    reactor.call_soon(|_| ());
    assert_eq!(reactor.poll_timeout(), zero);
    reactor.turn(zero).unwrap();
    assert_eq!(reactor.poll_timeout(), None);
    reactor.handle().call_from_thread(|_| ()).unwrap();
    assert_eq!(reactor.poll_timeout(), zero);
    reactor.turn(zero).unwrap();
    assert_eq!(reactor.poll_timeout(), None);
    reactor.call_later(Duration::ZERO, |_| ());
    assert_eq!(reactor.poll_timeout(), zero);
}

/// Else a loop that goes by the time-out would sleep on a stop.
#[test]
fn a_reactor_that_is_to_end_makes_the_time_out_zero() {
    within(DEADLINE, || {
        for ends in [Reactor::stop, Reactor::stop_now, Reactor::crash] {
            let reactor = Reactor::new().unwrap();
            reactor.start_running().unwrap();
            reactor.call_later(2 * DEADLINE, |_| ());
            ends(&reactor);
            for _ in 0..3 {
                assert_eq!(reactor.poll_timeout(), Some(Duration::ZERO));
                reactor.turn(Some(Duration::ZERO)).unwrap();
            }
            reactor.run().unwrap();
            assert!(reactor.poll_timeout() > Some(Duration::ZERO), "it has ended");
        }
    });
}

#[test]
fn started_by_hand_it_runs_and_run_only_shuts_it_down() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        for _ in 0..2 {
            let log = Log::default();
            for (event, name) in
                [(SystemEvent::Startup, "startup"), (SystemEvent::Shutdown, "shutdown")]
            {
                for phase in [Phase::Before, Phase::During, Phase::After] {
                    let (log, entry) = (log.clone(), format!("{phase:?} {name}"));
                    reactor.add_system_event_trigger(phase, event, move |reactor| {
                        log.add(format!("{entry} {}", reactor.running()));
                    });
                }
            }
            reactor.start_running().unwrap();
            assert!(reactor.running() && reactor.handle().accepts_calls());
            assert_eq!(log.text(), "Before startup false During startup true After startup true");
            assert!(matches!(reactor.start_running(), Err(RunError::AlreadyRunning)));
            let called = log.clone();
            reactor.handle().call_from_thread(Reactor::stop).unwrap();
            reactor.call_when_running(move |_| called.add("at once"));
            while !reactor.stopping() {
                reactor.turn(None).unwrap();
            }
            assert!(reactor.running());
            reactor.run().unwrap();
            assert!(!reactor.running() && !reactor.stopping());
            let shutdown = "Before shutdown true During shutdown true After shutdown false";
            assert!(log.text().ends_with(&format!("at once {shutdown}")), "{}", log.text());
        }
    });
}

#[test]
fn started_by_hand_it_can_crash_and_hears_of_a_panic() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().panic_policy(PanicPolicy::Stop).build().unwrap();
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, |_| unreachable!());
        reactor.start_running().unwrap();
        reactor.call_soon(Reactor::crash);
        while !reactor.stopping() {
            reactor.turn(None).unwrap();
        }
        reactor.run().unwrap();
        assert!(!reactor.running() && !reactor.stopping());

        let reactor = Reactor::builder().panic_policy(PanicPolicy::Stop).build().unwrap();
        reactor.start_running().unwrap();
        reactor.call_soon(|_| panic!("of a callback"));
        reactor.turn(None).unwrap();
        assert!(reactor.stopping());
        assert!(matches!(reactor.run(), Err(RunError::Panicked { .. })));
    });
}

#[test]
fn it_cannot_be_started_from_a_callback_and_is_left_running_by_none() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor.call_soon(|reactor| {
            assert!(matches!(reactor.start_running(), Err(RunError::AlreadyRunning)));
            reactor.stop();
        });
        reactor.run().unwrap();
        reactor.start_running().unwrap();
        // Dropped while it runs: nothing hangs, and nothing is accepted any more.
        let handle = reactor.handle();
        drop(reactor);
        assert!(!handle.accepts_calls());
    });
}

#[cfg(target_os = "linux")]
mod descriptor {
    use super::*;
    use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;
    use std::time::Instant;

    const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

    fn is_readable(reactor: &Reactor) -> bool {
        poll(&mut [PollFd::new(reactor, PollFlags::IN)], Some(&NOW)).unwrap() > 0
    }

    /// The foreign loop, until `done`.
    fn turn_until(reactor: &Reactor, done: impl Fn() -> bool) {
        while !done() {
            poll(&mut [PollFd::new(reactor, PollFlags::IN)], None).unwrap();
            reactor.turn(Some(Duration::ZERO)).unwrap();
        }
    }

    fn flag() -> (Rc<Cell<bool>>, impl Fn() -> bool, impl FnOnce(&Reactor) + 'static) {
        let flag = Rc::new(Cell::new(false));
        let (read, set) = (Rc::clone(&flag), Rc::clone(&flag));
        (flag, move || read.get(), move |_: &Reactor| set.set(true))
    }

    #[test]
    fn a_foreign_loop_hears_of_timers() {
        within(DEADLINE, || {
            let reactor = Reactor::new().unwrap();
            assert!(!is_readable(&reactor));
            let (_, done, set) = flag();
            reactor.call_later(Duration::from_millis(2), set);
            turn_until(&reactor, done);
            assert!(!is_readable(&reactor), "nothing is left to be done");

            // Set before the descriptor was asked for, and moved since.
            let reactor = Reactor::new().unwrap();
            let (_, done, set) = flag();
            let timer = reactor.call_later(Duration::from_secs(3600), set);
            assert!(!is_readable(&reactor));
            timer.reset(Duration::from_millis(2)).unwrap();
            turn_until(&reactor, done);
        });
    }

    #[test]
    fn w15_a_foreign_loop_is_not_woken_for_a_timer_that_was_cancelled() {
        within(DEADLINE, || {
            let reactor = Reactor::new().unwrap();
            assert!(!is_readable(&reactor));
            let first = reactor.call_later(Duration::from_millis(1), |_| unreachable!());
            let second = reactor.call_later(Duration::from_millis(30), |_| ());
            let due = second.time().unwrap();
            first.cancel().unwrap();
            poll(&mut [PollFd::new(&reactor, PollFlags::IN)], None).unwrap();
            assert!(reactor.now() >= due);
        });
    }

    #[test]
    fn a_foreign_loop_hears_of_calls() {
        within(DEADLINE, || {
            let reactor = Reactor::new().unwrap();
            assert!(!is_readable(&reactor));
            for calls in 1..=100 {
                let handle = reactor.handle();
                let caller = foreign(move || handle.call_from_thread(|_| ()).unwrap());
                turn_until(&reactor, || reactor.stats().calls == calls);
                caller.join().unwrap();
            }
            assert!(!is_readable(&reactor));
        });
    }

    #[test]
    fn what_is_asked_for_between_two_turns_is_told_at_once() {
        within(DEADLINE, || {
            let reactor = Reactor::new().unwrap();
            assert!(!is_readable(&reactor));
            reactor.call_soon(|_| ());
            assert!(is_readable(&reactor));
            reactor.turn(Some(Duration::ZERO)).unwrap();
            assert!(!is_readable(&reactor));
            reactor.call_later(Duration::ZERO, |_| ());
            assert!(is_readable(&reactor));
            reactor.turn(Some(Duration::ZERO)).unwrap();
            // A call made soon by another one.
            reactor.call_soon(|reactor| reactor.call_soon(|_| ()));
            reactor.turn(Some(Duration::ZERO)).unwrap();
            assert!(is_readable(&reactor));
            reactor.turn(Some(Duration::ZERO)).unwrap();
            assert!(!is_readable(&reactor));
        });
    }

    #[test]
    fn a_foreign_loop_hears_of_sources() {
        within(DEADLINE, || {
            let reactor = Reactor::new().unwrap();
            assert!(!is_readable(&reactor));
            let (source, mut peer) = sockets();
            let (_, done, set) = flag();
            let mut set = Some(set);
            let registration = reactor
                .register(source, Interest::READABLE, move |reactor, mut source, _| {
                    assert_eq!(source.read(&mut [0; 8]).unwrap(), 1);
                    set.take().unwrap()(reactor);
                })
                .unwrap();
            reactor.turn(Some(Duration::ZERO)).unwrap();
            assert!(!is_readable(&reactor));
            peer.write_all(b"!").unwrap();
            turn_until(&reactor, done);
            assert!(!is_readable(&reactor));
            drop(registration);
        });
    }

    /// A stop makes no turn sleep over what comes after it: it is made known, and so are calls.
    #[test]
    fn a_stop_in_a_turn_or_at_rest_hides_no_call() {
        within(DEADLINE, || {
            for in_a_turn in [true, false] {
                let reactor = Reactor::new().unwrap();
                assert!(!is_readable(&reactor));
                if in_a_turn {
                    reactor.call_soon(Reactor::stop);
                    reactor.turn(Some(Duration::ZERO)).unwrap();
                } else {
                    reactor.stop();
                    reactor.call_later(20 * DEADLINE, |_| ());
                }
                assert!(is_readable(&reactor), "in a turn: {in_a_turn}");
                let handle = reactor.handle();
                foreign(move || handle.call_from_thread(|_| ()).unwrap()).join().unwrap();
                turn_until(&reactor, || reactor.stats().calls == 1);
                assert!(!is_readable(&reactor));
            }
        });
    }

    /// An edge is told once. What a turn had no time for is there all the same.
    #[test]
    fn i7_a_foreign_loop_hears_of_events_that_are_left_over() {
        within(DEADLINE, || {
            let limit = Duration::from_millis(1);
            let reactor = Reactor::builder().time_budget(limit).build().unwrap();
            assert!(!is_readable(&reactor));
            let served = Rc::new(Cell::new(0));
            let sources: Vec<_> = (0..7)
                .map(|_| {
                    let (source, peer) = sockets();
                    let serves = Rc::clone(&served);
                    let interest = Interest::WRITABLE.edge_triggered();
                    let slow = move |_: &Reactor, _: &TcpStream, _| {
                        let begun = Instant::now();
                        while begun.elapsed() < 2 * limit {}
                        serves.set(serves.get() + 1);
                    };
                    (reactor.register(source, interest, slow).unwrap(), peer)
                })
                .collect();
            reactor.turn(Some(Duration::ZERO)).unwrap();
            assert!(served.get() < 7);
            assert_eq!(reactor.poll_timeout(), Some(Duration::ZERO));
            turn_until(&reactor, || served.get() == 7);
            assert!(!is_readable(&reactor));
            assert_eq!(reactor.poll_timeout(), None);
            drop(sources);
        });
    }

    /// Cleared by a turn, and told anew: also to a foreign epoll, which keeps a list of its own.
    #[test]
    fn it_works_in_a_foreign_epoll() {
        within(DEADLINE, || {
            let reactor = Reactor::new().unwrap();
            let foreign = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
            let data = epoll::EventData::new_u64(7);
            epoll::add(&foreign, &reactor, data, epoll::EventFlags::IN).unwrap();
            let look = |timeout| {
                let mut events = Vec::with_capacity(4);
                let room = rustix::buffer::spare_capacity(&mut events);
                epoll::wait(&foreign, room, timeout).unwrap()
            };
            for round in 0..3 {
                assert_eq!(look(Some(&NOW)), 0, "round {round}");
                reactor.call_later(Duration::from_micros(300), |_| ());
                assert_eq!(look(None), 1);
                reactor.turn(Some(Duration::ZERO)).unwrap();
                reactor.handle().call_from_thread(|_| ()).unwrap();
                assert_eq!(look(None), 1);
                reactor.turn(Some(Duration::ZERO)).unwrap();
            }
        });
    }

    #[test]
    fn a_run_of_its_own_works_before_and_after() {
        within(DEADLINE, || {
            let reactor = Reactor::new().unwrap();
            assert!(!is_readable(&reactor));
            run_briefly(&reactor);
            assert!(!is_readable(&reactor), "the stop that ended the run is past");
            reactor.accept_calls();
            let (_, done, set) = flag();
            reactor.call_later(Duration::from_millis(1), set);
            turn_until(&reactor, done);
            run_briefly(&reactor);
        });
    }

    #[test]
    fn a_callback_may_ask_for_the_descriptor() {
        within(DEADLINE, || {
            let reactor = Reactor::new().unwrap();
            reactor.call_soon(|reactor| {
                let _ = is_readable(reactor);
                reactor.call_later(Duration::from_millis(1), |_| ());
            });
            reactor.turn(Some(Duration::ZERO)).unwrap();
            turn_until(&reactor, || reactor.stats().timers == 1);
        });
    }
}
