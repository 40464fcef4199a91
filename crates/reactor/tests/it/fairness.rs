//! No kind of work starves another (I7).

use crate::fixture::sockets;
use ropewalk_reactor::{Interest, Reactor, Registration};
use ropewalk_testing::{DEADLINE, within};
use std::cell::Cell;
use std::io::Write as _;
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::Duration;

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

#[test]
fn i7_w12_a_million_queued_calls_do_not_starve_timers_and_io() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
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
            let reactor = Reactor::new().unwrap();
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
        let reactor = Reactor::new().unwrap();
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
        let reactor = Reactor::new().unwrap();
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
    let reactor = Reactor::builder().budget(NonZeroUsize::new(3).unwrap()).build().unwrap();
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
