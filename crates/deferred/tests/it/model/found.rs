//! What random programs have found, in few words.

use ropewalk_deferred::Deferred;
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

/// Handed on to a deferred that is ready, too, it forgets who awaited it before.
#[test]
fn a_deferred_returned_to_one_that_is_ready_drops_its_waker() {
    let nobody = Arc::new(Nobody);
    let (promise, mut returned) = Deferred::<u32>::new();
    let waker = Waker::from(Arc::clone(&nobody));
    assert!(Pin::new(&mut returned).poll(&mut Context::from_waker(&waker)).is_pending());
    drop(waker);
    let deferred = Deferred::succeed(()).add_callback(move |()| returned);
    assert_eq!(Arc::strong_count(&nobody), 1);
    drop(deferred);
    assert!(!promise.is_cancelled());
    promise.callback(7);
}

/// It waits no longer for what once was to fire it, and that may now wait for it: no circle.
#[test]
fn a_chain_that_was_cancelled_may_fire_what_it_waited_for() {
    let (first, source) = Deferred::<u32>::new();
    // The canceller keeps the cancel from going on to the source.
    let (promise, target) = Deferred::<u32>::with_canceller(|| ());
    let (other, returned) = Deferred::<u32>::new();
    let target = target.add_errback(move |_| returned);
    let seen = Rc::new(Cell::new(None));
    let slot = Rc::clone(&seen);
    source.add_callback(move |n| Ok(slot.replace(Some(n)).unwrap_or(n))).chain_deferred(promise);
    target.cancel();
    target.chain_deferred(first);
    assert_eq!(seen.get(), None);
    other.callback(7);
    assert_eq!(seen.get(), Some(7));
}
