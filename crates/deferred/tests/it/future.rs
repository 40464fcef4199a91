//! Awaiting a deferred.

use crate::support::{Log, peek, take};
use ropewalk_deferred::{Cancelled, Deferred, Failure, ResultTaken, TimedOut};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

#[derive(Default)]
pub(crate) struct Counter(AtomicUsize);

impl Counter {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll<F: Future + Unpin>(future: &mut F, counter: &Arc<Counter>) -> Poll<F::Output> {
    let waker = Waker::from(Arc::clone(counter));
    Pin::new(future).poll(&mut Context::from_waker(&waker))
}

#[test]
fn a_pending_deferred_wakes_whoever_awaits_it_once() {
    let counter = Arc::new(Counter::default());
    let (promise, deferred) = Deferred::<u32>::new();
    let mut deferred = deferred.map(|n| n + 1);
    assert!(poll(&mut deferred, &counter).is_pending());
    assert!(poll(&mut deferred, &counter).is_pending());
    promise.callback(7);
    assert_eq!(counter.count(), 1);
    assert_eq!(poll(&mut deferred, &counter).map(Result::unwrap), Poll::Ready(8));
}

#[test]
fn the_last_waker_is_the_one_that_is_woken() {
    let (first, last) = (Arc::new(Counter::default()), Arc::new(Counter::default()));
    let (promise, mut deferred) = Deferred::<u32>::new();
    assert!(poll(&mut deferred, &first).is_pending());
    assert!(poll(&mut deferred, &last).is_pending());
    promise.callback(7);
    assert_eq!((first.count(), last.count()), (0, 1));
    assert_eq!(Arc::strong_count(&first), 1);
    assert!(poll(&mut deferred, &last).is_ready());
    assert_eq!(Arc::strong_count(&last), 1);
}

#[test]
fn a_fired_deferred_is_ready_at_once() {
    let counter = Arc::new(Counter::default());
    assert_eq!(poll(&mut Deferred::succeed(7), &counter).map(Result::unwrap), Poll::Ready(7));
    let failed = poll(&mut Deferred::<u32>::fail(TimedOut), &counter);
    assert!(matches!(failed, Poll::Ready(Err(failure)) if failure.is::<TimedOut>()));
}

#[test]
fn an_async_block_awaits_with_the_question_mark() {
    let counter = Arc::new(Counter::default());
    let waker = Waker::from(Arc::clone(&counter));
    let (promise, deferred) = Deferred::<u32>::new();
    let mut sum = pin!(async move {
        let n = deferred.await?;
        Ok::<_, Failure>(n + Deferred::succeed(1).await?)
    });
    assert!(sum.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    promise.callback(7);
    let Poll::Ready(sum) = sum.as_mut().poll(&mut Context::from_waker(&waker)) else {
        panic!("it was woken and is not ready");
    };
    assert_eq!(sum.unwrap(), 8);
}

#[test]
fn an_awaited_failure_is_handled() {
    let counter = Arc::new(Counter::default());
    let unhandled = crate::support::unhandled_in(|| {
        let (promise, mut deferred) = Deferred::<u32>::new();
        assert!(poll(&mut deferred, &counter).is_pending());
        deferred.cancel();
        assert_eq!(counter.count(), 1);
        let ready = poll(&mut deferred, &counter);
        assert!(matches!(ready, Poll::Ready(Err(failure)) if failure.is::<Cancelled>()));
        drop(promise);
    });
    assert!(unhandled.is_empty());
}

#[test]
fn a_deferred_that_was_polled_can_still_be_attached_to() {
    let counter = Arc::new(Counter::default());
    let (promise, mut inner) = Deferred::<u32>::new();
    assert!(poll(&mut inner, &counter).is_pending());
    let result = peek(Deferred::succeed(1).add_callback(|_| inner).map(|n| n + 1));
    promise.callback(7);
    assert_eq!(take(&result).unwrap().unwrap(), 8);
    assert_eq!(Arc::strong_count(&counter), 1);
}

#[test]
fn a_waker_may_do_anything_to_the_chain_that_wakes_it() {
    // A waker must be `Send`, so what it reaches lies in a thread-local.
    thread_local! {
        static SLOT: std::cell::Cell<Option<Deferred<u32>>> = const { std::cell::Cell::new(None) };
    }
    struct Takes;
    impl Wake for Takes {
        fn wake(self: Arc<Self>) {
            let log = Log::default();
            let seen = log.clone();
            SLOT.take().unwrap().add_callback(move |n| seen.add(n)).detach();
            assert_eq!(log.take(), ["7"]);
        }
    }
    let (promise, mut deferred) = Deferred::<u32>::new();
    let waker = Waker::from(Arc::new(Takes));
    assert!(Pin::new(&mut deferred).poll(&mut Context::from_waker(&waker)).is_pending());
    SLOT.set(Some(deferred));
    promise.callback(7);
    assert!(SLOT.take().is_none());
}

#[test]
#[should_panic(expected = "polled after it had given its result")]
fn polling_after_the_result_panics() {
    let counter = Arc::new(Counter::default());
    let mut deferred = Deferred::succeed(7);
    assert!(poll(&mut deferred, &counter).is_ready());
    let _ = poll(&mut deferred, &counter);
}

fn polled_to_its_end() -> [Deferred<u32>; 3] {
    let counter = Arc::new(Counter::default());
    let (promise, fired) = Deferred::<u32>::new();
    promise.callback(7);
    let (promise, turned) = Deferred::<u8>::new();
    let turned = turned.map(u32::from);
    promise.callback(7);
    [Deferred::succeed(7), fired, turned].map(|mut deferred| {
        assert!(poll(&mut deferred, &counter).is_ready());
        deferred
    })
}

#[test]
fn what_is_attached_after_the_result_was_awaited_is_told_so() {
    for deferred in polled_to_its_end() {
        let failure = deferred.map(|n| n + 1).try_take().unwrap().unwrap_err();
        assert!(failure.is::<ResultTaken>(), "{failure}");
    }
}

#[test]
fn a_handle_to_a_deferred_that_was_awaited_changes_nothing() {
    for deferred in polled_to_its_end() {
        deferred.canceller().cancel();
        assert!(deferred.try_take().unwrap().unwrap_err().is::<ResultTaken>());
    }
}
