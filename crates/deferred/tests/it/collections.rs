//! What holds for every collection: cancelling through it, re-entrancy, and who owns what.

use crate::members::{Member, member, member_with, members};
use crate::support::{Log, LogsDrop, failure_of, peek, result_of, shared, take, unhandled_in};
use ropewalk_deferred::{
    Abandoned, Cancelled, Deferred, DeferredList, FailureGroup, FirstError, TimedOut,
    gather_results, join, race,
};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

pub(crate) type Collect = fn(Vec<Deferred<u32>>) -> Deferred<()>;

/// Each kind of collection, its values forgotten.
pub(crate) const KINDS: [Collect; 6] = [
    |members| DeferredList::new(members).into_deferred().map(drop),
    |members| DeferredList::new(members).fire_on_one_errback().into_deferred().map(drop),
    |members| DeferredList::new(members).fire_on_one_callback().into_deferred().map(drop),
    |members| gather_results(members).map(drop),
    |members| race(members).map(drop),
    |members| {
        let mut rest = members;
        let members = rest.split_off(rest.len() - 2);
        let [a, b] = members.try_into().unwrap();
        join((gather_results(rest), a, b)).map(drop)
    },
];

#[test]
fn w27_cancel_reaches_a_member_that_has_fired_but_waits_for_another() {
    for collect in KINDS {
        let (inner, waited_for) = member();
        let (outer, deferred) = member();
        let (_last, last) = member();
        let result = collect(vec![deferred.add_callback(|_| waited_for), last]);
        outer.callback(1);
        result.cancel();
        assert_eq!((outer.cancels(), inner.cancels()), (0, 1));
        assert!(peek(result).borrow().is_some());
    }
}

#[test]
fn w27_cancel_of_a_collection_that_has_fired_reaches_what_its_chain_waits_for() {
    for collect in KINDS {
        let (ends, mut deferreds) = members(1);
        deferreds.push(Deferred::succeed(7));
        let (inner, waited_for) = member();
        let result = collect(deferreds).add_callback(|()| waited_for);
        ends.iter().filter(|end| end.cancels() == 0).for_each(|end| end.callback(1));
        let cancels = ends[0].cancels();
        result.cancel();
        assert_eq!((ends[0].cancels(), inner.cancels()), (cancels, 1));
        assert!(failure_of(result).is::<Cancelled>());
    }
}

#[test]
fn a_member_that_answers_a_cancel_with_more_to_wait_for_is_waited_for() {
    for collect in KINDS {
        let (flushed, flush) = member();
        let (end, deferred) = member();
        let (other, plain) = member();
        let result = collect(vec![deferred.add_errback(|_| flush), plain]);
        let handle = result.canceller();
        let result = peek(result);
        let unhandled = unhandled_in(|| handle.cancel());
        assert!(unhandled.is_empty());
        assert_eq!((end.cancels(), other.cancels(), flushed.cancels()), (1, 1, 0));
        // one that ends with the first failure has its result now, the others wait
        let ended = result.borrow().is_some();
        let unhandled = unhandled_in(|| handle.cancel());
        assert!(unhandled.is_empty());
        assert_eq!((end.cancels(), other.cancels()), (1, 1));
        assert_eq!(flushed.cancels(), u32::from(!ended));
        assert!(take(&result).is_some());
    }
}

#[test]
fn a_cancelled_collection_has_the_results_that_come_of_it() {
    let (flushed, flush) = member();
    let (_end, deferred) = member();
    let (_other, plain) = member();
    let list = DeferredList::new([deferred.add_errback(|_| flush), plain]).into_deferred();
    list.cancel();
    let results = peek(list);
    assert!(take(&results).is_none());
    flushed.callback(7);
    let results = take(&results).unwrap().unwrap();
    assert_eq!(*results[0].as_ref().unwrap(), 7);
    assert!(results[1].as_ref().unwrap_err().is::<Cancelled>());
}

