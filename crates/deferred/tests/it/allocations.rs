//! How much a chain allocates: counted, not timed. All of it is given back.

use crate::support::without_backtraces;
use allocation_counter::{AllocationInfo, measure};
use ropewalk_deferred::{
    Abandoned, Cancelled, Deferred, Failure, Promise, Result, TimedOut, clear_unhandled_hook,
    set_unhandled_hook,
};
use std::hint::black_box;
use std::rc::Rc;

/// What `body` gives, and how often it has allocated for that.
fn counted<R>(body: impl FnOnce() -> R) -> (R, u64) {
    let mut result = None;
    let info = measure(|| result = Some(body()));
    (result.unwrap(), info.count_total)
}

/// A closure of its own for each link, with a number in it that has to be kept somewhere.
fn add(number: u64) -> impl FnOnce(u64) -> Result<u64> {
    let number = black_box(number);
    move |value| Ok(value + number)
}

fn chain_of(links: u64) -> (Promise<u64>, Deferred<u64>) {
    let (promise, deferred) = Deferred::new();
    (promise, (0..links).fold(deferred, |deferred, number| deferred.add_callback(add(number))))
}

#[track_caller]
fn take(deferred: Deferred<u64>) -> Result<u64> {
    deferred.try_take().expect("the deferred has no result yet")
}

/// One for what promise and deferred share, and at most one for each link.
#[test]
fn a_pending_link_is_one_allocation() {
    for links in [0, 1, 10, 1_000] {
        let (ends, allocated) = counted(|| chain_of(links));
        assert!(allocated <= 1 + links, "{links} links: {allocated}");
        drop(ends);
    }
}

type Kind = fn(Deferred<u64>, [u64; 8]) -> Deferred<u64>;

#[test]
fn a_pending_link_is_one_allocation_whatever_its_kind() {
    let capture = black_box([7_u64; 8]);
    let kinds: [Kind; 7] = [
        |deferred, capture| deferred.add_callback(move |n| Ok(n + capture[0])),
        |deferred, capture| deferred.add_callback(move |n| Deferred::succeed(n + capture[0])),
        |deferred, capture| deferred.add_errback(move |_| Ok(capture[0])),
        |deferred, capture| {
            deferred.add_callbacks(move |n| Ok(n + capture[0]), move |_| Ok(capture[1]))
        },
        |deferred, capture| deferred.add_both(move |result| result.map(|n| n + capture[0])),
        |deferred, capture| deferred.map(move |n| n + capture[0]),
        |deferred, capture| deferred.add_callback(move |_| assert_eq!(capture[0], 7)).map(|()| 0),
    ];
    for (number, kind) in kinds.into_iter().enumerate() {
        let (promise, deferred) = Deferred::new();
        let (deferred, allocated) = counted(|| kind(deferred, capture));
        // The last one is two links.
        assert!(allocated <= 1 + number as u64 / 6, "kind {number}: {allocated}");
        promise.callback(0);
        take(deferred).unwrap();
    }
}

#[test]
fn firing_allocates_nothing() {
    for links in [0, 10, 1_000] {
        let (promise, deferred) = chain_of(links);
        let ((), allocated) = counted(|| promise.callback(0));
        assert_eq!(allocated, 0, "{links} links");
        assert_eq!(take(deferred).unwrap(), (0..links).sum());
    }
}

#[test]
fn a_failure_that_passes_by_allocates_nothing() {
    let (promise, deferred) = chain_of(1_000);
    let failure = Failure::from(TimedOut);
    let (failed, allocated) = counted(|| {
        promise.errback(failure);
        take(deferred).is_err()
    });
    assert!(failed && allocated == 0, "{allocated}");
}

#[test]
fn on_a_fired_deferred_no_callback_allocates() {
    let (result, allocated) = counted(|| {
        let deferred = Deferred::succeed(1)
            .add_callback(add(1))
            .add_callback(|n| assert_eq!(n, 2))
            .map(|()| 3)
            .add_errback(|_| Ok(0))
            .add_both(|result| result.map(|n| n + 1))
            .add_callbacks(|n| Ok(n + 1), |_| Ok(0))
            .add_callback(|n| Deferred::succeed(n + 1));
        take(deferred)
    });
    assert_eq!((result.unwrap(), allocated), (6, 0));
}

#[test]
fn on_a_failed_deferred_no_callback_allocates() {
    let failure = Failure::from(TimedOut);
    let (result, allocated) = counted(|| {
        let deferred = Deferred::<u64>::fail(failure)
            .add_callback(add(1))
            .map(|n| n + 1)
            .add_errback(Err::<u64, _>)
            .add_both(|result| result)
            .add_errback(|_| Ok(7));
        take(deferred)
    });
    assert_eq!((result.unwrap(), allocated), (7, 0));
}

#[test]
fn a_fired_chain_of_ten_or_a_thousand_allocates_nothing() {
    for links in [10, 1_000] {
        let (result, allocated) = counted(|| {
            let first = Deferred::succeed(0);
            take((0..links).fold(first, |deferred, number| deferred.add_callback(add(number))))
        });
        assert_eq!((result.unwrap(), allocated), ((0..links).sum(), 0));
    }
}

