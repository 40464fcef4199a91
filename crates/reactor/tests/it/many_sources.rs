//! More sources than one look at the system brings (I7).

use ropewalk_reactor::{Interest, Reactor, Registration};
use ropewalk_testing::{DEADLINE, within};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::cell::{Cell, RefCell};
use std::net::UdpSocket;
use std::rc::Rc;
use std::time::Duration;

/// What one look brings at most.
const LOOK: usize = 256;

/// What the other tests of this process may need meanwhile.
const OTHERS: u64 = 2_000;

/// As many as the system lets us have, up to ten thousand.
fn sources() -> usize {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Refused or not, what counts is what is allowed after it.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let room = allowed.checked_sub(OTHERS).unwrap_or(allowed / 2);
    usize::try_from(room).unwrap().min(10_000)
}

fn reactors() -> [Reactor; 2] {
    let portable = Reactor::builder().portable_selector();
    [Reactor::new().unwrap(), portable.build().unwrap()]
}

/// Sockets of their own each, with one datagram in each.
fn ready_sockets(count: usize) -> Vec<UdpSocket> {
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let receivers: Vec<_> = (0..count).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    for receiver in &receivers {
        receiver.set_nonblocking(true).unwrap();
        sender.send_to(b"x", receiver.local_addr().unwrap()).unwrap();
    }
    receivers
}

fn turn(reactor: &Reactor) -> usize {
    let before = reactor.stats().events;
    reactor.turn(Some(Duration::ZERO)).unwrap();
    (reactor.stats().events - before) as usize
}

/// Nobody reads: all are ready in each turn, and take turns.
#[test]
fn i7_w12_ten_thousand_ready_sources_are_served_in_rotation() {
    within(2 * DEADLINE, || {
        let count = sources();
        let sockets: Vec<_> = ready_sockets(count).into_iter().map(Rc::new).collect();
        for reactor in reactors() {
            let served: Rc<Vec<Cell<usize>>> = Rc::new(vec![Cell::new(0); count]);
            let kept: Vec<_> = (0..count)
                .map(|number| {
                    let served = Rc::clone(&served);
                    let callback = move |_: &Reactor, _: &Rc<UdpSocket>, _| {
                        served[number].set(served[number].get() + 1);
                    };
                    let socket = Rc::clone(&sockets[number]);
                    reactor.register(socket, Interest::READABLE, callback).unwrap()
                })
                .collect();
            assert_eq!(reactor.stats().sources, count);
            let round = count.div_ceil(LOOK);
            for rounds in 1..=3 {
                for _ in 0..round {
                    assert!((1..=LOOK).contains(&turn(&reactor)));
                }
                let (least, most) = served.iter().fold((usize::MAX, 0), |(least, most), one| {
                    (least.min(one.get()), most.max(one.get()))
                });
                assert!(least >= rounds && most <= rounds + 1, "{rounds}: {least} to {most}");
            }
            drop(kept);
            assert_eq!((reactor.stats().sources, reactor.stats().panics), (0, 0));
            assert_eq!(turn(&reactor), 0);
        }
    });
}

/// Each reads its datagram and goes: by dropping itself, or by resting.
#[test]
fn ten_thousand_sources_are_served_once_each_if_they_take_what_is_there() {
    within(2 * DEADLINE, || {
        let count = sources() / 2;
        for (reactor, interest) in
            reactors().into_iter().zip([Interest::READABLE, Interest::READABLE.edge_triggered()])
        {
            let slots: Rc<Vec<RefCell<Option<Registration<UdpSocket>>>>> =
                Rc::new((0..count).map(|_| RefCell::new(None)).collect());
            for (number, socket) in ready_sockets(count).into_iter().enumerate() {
                let own = Rc::clone(&slots);
                let callback = move |reactor: &Reactor, socket: &UdpSocket, _| {
                    assert_eq!(socket.recv(&mut [0; 2]).unwrap(), 1);
                    if number % 2 == 0 {
                        drop(own[number].take());
                    }
                    if reactor.stats().events + 1 == own.len() as u64 {
                        reactor.stop();
                    }
                };
                let registration = reactor.register(socket, interest, callback).unwrap();
                slots[number].replace(Some(registration));
            }
            // While they are served a timer and a call come in each turn.
            let (ticks, ticked) = (Rc::new(Cell::new(0_u64)), reactor.stats().turns);
            tick(&reactor, Rc::clone(&ticks));
            reactor.run().unwrap();
            let turns = reactor.stats().turns - ticked;
            assert!(
                turns >= count.div_ceil(LOOK) as u64 && ticks.get() == turns,
                "{ticks:?} {turns}"
            );
            assert_eq!((reactor.stats().events, reactor.stats().panics), (count as u64, 0));
            assert_eq!(reactor.stats().sources, count / 2);
            assert_eq!(turn(&reactor), 0, "nothing is left");
        }
    });
}

fn tick(reactor: &Reactor, ticks: Rc<Cell<u64>>) {
    reactor.call_later(Duration::ZERO, move |reactor| {
        ticks.set(ticks.get() + 1);
        tick(reactor, ticks);
    });
}