#[test]
fn i5_a_callback_of_a_member_may_cancel_the_collection() {
    for collect in KINDS {
        let handle = shared(Deferred::succeed(()).canceller());
        let slot = handle.clone();
        let (end, deferred) = member();
        let deferred = deferred.map(move |n| {
            take(&slot).unwrap().cancel();
            n
        });
        let (others, mut deferreds) = members(2);
        deferreds.insert(1, deferred);
        let result = collect(deferreds);
        handle.replace(Some(result.canceller()));
        let unhandled = unhandled_in(|| end.callback(7));
        assert!(unhandled.is_empty(), "{unhandled:?}");
        assert!(others.iter().all(|other| other.cancels() == 1));
        assert!(take(&peek(result)).is_some());
    }
}

#[test]
fn i5_a_list_cancelled_from_inside_a_member_still_has_that_members_value() {
    let handle = shared(Deferred::succeed(()).canceller());
    let slot = handle.clone();
    let (end, deferred) = member();
    let deferred = deferred.map(move |n| {
        take(&slot).unwrap().cancel();
        n
    });
    let (_other, plain) = member();
    let list = DeferredList::new([deferred, plain]).into_deferred();
    handle.replace(Some(list.canceller()));
    end.callback(7);
    let results = result_of(list).unwrap();
    assert_eq!(*results[0].as_ref().unwrap(), 7);
    assert!(results[1].as_ref().unwrap_err().is::<Cancelled>());
}

#[test]
fn i5_a_callback_of_a_member_may_drop_the_collection() {
    for collect in KINDS {
        let (end, deferred) = member();
        let (others, mut deferreds) = members(1);
        let kept = shared(Deferred::succeed(()));
        let slot = kept.clone();
        deferreds.push(deferred.map(move |n| {
            drop(take(&slot));
            n
        }));
        kept.replace(Some(collect(deferreds)));
        let unhandled = unhandled_in(|| end.callback(7));
        assert!(unhandled.is_empty());
        drop(others);
    }
}

#[test]
fn i5_a_canceller_may_fire_other_members_and_cancel_again() {
    for collect in KINDS {
        let handle = shared(Deferred::succeed(()).canceller());
        let (slot, log) = (handle.clone(), Log::default());
        let (other, next) = member();
        let (_end, deferred) = member_with(move |promise| {
            other.callback(1);
            take(&slot).unwrap().cancel();
            promise.callback(2);
        });
        let (last, plain) = member();
        let result = collect(vec![deferred, next, plain]);
        handle.replace(Some(result.canceller()));
        let seen = log.clone();
        let result = result.add_both(move |_| seen.add("once"));
        assert!(unhandled_in(|| result.cancel()).is_empty());
        assert_eq!(last.cancels(), 1);
        assert_eq!(log.take(), ["once"]);
        drop(peek(result));
    }
}

/// On a deep stack what a cancel does is queued; and what decides the collection may come before.
#[test]
fn i5_a_collection_may_be_decided_while_its_cancel_is_on_the_way() {
    fn deep(levels: u32, body: Box<dyn FnOnce()>) {
        if levels == 0 {
            return body();
        }
        let (promise, deferred) = Deferred::<()>::new();
        deferred.add_callback(move |()| deep(levels - 1, body)).detach();
        promise.callback(());
    }
    let (end, deferred) = member();
    let list = DeferredList::new([deferred]).into_deferred();
    let handle = list.canceller();
    deep(
        100,
        Box::new(move || {
            handle.cancel();
            end.callback(7);
        }),
    );
    assert_eq!(*result_of(list).unwrap()[0].as_ref().unwrap(), 7);
}

