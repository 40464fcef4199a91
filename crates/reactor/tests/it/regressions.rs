//! One test for each fault that was found, if no other topic has it.

use ropewalk_reactor::{ManualClock, Reactor};
use ropewalk_testing::{DEADLINE, within};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// The last second that the clock can express, as far as a test can come near to it.
#[test]
fn a_delay_added_to_a_call_at_the_end_of_time_does_not_overflow() {
    let reactor = Reactor::new().unwrap();
    let mut far = Duration::from_secs(i64::MAX as u64);
    while reactor.now().checked_add(far).is_none() {
        far -= Duration::from_secs(1 << 40);
    }
    let call = reactor.call_later(far, |_| unreachable!());
    for _ in 0..3 {
        call.delay(Duration::from_secs(1 << 41)).unwrap();
        call.delay(Duration::MAX).unwrap();
    }
    reactor.turn(Some(Duration::ZERO)).unwrap();
    assert!(call.active());
}

/// A source is user code too: this one registers another source when it is asked for its
/// descriptor, which took the slot that was meant for it.
#[test]
fn i5_a_source_may_register_another_one_when_it_is_asked_for_its_descriptor() {
    struct Eager(std::net::TcpStream);
    impl AsFd for Eager {
        fn as_fd(&self) -> BorrowedFd<'_> {
            thread_local!(static ASKED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) });
            if !ASKED.replace(true) {
                Reactor::with_current(|reactor| {
                    let (other, peer) = crate::fixture::sockets();
                    let quiet = reactor.register(
                        other,
                        ropewalk_reactor::Interest::READABLE,
                        move |_, _, _| drop(peer.try_clone()),
                    );
                    reactor.call_later(DEADLINE, move |_| drop(quiet));
                });
            }
            self.0.as_fd()
        }
    }
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor.call_soon(|reactor| {
            let (server, client) = crate::fixture::sockets();
            let stops = |reactor: &Reactor, _: &Eager, _| reactor.stop();
            let eager = Eager(server);
            let registered =
                reactor.register(eager, ropewalk_reactor::Interest::WRITABLE, stops).unwrap();
            reactor.call_later(DEADLINE, move |_| drop((registered, client)));
        });
        reactor.run().unwrap();
        assert_eq!(reactor.stats().panics, 0);
    });
}

/// An advance by nothing, or of a clock without reactors, is fine.
#[test]
fn a_clock_without_reactors_moves() {
    let clock = ManualClock::default();
    clock.advance(Duration::ZERO);
    clock.advance(Duration::from_secs(5));
    drop(Reactor::builder().manual_clock(&clock).build().unwrap());
    clock.advance(Duration::from_secs(5));
    assert_eq!(clock.elapsed(), Duration::from_secs(10));
}