/// What is attached after firing finds the result in the deferred, wherever it came from.
#[test]
fn callbacks_allocate_nothing_once_the_promise_has_been_fired() {
    let (promise, deferred) = chain_of(10);
    promise.callback(0);
    let (result, allocated) = counted(|| {
        take((0..10).fold(deferred, |deferred, number| deferred.add_callback(add(number))))
    });
    assert_eq!((result.unwrap(), allocated), (90, 0));
}

#[test]
fn waiting_for_a_returned_deferred_allocates_nothing() {
    let (inner, returned) = chain_of(10);
    let (outer, deferred) = Deferred::new();
    let deferred = deferred.add_callback(move |()| returned).add_callback(add(1));
    let ((), allocated) = counted(|| {
        outer.callback(());
        inner.callback(0);
    });
    assert_eq!((take(deferred).unwrap(), allocated), (46, 0));
}

#[test]
fn chaining_deferreds_allocates_nothing() {
    let (first, source) = chain_of(10);
    let (promise, deferred) = chain_of(10);
    let ((), allocated) = counted(|| {
        source.chain_deferred(promise);
        first.callback(0);
    });
    assert_eq!((take(deferred).unwrap(), allocated), (90, 0));
}

/// It is the failure that is allocated.
#[test]
fn cancelling_is_one_allocation_however_long_the_chain() {
    without_backtraces(|| {
        // The first one of a process looks up whether backtraces are wanted.
        drop(Failure::from(TimedOut));
        for links in [1, 10, 1_000] {
            let (promise, deferred) = chain_of(links);
            let ((), allocated) = counted(|| deferred.cancel());
            assert_eq!(allocated, 1, "{links} links");
            assert!(promise.is_cancelled() && take(deferred).unwrap_err().is::<Cancelled>());
        }
    });
}

/// It is the failure that is allocated.
#[test]
fn abandoning_is_one_allocation_however_long_the_chain() {
    without_backtraces(|| {
        // The first one of a process looks up whether backtraces are wanted.
        drop(Failure::from(TimedOut));
        for links in [1, 10, 1_000] {
            let (promise, deferred) = chain_of(links);
            let ((), allocated) = counted(|| drop(promise));
            assert_eq!(allocated, 1, "{links} links");
            assert!(take(deferred).unwrap_err().is::<Abandoned>());
        }
    });
}

#[test]
fn dropping_allocates_nothing() {
    for links in [0, 10, 1_000] {
        let (promise, deferred) = chain_of(links);
        let ((), allocated) = counted(|| drop(deferred));
        assert_eq!(allocated, 0, "{links} links, unfired");
        promise.callback(0);

        let (promise, deferred) = chain_of(links);
        promise.callback(0);
        let ((), allocated) = counted(|| drop(deferred));
        assert_eq!(allocated, 0, "{links} links, fired");
    }
}

/// Each is a whole life: of the ends, of the links, of what they have captured, and of the result.
#[test]
fn every_end_of_a_chain_gives_back_all_that_was_allocated() {
    let endings: [fn(Promise<u64>, Deferred<u64>); 7] = [
        |promise, deferred| {
            promise.callback(0);
            assert!(take(deferred).is_ok());
        },
        |promise, deferred| {
            drop(deferred);
            promise.callback(0);
        },
        |promise, deferred| {
            promise.errback(TimedOut);
            drop(deferred);
        },
        |promise, deferred| {
            drop(deferred);
            drop(promise);
        },
        |promise, deferred| {
            drop(promise);
            drop(deferred);
        },
        |promise, deferred| {
            let handle = deferred.canceller();
            deferred.detach();
            handle.cancel();
            drop(promise);
        },
        |promise, deferred| {
            drop(deferred.cancel_on_drop());
            promise.callback(0);
        },
    ];
    set_unhandled_hook(drop);
    for (number, ending) in endings.into_iter().enumerate() {
        for links in [0, 10, 1_000] {
            let AllocationInfo { count_current, bytes_current, .. } = measure(|| {
                let kept = Rc::new(number);
                let (promise, deferred) = chain_of(links);
                ending(promise, deferred.map(move |n| n + *kept as u64));
            });
            let left = (count_current, bytes_current);
            assert_eq!(left, (0, 0), "ending {number}, {links} links");
        }
    }
    clear_unhandled_hook();
}

/// Links that have run are freed as the chain goes on, not at its end.
#[test]
fn a_chain_that_runs_needs_no_more_than_it_had() {
    let (promise, deferred) = Deferred::<Vec<u8>>::new();
    let deferred =
        (0..1_000).fold(deferred, |deferred, _| deferred.map(|bytes| vec![0; bytes.len()]));
    let first = vec![0; 4_096];
    let info = measure(|| promise.callback(first));
    assert!(info.bytes_max < 3 * 4_096, "{info:?}");
    assert_eq!(deferred.try_take().ok().unwrap().unwrap().len(), 4_096);
}
