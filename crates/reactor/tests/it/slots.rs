//! Typed slots, where upper crates keep what belongs to one reactor.

use crate::fixture::foreign;
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, within};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

#[derive(Default)]
struct Counter(Cell<u32>);

#[test]
fn a_local_slot_is_one_value_per_type_and_reactor() {
    let (one, other) = (Reactor::new().unwrap(), Reactor::new().unwrap());
    one.local::<Counter>().0.set(7);
    assert_eq!(one.local::<Counter>().0.get(), 7);
    assert_eq!(other.local::<Counter>().0.get(), 0);
    assert_eq!(*one.local::<u32>(), 0);
}

#[test]
fn a_shared_slot_is_one_value_for_all_threads() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let start = Arc::new(Barrier::new(4));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (handle, start) = (reactor.handle(), Arc::clone(&start));
                foreign(move || {
                    start.wait();
                    handle.shared::<AtomicUsize>().fetch_add(1, Ordering::SeqCst);
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(reactor.handle().shared::<AtomicUsize>().load(Ordering::SeqCst), 4);
    });
}

/// A default that asks for slots itself, even for its own.
struct Curious(Rc<Counter>);

impl Default for Curious {
    fn default() -> Self {
        thread_local!(static DEPTH: Cell<u32> = const { Cell::new(0) });
        let reactor = Reactor::with_current(Reactor::downgrade).unwrap();
        if DEPTH.replace(DEPTH.get() + 1) == 0 {
            reactor.with(|reactor| drop(reactor.local::<Self>())).unwrap();
        }
        Self(reactor.with(|reactor| reactor.local::<Counter>()).unwrap())
    }
}

#[test]
fn i5_a_default_may_ask_for_slots() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor.call_soon(|reactor| {
            reactor.local::<Curious>().0.0.set(3);
            assert_eq!(reactor.local::<Counter>().0.get(), 3);
            reactor.stop();
        });
        reactor.run().unwrap();
        assert_eq!(reactor.stats().panics, 0);
    });
}

struct Hopeless;

impl Default for Hopeless {
    fn default() -> Self {
        panic!("on purpose");
    }
}

#[test]
fn i3_a_default_that_panics_leaves_the_slots_alone() {
    let reactor = Reactor::new().unwrap();
    for _ in 0..2 {
        let asks = std::panic::AssertUnwindSafe(|| drop(reactor.local::<Hopeless>()));
        std::panic::catch_unwind(asks).unwrap_err();
        let handle = reactor.handle();
        let asks = std::panic::AssertUnwindSafe(|| drop(handle.shared::<Hopeless>()));
        std::panic::catch_unwind(asks).unwrap_err();
    }
    assert_eq!(*reactor.local::<u8>(), 0);
    assert_eq!(*reactor.handle().shared::<u8>(), 0);
}
