//! No kind of work starves another (I7).

use crate::fixture::sockets;
use ropewalk_reactor::{Interest, Reactor, Registration};
use ropewalk_testing::{DEADLINE, within};
use std::cell::{Cell, RefCell};
use std::io::Write as _;
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// The turns in which a timer, a soon-call, a call and an event that are all due at once are
/// served; then the reactor stops.
#[derive(Default)]
struct Witness {
    turns: Cell<[u64; 4]>,
}

impl Witness {
    /// Registers one of each kind. The socket must be kept.
    fn watch(self: &Rc<Self>, reactor: &Reactor) -> (Registration<TcpStream>, TcpStream) {
        let sees = |kind: usize| {
            let witness = Rc::clone(self);
            move |reactor: &Reactor| witness.saw(kind, reactor)
        };
        reactor.call_later(Duration::ZERO, sees(0));
        reactor.call_soon(sees(1));
        let last = reactor.share(Rc::clone(self));
        last.call_from_thread(|witness, reactor| witness.saw(2, reactor)).unwrap();
        let (server, mut client) = sockets();
        client.write_all(b"x").unwrap();
        let event = sees(3);
        let callback = move |reactor: &Reactor, _: &TcpStream, _| event(reactor);
        (reactor.register(server, Interest::READABLE, callback).unwrap(), client)
    }

    fn saw(&self, kind: usize, reactor: &Reactor) {
        let mut turns = self.turns.get();
        if turns[kind] == 0 {
            turns[kind] = reactor.stats().turns;
            self.turns.set(turns);
        }
        if !turns.contains(&0) {
            reactor.stop();
        }
    }
}

fn again(reactor: &Reactor) {
    reactor.call_later(Duration::ZERO, again);
}

fn again_soon(reactor: &Reactor) {
    reactor.call_soon(again_soon);
}

fn again_from_thread(reactor: &Reactor) {
    let _ = reactor.handle().call_from_thread(again_from_thread);
}

/// Its turns are limited by numbers alone: a busy machine must not change them.
fn untimed() -> Reactor {
    Reactor::builder().time_budget(Duration::MAX).build().unwrap()
}

#[test]
fn i7_w12_a_million_queued_calls_do_not_starve_timers_and_io() {
    within(DEADLINE, || {
        let reactor = untimed();
        let handle = reactor.handle();
        for _ in 0..1_000_000 {
            handle.call_from_thread(|_| ()).unwrap();
        }
        let witness = Rc::new(Witness::default());
        let _watched = witness.watch(&reactor);
        reactor.run().unwrap();
        let [timer, soon, call, event] = witness.turns.get();
        assert!(timer <= 2 && soon <= 2 && event <= 2, "{:?}", witness.turns);
        // It is behind a million others, 256 in each turn.
        assert_eq!(call, 1_000_001_u64.div_ceil(256));
    });
}

#[test]
fn i7_what_asks_for_itself_again_and_again_starves_nobody() {
    within(DEADLINE, || {
        for endless in [again, again_soon, again_from_thread] {
            let reactor = untimed();
            endless(&reactor);
            let witness = Rc::new(Witness::default());
            let _watched = witness.watch(&reactor);
            reactor.run().unwrap();
            assert!(witness.turns.get().iter().all(|turn| *turn <= 2), "{:?}", witness.turns);
        }
    });
}

/// A peer that sends more than its callback reads is ready in every turn.
#[test]
fn i7_a_peer_that_floods_starves_nobody() {
    within(DEADLINE, || {
        let reactor = untimed();
        let floods: Vec<_> = (0..8)
            .map(|_| {
                let (server, mut client) = sockets();
                client.write_all(&[0; 1 << 14]).unwrap();
                let registration = reactor.register(server, Interest::BOTH, |_, _, _| ());
                (registration.unwrap(), client)
            })
            .collect();
        let witness = Rc::new(Witness::default());
        let _watched = witness.watch(&reactor);
        reactor.run().unwrap();
        assert!(witness.turns.get().iter().all(|turn| *turn <= 2), "{:?}", witness.turns);
        drop(floods);
    });
}

