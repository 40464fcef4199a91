//! Sources with code of their own, which panics or calls back into the reactor.

use crate::fixture::{OnDrop, run_briefly, sockets};
use ropewalk_reactor::{Interest, Reactor};
use ropewalk_testing::{DEADLINE, within};
use std::cell::RefCell;
use std::io::Write as _;
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

/// A source whose own drop panics, ended by its own callback.
#[test]
fn i3_a_source_that_panics_when_it_is_closed_is_contained() {
    struct Fragile(TcpStream, #[expect(dead_code, reason = "for its drop")] OnDrop<fn()>);
    impl AsFd for Fragile {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (server, mut client) = sockets();
        client.write_all(b"x").unwrap();
        let fragile = Fragile(server, OnDrop(|| panic!("on purpose")));
        let own = Rc::new(RefCell::new(None));
        let slot = Rc::clone(&own);
        let callback = move |_: &Reactor, _: &Fragile, _| {
            let registration = slot.take();
            drop(registration);
        };
        own.replace(Some(reactor.register(fragile, Interest::READABLE, callback).unwrap()));
        reactor.turn(Some(DEADLINE)).unwrap();
        assert_eq!((reactor.stats().panics, reactor.stats().sources), (1, 0));
        run_briefly(&reactor);
    });
}

/// A source is user code too. This one registers another source when it is asked for its
/// descriptor, and that one took the slot that was meant for it.
#[test]
fn i5_a_source_may_register_another_one_when_it_is_asked_for_its_descriptor() {
    struct Eager {
        socket: TcpStream,
        other: RefCell<Option<TcpStream>>,
    }
    impl AsFd for Eager {
        fn as_fd(&self) -> BorrowedFd<'_> {
            if let Some(other) = self.other.take() {
                let quiet = |reactor: &Reactor| {
                    let quiet = reactor.register(other, Interest::READABLE, |_, _, _| ());
                    reactor.call_later(DEADLINE, move |_| drop(quiet));
                };
                Reactor::with_current(quiet).unwrap();
            }
            self.socket.as_fd()
        }
    }
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (server, client) = sockets();
        let (other, _peer) = sockets();
        reactor.call_soon(move |reactor| {
            let eager = Eager { socket: server, other: RefCell::new(Some(other)) };
            let stops = |reactor: &Reactor, _: &Eager, _| reactor.stop();
            let registered = reactor.register(eager, Interest::WRITABLE, stops).unwrap();
            reactor.call_later(DEADLINE, move |_| drop((registered, client)));
        });
        reactor.run().unwrap();
        assert_eq!((reactor.stats().sources, reactor.stats().panics), (2, 0));
    });
}

/// Its callback is not kept, though the reactor was there when it was asked to watch.
#[test]
fn i5_a_source_may_drop_the_reactor_when_it_is_asked_for_its_descriptor() {
    struct Last(TcpStream, RefCell<Option<Reactor>>);
    impl AsFd for Last {
        fn as_fd(&self) -> BorrowedFd<'_> {
            drop(self.1.take());
            self.0.as_fd()
        }
    }
    let reactor = Reactor::new().unwrap();
    let lent = Rc::new(reactor.downgrade().upgrade().unwrap());
    let ((server, _client), circle) = (sockets(), Rc::clone(&lent));
    let last = Last(server, RefCell::new(Some(reactor)));
    let callback = move |_: &Reactor, _: &Last, _| drop(Rc::clone(&circle));
    let registered = lent.register(last, Interest::READABLE, callback);
    assert_eq!(Rc::strong_count(&lent), 1);
    drop(registered);
}
