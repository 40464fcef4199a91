//! More sources than one look at the system brings (I7).

use crate::fixture::descriptors;
use ropewalk_reactor::{Interest, Reactor, Registration};
use ropewalk_testing::{DEADLINE, within};
use std::cell::{Cell, RefCell};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

/// What one look brings at most.
const LOOK: usize = 256;

fn reactors() -> [Reactor; 2] {
    let portable = Reactor::builder().portable_selector();
    [Reactor::new().unwrap(), portable.build().unwrap()]
}

fn turn(reactor: &Reactor) -> usize {
    let before = reactor.stats().events;
    reactor.turn(Some(Duration::ZERO)).unwrap();
    (reactor.stats().events - before) as usize
}

/// All become ready at once, and nobody reads: they take turns.
#[test]
fn i7_w12_ten_thousand_ready_sources_are_served_in_rotation() {
    within(2 * DEADLINE, || {
        let count = descriptors(10_000);
        for reactor in reactors() {
            // One socket under as many numbers: each of them is a source.
            let (near, mut far) = UnixStream::pair().unwrap();
            let served: Rc<Vec<Cell<usize>>> = Rc::new(vec![Cell::new(0); count]);
            let kept: Vec<_> = (0..count)
                .map(|number| {
                    let served = Rc::clone(&served);
                    let callback = move |_: &Reactor, _: &UnixStream, _| {
                        served[number].set(served[number].get() + 1);
                    };
                    let near = near.try_clone().unwrap();
                    reactor.register(near, Interest::READABLE, callback).unwrap()
                })
                .collect();
            assert_eq!(reactor.stats().sources, count);
            assert_eq!(turn(&reactor), 0);
            far.write_all(b"x").unwrap();
            let mut events = 0;
            while events < 3 * count {
                // A look may bring less, though more is ready; it goes on where it was.
                let brought = turn(&reactor);
                assert!((1..=LOOK).contains(&brought));
                events += brought;
                let (least, most) = served.iter().fold((usize::MAX, 0), |(least, most), one| {
                    (least.min(one.get()), most.max(one.get()))
                });
                assert!(least == events / count, "{events}: {least} to {most}");
                assert!(most == events.div_ceil(count), "{events}: {least} to {most}");
            }
            drop(kept);
            assert_eq!((reactor.stats().sources, reactor.stats().panics), (0, 0));
            assert_eq!(turn(&reactor), 0);
        }
    });
}

/// Each reads its byte, and every second one goes then.
#[test]
fn thousands_of_sources_are_served_once_each_if_they_take_what_is_there() {
    within(2 * DEADLINE, || {
        let count = descriptors(10_000) / 4;
        for (reactor, interest) in
            reactors().into_iter().zip([Interest::READABLE, Interest::READABLE.edge_triggered()])
        {
            let slots: Rc<Vec<RefCell<Option<Registration<UnixStream>>>>> =
                Rc::new((0..count).map(|_| RefCell::new(None)).collect());
            for number in 0..count {
                let (near, mut far) = UnixStream::pair().unwrap();
                far.write_all(b"x").unwrap();
                let own = Rc::clone(&slots);
                let callback = move |reactor: &Reactor, mut near: &UnixStream, _| {
                    let _ = &far;
                    assert_eq!(near.read(&mut [0; 2]).unwrap(), 1);
                    if number % 2 == 0 {
                        drop(own[number].take());
                    }
                    if reactor.stats().events + 1 == own.len() as u64 {
                        reactor.stop();
                    }
                };
                let registration = reactor.register(near, interest, callback).unwrap();
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