/// More sources are ready than one look brings: each gets its turn.
#[test]
fn i7_hundreds_of_ready_sources_are_served_in_rotation() {
    within(DEADLINE, || {
        let reactor = untimed();
        let served = Rc::new(Cell::new(0));
        let sources: Vec<_> = (0..400)
            .map(|_| {
                let (server, client) = sockets();
                let (served, mut first) = (Rc::clone(&served), true);
                let callback = move |_: &Reactor, _: &TcpStream, _| {
                    served.set(served.get() + u32::from(std::mem::take(&mut first)));
                };
                (reactor.register(server, Interest::WRITABLE, callback).unwrap(), client)
            })
            .collect();
        for _ in 0..4 {
            reactor.turn(Some(Duration::ZERO)).unwrap();
        }
        assert_eq!(served.get(), 400);
        drop(sources);
    });
}

#[test]
fn i7_the_budget_bounds_what_one_turn_runs_of_each_kind() {
    let reactor = Reactor::builder()
        .time_budget(Duration::MAX)
        .budget(NonZeroUsize::new(3).unwrap())
        .build()
        .unwrap();
    let soon = Rc::new(Cell::new(0));
    for _ in 0..10 {
        reactor.handle().call_from_thread(|_| ()).unwrap();
        reactor.call_later(Duration::ZERO, |_| ());
        let soon = Rc::clone(&soon);
        reactor.call_soon(move |_| soon.set(soon.get() + 1));
    }
    for expected in [3, 6, 9, 10, 10] {
        reactor.turn(Some(Duration::ZERO)).unwrap();
        let stats = reactor.stats();
        assert_eq!((stats.calls, stats.timers, soon.get()), (expected, expected, expected));
    }
}

/// Keeps the thread for at least twice the limit below.
fn slow() {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(2) {
        std::hint::spin_loop();
    }
}

fn timed() -> Reactor {
    Reactor::builder().time_budget(Duration::from_millis(1)).build().unwrap()
}

#[test]
fn i7_w12_slow_callbacks_of_one_kind_leave_time_for_the_others() {
    within(DEADLINE, || {
        let hand_in: [fn(&Reactor); 3] = [
            |reactor| reactor.handle().call_from_thread(|_| slow()).unwrap(),
            |reactor| reactor.call_soon(|_| slow()),
            |reactor| drop(reactor.call_later(Duration::ZERO, |_| slow())),
        ];
        for hand_in in hand_in {
            let reactor = timed();
            let count = Rc::new(Cell::new(0_u32));
            (0..20).for_each(|_| hand_in(&reactor));
            let (server, _client) = sockets();
            let heard = Rc::clone(&count);
            let _watched = reactor
                .register(server, Interest::WRITABLE, move |_, _, _| heard.set(heard.get() + 1))
                .unwrap();
            for turns in 1..=10 {
                reactor.turn(Some(Duration::ZERO)).unwrap();
                let stats = reactor.stats();
                assert_eq!(stats.calls + stats.timers + stats.soon, 2 * turns, "two in each turn");
                assert_eq!(u64::from(count.get()), turns, "the source in each");
            }
        }
    });
}

#[test]
fn i7_w12_slow_sources_leave_time_for_the_others_and_none_is_forgotten() {
    within(DEADLINE, || {
        for edge in [false, true] {
            let reactor = timed();
            let served = Rc::new(RefCell::new(Vec::new()));
            let interest = Interest::WRITABLE;
            let interest = if edge { interest.edge_triggered() } else { interest };
            let mut sources: Vec<_> = (0..7)
                .map(|number| {
                    let (server, client) = sockets();
                    let served = Rc::clone(&served);
                    let callback = move |reactor: &Reactor, _: &TcpStream, _| {
                        slow();
                        served.borrow_mut().push(number);
                        reactor.handle().call_from_thread(|_| ()).unwrap();
                    };
                    (reactor.register(server, interest, callback).unwrap(), client)
                })
                .collect();
            for turns in 1..=3 {
                reactor.turn(Some(Duration::ZERO)).unwrap();
                assert_eq!(served.borrow().len(), 2 * turns, "two in each turn");
                assert_eq!(reactor.poll_timeout(), Some(Duration::ZERO), "there are more");
                assert_eq!(reactor.stats().calls, 2 * (turns as u64 - 1), "calls in between");
            }
            // One that is left is gone by its turn.
            let last = (0..7).find(|number| !served.borrow().contains(number)).unwrap();
            drop(sources.remove(last));
            reactor.turn(Some(Duration::ZERO)).unwrap();
            assert!(!served.borrow().contains(&last), "its event was fetched, but it is gone");
        }
    });
}