#[test]
fn i5_a_value_may_do_anything_when_it_is_dropped() {
    struct Cancels(ropewalk_deferred::CancelHandle, Log);
    impl Drop for Cancels {
        fn drop(&mut self) {
            self.0.cancel();
            self.1.add("dropped");
        }
    }
    // values that a failure makes needless: each cancels a member of the same list
    let log = Log::default();
    let (ends, pending): (Vec<_>, Vec<_>) = (0..2).map(|_| Deferred::<Cancels>::new()).unzip();
    let (end, failing) = Deferred::<Cancels>::new();
    let there = |deferred: &Deferred<Cancels>| {
        Deferred::succeed(Cancels(deferred.canceller(), log.clone()))
    };
    let mut deferreds: Vec<_> = pending.iter().map(there).collect();
    deferreds.push(failing);
    deferreds.extend(pending);
    let list = DeferredList::new(deferreds).fire_on_one_errback().consume_errors();
    let list = list.into_deferred().map(drop);
    end.errback(TimedOut);
    assert_eq!(log.take(), ["dropped", "dropped"]);
    assert!(ends.iter().all(ropewalk_deferred::Promise::is_cancelled));
    assert!(failure_of(list).is::<FirstError>());
}

#[test]
fn members_go_on_when_the_collection_is_dropped() {
    for collect in KINDS {
        let (ends, deferreds): (Vec<_>, Vec<_>) = (0..3).map(|_| Deferred::<u32>::new()).unzip();
        let log = Log::default();
        let deferreds = deferreds.into_iter().map(|deferred| {
            let seen = log.clone();
            deferred.map(move |n| {
                seen.add(n);
                n
            })
        });
        drop(collect(deferreds.collect()));
        assert!(ends.iter().all(|end| !end.is_cancelled()));
        let unhandled = unhandled_in(|| {
            ends.into_iter().zip(0..).for_each(|(end, n)| end.resolve(Ok(n)));
        });
        assert!(unhandled.is_empty());
        assert!(!log.take().is_empty());
    }
}

/// Where a failure would end in nobody's hands it is reported, once each.
#[test]
fn failures_of_members_are_reported_once_when_the_collection_was_dropped() {
    // A list passes them on in its value, of which the one who drops it wants to know nothing.
    let expected = [0, 3, 1, 3, 1, 3];
    for (collect, expected) in KINDS.into_iter().zip(expected) {
        let (ends, deferreds) = members(3);
        drop(collect(deferreds));
        let unhandled = unhandled_in(|| ends.iter().for_each(|end| end.errback(TimedOut)));
        assert_eq!(unhandled.len(), expected);
    }
}

#[test]
fn i2_members_whose_promises_are_dropped_fail_and_everything_is_freed() {
    for collect in KINDS {
        let log = Log::default();
        let (ends, deferreds): (Vec<_>, Vec<_>) = (0..3).map(|_| Deferred::<u32>::new()).unzip();
        let captured = LogsDrop(log.clone(), "freed");
        let deferreds = deferreds.into_iter().chain([Deferred::fail(TimedOut)]).rev();
        let result = collect(deferreds.collect()).add_both(move |result| {
            drop(captured);
            result
        });
        drop(unhandled_in(|| drop(ends)));
        assert_eq!(log.take(), ["freed"]);
        if let Err(failure) = take(&peek(result)).unwrap() {
            assert!(failure.is::<FirstError>() || failure.is::<FailureGroup>(), "{failure:#}");
        }
    }
}

#[test]
fn i2_values_of_a_list_are_freed_with_it() {
    let log = Log::default();
    let (promise, deferred) = Deferred::<LogsDrop>::new();
    let (last, pending) = Deferred::<LogsDrop>::new();
    let list = DeferredList::new([deferred, pending]).into_deferred();
    promise.callback(LogsDrop(log.clone(), "first"));
    assert!(log.take().is_empty());
    drop(list);
    assert!(log.take().is_empty(), "the members go on");
    drop(last);
    assert_eq!(log.take(), ["first"]);
}

#[test]
fn collections_can_be_members_of_collections() {
    let (ends, deferreds) = members(4);
    let mut deferreds = deferreds.into_iter();
    let mut pair = || race(deferreds.by_ref().take(2));
    let both = gather_results([pair(), pair()]);
    ends[1].callback(1);
    both.cancel();
    let cancels: Vec<_> = ends.iter().map(Member::cancels).collect();
    assert_eq!(cancels, [1, 0, 1, 1]);
    let first = failure_of(both).downcast::<FirstError>().unwrap();
    assert_eq!(first.index(), 1);
    assert!(first.failure().is::<FailureGroup>());
    assert!(!first.failure().is::<Abandoned>());
}

