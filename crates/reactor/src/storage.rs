//! Storage that a burst has left behind.
//!
//! A slab and a queue keep the room that they needed once. After one bad minute that would be
//! megabytes for the rest of the life of the process, so an empty one gives it back. Keys stay
//! safe: what tells two users of one slot apart is counted outside of the slab.

use slab::Slab;
use std::collections::VecDeque;

/// Up to this many entries the storage is kept, for the next burst of the everyday kind.
pub(crate) const KEPT: usize = 1024;

pub(crate) trait GiveBack {
    /// Gives the storage back if nothing is in it and it is large. Cheap, and runs no user code.
    fn give_back(&mut self);
}

impl<T> GiveBack for Slab<T> {
    fn give_back(&mut self) {
        if self.is_empty() && self.capacity() > KEPT {
            *self = Self::new();
        }
    }
}

impl<T> GiveBack for VecDeque<T> {
    fn give_back(&mut self) {
        if self.is_empty() && self.capacity() > KEPT {
            *self = Self::new();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{GiveBack as _, KEPT};
    use crate::reactor::Reactor;
    use crate::selector::ManualSelector;
    use crate::source::Interest;
    use crate::triggers::SystemEvent;
    use ropewalk_testing::{DEADLINE, within};
    use std::collections::VecDeque;
    use std::net::UdpSocket;
    use std::rc::Rc;

    #[test]
    fn only_what_is_empty_and_large_is_given_back() {
        let mut queue = VecDeque::with_capacity(2 * KEPT);
        queue.push_back(1);
        queue.give_back();
        assert_eq!((queue.len(), queue.capacity() > KEPT), (1, true));
        queue.clear();
        queue.give_back();
        assert_eq!(queue.capacity(), 0);
        let mut queue = VecDeque::<u32>::with_capacity(KEPT / 2);
        queue.give_back();
        assert!(queue.capacity() >= KEPT / 2, "the next burst needs it");
    }

    /// Every way out of each container.
    #[test]
    fn a_reactor_keeps_no_storage_of_a_burst() {
        const BURST: usize = 8 * KEPT;
        // The two parts of the wheel's front, and 32 in each slot that was passed, which depends on
        // the time that this takes: 64 slots at the lowest level, few above.
        const TIMERS: usize = 5 * KEPT;
        within(DEADLINE, || {
            // One that needs no descriptor for a source.
            let selector = ManualSelector::new();
            let reactor = Reactor::builder().manual_selector(&selector).build().unwrap();
            let core = &reactor.core;
            let capacities = || {
                let timers = core.timers.borrow().capacity();
                let shares = core.shares.borrow().capacity();
                let sources = core.sources.borrow().capacity();
                let holds = core.shared.holds.capacity();
                [timers, shares, sources, holds, core.soon.borrow().capacity()]
            };
            let soon = std::time::Duration::ZERO;
            let late = std::time::Duration::from_secs(3600);
            let fire: Vec<_> = (0..BURST).map(|_| reactor.call_later(soon, |_| ())).collect();
            let cancel: Vec<_> = (0..BURST).map(|_| reactor.call_later(late, |_| ())).collect();
            let remotes: Vec<_> = (0..BURST).map(|number| reactor.share(number)).collect();
            for remote in &remotes {
                reactor.call_soon(|_| ());
                remote.call_from_thread(|_, _| ()).unwrap();
            }
            let socket = Rc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
            let register = |_| {
                let source = Rc::clone(&socket);
                reactor.register(source, Interest::READABLE, |_, _, _| ()).unwrap()
            };
            let sources: Vec<_> = (0..BURST).map(register).collect();
            let holds: Vec<_> = (0..BURST).map(|_| reactor.hold(SystemEvent::Startup)).collect();
            let full = capacities();
            assert!(full.iter().all(|&capacity| capacity >= BURST), "{full:?}");
            drop((remotes, sources, holds));
            cancel.iter().for_each(|timer| timer.cancel().unwrap());
            while core.has_work() {
                reactor.turn(Some(soon)).unwrap();
            }
            let left = capacities();
            assert!(left[0] <= TIMERS && left[1..].iter().all(|&other| other <= KEPT), "{left:?}");

            // The slots begin anew; whoever kept a key finds nobody in the place of his own.
            let fresh = reactor.call_later(late, |_| ());
            assert!(fire.iter().chain(&cancel).all(|old| old.cancel().is_err()));
            assert_eq!(core.timers.borrow().len(), 1);
            fresh.cancel().unwrap();
        });
    }
}
