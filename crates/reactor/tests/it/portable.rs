//! The way to wait that every platform has: what the loop promises, it promises there, too.

use crate::fixture::{foreign, sockets};
use ropewalk_reactor::{Interest, Reactor};
use ropewalk_testing::{DEADLINE, within};
use std::cell::{Cell, RefCell};
use std::io::{Read as _, Write as _};
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// Both ways, where there are two.
fn each_way(test: impl Fn(Reactor) + Send + Copy + 'static) {
    within(DEADLINE, move || {
        test(Reactor::new().unwrap());
        test(Reactor::builder().portable_selector().build().unwrap());
    });
}

#[test]
fn a_loop_that_sleeps_hears_calls_and_stops() {
    each_way(|reactor| {
        let (answer, answers) = channel();
        let handle = reactor.handle();
        let caller = foreign(move || {
            for number in 0..200 {
                let answer = answer.clone();
                handle.call_from_thread(move |_| answer.send(number).unwrap()).unwrap();
                assert_eq!(answers.recv().unwrap(), number);
            }
            handle.stop();
        });
        reactor.run().unwrap();
        caller.join().unwrap();
        assert_eq!(reactor.stats().calls, 200);
    });
}

#[test]
fn timers_fire_in_order_and_never_early() {
    each_way(|reactor| {
        let delays = [3000, 200, 1500, 0, 200, 900];
        let fired = Rc::new(RefCell::new(Vec::new()));
        let set = |(number, &micros)| {
            let (due, fired) = (Instant::now() + Duration::from_micros(micros), Rc::clone(&fired));
            let call = reactor.call_later(Duration::from_micros(micros), move |reactor| {
                assert!(Instant::now() >= due);
                fired.borrow_mut().push(number);
                if fired.borrow().len() == delays.len() {
                    reactor.stop();
                }
            });
            (call.time().unwrap(), number)
        };
        // A busy machine may take long to set them.
        let mut expected: Vec<_> = delays.iter().enumerate().map(set).collect();
        expected.sort_unstable();
        reactor.run().unwrap();
        let expected: Vec<_> = expected.into_iter().map(|(_, number)| number).collect();
        assert_eq!(*fired.borrow(), expected);
    });
}

/// The end of a sleep is moved both ways, and a timer that is cancelled wakes nobody.
#[test]
fn w15_the_sleep_follows_the_first_timer() {
    each_way(|reactor| {
        let head = Rc::new(reactor.call_later(20 * DEADLINE, |_| unreachable!()));
        let cancels = Rc::clone(&head);
        reactor.call_later(Duration::from_micros(500), move |reactor| {
            cancels.cancel().unwrap();
            let sleeps = reactor.stats().sleeps;
            reactor.call_later(Duration::from_millis(20), move |reactor| {
                // There may be none on a machine so busy that this is due at once.
                assert!(reactor.stats().sleeps <= sleeps + 1, "one sleep for one timer");
                let far = reactor.call_later(20 * DEADLINE, Reactor::stop);
                reactor.call_soon(move |_| far.reset(Duration::from_millis(2)).unwrap());
            });
        });
        // After the one that cancels it, however long it has taken to set that.
        head.reset(Duration::from_millis(1)).unwrap();
        reactor.run().unwrap();
        assert_eq!(reactor.stats().panics, 0);
    });
}

#[test]
fn sources_are_served_level_and_edge() {
    each_way(|reactor| {
        for edge in [false, true] {
            let (source, mut peer) = sockets();
            let (heard, ended) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
            let (hears, ends) = (Rc::clone(&heard), Rc::clone(&ended));
            let interest = Interest::READABLE;
            let interest = if edge { interest.edge_triggered() } else { interest };
            let registration = reactor
                .register(source, interest, move |_, mut source, readiness| {
                    assert!(readiness.readable);
                    hears.set(hears.get() + 1);
                    let mut byte = [0];
                    ends.set(source.read(&mut byte).unwrap() == 0);
                })
                .unwrap();
            peer.write_all(b"ab").unwrap();
            while heard.get() == 0 {
                reactor.turn(None).unwrap();
            }
            // One byte is left.
            reactor.turn(Some(Duration::ZERO)).unwrap();
            assert_eq!(heard.get(), if edge { 1 } else { 2 });
            peer.write_all(b"c").unwrap();
            let before = heard.get();
            while heard.get() == before {
                reactor.turn(None).unwrap();
            }
            registration.set_interest(Interest::NONE).unwrap();
            drop(peer);
            reactor.turn(Some(Duration::ZERO)).unwrap();
            registration.set_interest(Interest::READABLE).unwrap();
            while !ended.get() {
                reactor.turn(None).unwrap();
            }
        }
    });
}

#[test]
fn i6_it_sleeps_until_somebody_calls() {
    each_way(|reactor| {
        let (source, _peer) = sockets();
        let _registration =
            reactor.register(source, Interest::READABLE, |_, _, _| unreachable!()).unwrap();
        reactor.call_later(20 * DEADLINE, |_| unreachable!());
        let (handle, (quiet, never)) = (reactor.handle(), channel::<()>());
        let caller = foreign(move || {
            never.recv_timeout(Duration::from_millis(50)).unwrap_err();
            handle.stop();
        });
        reactor.run().unwrap();
        caller.join().unwrap();
        drop(quiet);
        assert!(reactor.stats().sleeps <= 2, "{:?}", reactor.stats());
    });
}