/// As any deferred that was cancelled; a plain list has a value all the same.
#[test]
fn a_collection_that_fails_because_it_was_cancelled_says_so() {
    for collect in &KINDS[1..] {
        let (_ends, deferreds) = members(2);
        let result = collect(deferreds);
        result.cancel();
        let failure = failure_of(result);
        assert!(failure.is::<Cancelled>(), "{failure:#}");
        assert!(failure.is::<FirstError>() || failure.is::<FailureGroup>(), "{failure:#}");

        // not if its members have failed with something else, cancelled or not
        let (_ends, deferreds): (Vec<_>, Vec<_>) =
            (0..2).map(|_| member_with(|promise| promise.errback(TimedOut))).unzip();
        let result = collect(deferreds);
        result.cancel();
        assert!(!failure_of(result).is::<Cancelled>());
        // a member that somebody else has cancelled is a failure like any other
        let (_ends, deferreds) = members(2);
        deferreds.iter().for_each(Deferred::cancel);
        let failure = failure_of(collect(deferreds));
        assert!(!failure.is::<Cancelled>(), "{failure:#}");
    }
}

#[test]
fn a_collection_may_be_cancelled_by_its_drop() {
    for collect in KINDS {
        let (ends, deferreds) = members(3);
        let result = collect(deferreds).cancel_on_drop();
        assert!(unhandled_in(|| drop(result)).is_empty(), "whoever dropped it knows");
        assert!(ends.iter().all(|end| end.cancels() == 1));
    }
}

#[test]
fn a_collection_that_was_awaited_is_cancelled_by_its_drop() {
    for collect in KINDS {
        let (ends, deferreds) = members(3);
        let mut result = collect(deferreds);
        let mut context = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut result).poll(&mut context).is_pending());
        assert!(unhandled_in(|| drop(result)).is_empty());
        assert!(ends.iter().all(|end| end.cancels() == 1));
    }
}

#[test]
fn members_that_a_drop_would_cancel_belong_to_the_collection() {
    for collect in KINDS {
        let (ends, deferreds) = members(3);
        let deferreds = deferreds.into_iter().map(Deferred::cancel_on_drop);
        drop(collect(deferreds.collect()));
        assert!(ends.iter().all(|end| end.cancels() == 0), "they go on");
        let unhandled = unhandled_in(|| ends.iter().for_each(|end| end.errback(TimedOut)));
        assert!(unhandled.iter().all(|it| !it.failure().is::<Cancelled>()));
    }
    // nor does the end of a list cancel those that it does not wait for any more
    let (ends, deferreds) = members(1);
    let deferreds = deferreds.into_iter().map(Deferred::cancel_on_drop);
    let list = DeferredList::new(deferreds.chain([Deferred::succeed(7)])).fire_on_one_callback();
    assert_eq!(result_of(list.into_deferred()).unwrap(), (1, 7));
    assert_eq!(ends[0].cancels(), 0);
}

/// B142: a collection that hangs names the members that hang.
#[test]
fn b142_a_collection_says_which_members_it_waits_for() {
    let (quick, first) = Deferred::<u32>::new();
    let (_slow, second) = Deferred::<u32>::new();
    let slow_line = line!() - 1;
    let gathered = gather_results([first, second]);
    let slow = format!("collections.rs:{slow_line}:");
    let quick_one = format!("collections.rs:{}:", slow_line - 1);
    let text = format!("{gathered:?}");
    assert!(text.contains(&slow) && text.contains(&quick_one), "{text}");
    quick.callback(7);
    let text = format!("{gathered:?}");
    assert!(text.contains(&slow) && !text.contains(&quick_one), "{text}");
    // through a chain that waits for it, too
    let outer = Deferred::<()>::new();
    let waits = outer.1.add_callback(move |()| gathered);
    outer.0.callback(());
    let text = format!("{waits:?}");
    assert!(text.contains(&slow), "{text}");
    waits.on_failure(drop);
}
