//! Lists of deferreds and their three flags.

use crate::members::{member, member_with, members, panicking_member};
use crate::support::{
    Log, LogsDrop, PanicsInDrop, failure_of, peek, result_of, take, unhandled_in,
};
use ropewalk_deferred::{
    Abandoned, Cancelled, Deferred, DeferredList, FailureGroup, FirstError, Panicked, Result,
    TimedOut,
};

/// Results as text, for short comparisons.
fn told(results: &[Result<u32>]) -> Vec<String> {
    let tell = |result: &Result<u32>| match result {
        Ok(value) => value.to_string(),
        Err(failure) => failure.to_string(),
    };
    results.iter().map(tell).collect()
}

#[test]
fn b164_results_come_in_input_order_when_all_are_there() {
    let (ends, deferreds) = members(3);
    let results = peek(DeferredList::new(deferreds).into_deferred());
    ends[2].callback(2);
    ends[0].errback(TimedOut);
    assert!(take(&results).is_none());
    ends[1].callback(1);
    let results = take(&results).unwrap().unwrap();
    assert_eq!(told(&results), [TimedOut.to_string(), "1".to_owned(), "2".to_owned()]);
    assert!(results[0].as_ref().unwrap_err().is::<TimedOut>());
}

#[test]
fn b164_an_empty_list_fires_at_once() {
    let empty = || DeferredList::<u32>::new([]);
    assert!(result_of(empty().into_deferred()).unwrap().is_empty());
    assert!(result_of(empty().fire_on_one_errback().into_deferred()).unwrap().is_empty());
}

/// W26: in Twisted it never fires (B164).
#[test]
fn w26_an_empty_list_that_fires_on_one_callback_fails_at_once() {
    let empty = || DeferredList::<u32>::new([]).fire_on_one_callback();
    for deferred in [empty().into_deferred(), empty().fire_on_one_errback().into_deferred()] {
        let failure = failure_of(deferred);
        assert!(failure.downcast_ref::<FailureGroup>().unwrap().is_empty());
        assert!(failure.to_string().contains("nothing to wait for"));
    }
}

#[test]
fn b165_fire_on_one_errback_gives_the_first_error_with_its_index() {
    let (ends, deferreds) = members(3);
    let list = DeferredList::new(deferreds).fire_on_one_errback();
    let result = peek(list.into_deferred());
    ends[0].callback(0);
    ends[2].errback(TimedOut);
    let first = take(&result).unwrap().unwrap_err().downcast::<FirstError>().unwrap();
    assert_eq!(first.index(), 2);
    assert!(first.failure().is::<TimedOut>());
    ends[1].callback(1);
    assert!(ends.iter().all(|end| end.cancels() == 0), "the others go on");
}

#[test]
fn b165_also_if_a_member_had_failed_already() {
    let (end, pending) = member();
    let deferreds = [pending, Deferred::fail(TimedOut), Deferred::succeed(2)];
    let list = DeferredList::new(deferreds).fire_on_one_errback();
    let first = failure_of(list.into_deferred()).downcast::<FirstError>().unwrap();
    assert_eq!(first.index(), 1);
    assert!(first.into_failure().is::<TimedOut>());
    assert!(unhandled_in(|| end.callback(7)).is_empty());
}

#[test]
fn b165_without_a_failure_it_is_a_list_like_any_other() {
    let list = DeferredList::new([Deferred::succeed(0), Deferred::succeed(1)]);
    let results = result_of(list.fire_on_one_errback().into_deferred()).unwrap();
    assert_eq!(told(&results), ["0", "1"]);
}

#[test]
fn b166_a_failure_that_comes_too_late_is_reported_with_the_place_of_its_member() {
    for consume in [false, true] {
        let line = line!() + 1;
        let (late, deferred) = member();
        let list = DeferredList::new([Deferred::fail(TimedOut), deferred]).fire_on_one_errback();
        let list = if consume { list.consume_errors() } else { list };
        assert!(failure_of(list.into_deferred()).is::<FirstError>());
        let unhandled = unhandled_in(|| late.errback(TimedOut));
        let lines: Vec<_> = unhandled.iter().map(|it| it.created().line()).collect();
        assert_eq!(lines, if consume { vec![] } else { vec![line] });
    }
}

#[test]
fn b166_a_failure_that_a_first_value_makes_needless_is_reported_with_the_place_of_its_member() {
    for consume in [false, true] {
        let line = line!() + 1;
        let (early, failing) = member();
        let failed = Deferred::fail(TimedOut);
        let (end, good) = member();
        let (late, failing_late) = member();
        let list = DeferredList::new([failing, failed, good, failing_late]).fire_on_one_callback();
        let list = if consume { list.consume_errors() } else { list };
        let unhandled = unhandled_in(|| {
            let first = peek(list.into_deferred());
            early.errback(TimedOut);
            end.callback(7);
            assert_eq!(take(&first).unwrap().unwrap(), (2, 7));
            late.errback(TimedOut);
        });
        let lines: Vec<_> = unhandled.iter().map(|it| it.created().line()).collect();
        assert_eq!(lines, if consume { vec![] } else { vec![line, line + 1, line + 3] });
    }
}

#[test]
fn b166_a_failure_in_the_list_is_passed_on_and_not_reported() {
    let (end, deferred) = member();
    let unhandled = unhandled_in(|| {
        let list = DeferredList::new([deferred, Deferred::fail(TimedOut)]).into_deferred();
        end.errback(TimedOut);
        assert!(result_of(list).unwrap().iter().all(Result::is_err));
    });
    assert!(unhandled.is_empty());
}

#[test]
fn b166_a_member_that_somebody_else_cancels_too_late_is_reported() {
    let (_end, deferred) = member();
    let handle = deferred.canceller();
    let list = DeferredList::new([Deferred::fail(TimedOut), deferred]).fire_on_one_errback();
    assert!(failure_of(list.into_deferred()).is::<FirstError>());
    let unhandled = unhandled_in(|| handle.cancel());
    assert!(unhandled[0].failure().is::<Cancelled>());
}

#[test]
fn b166_flags_may_be_given_in_any_order() {
    let list = || DeferredList::new([Deferred::fail(TimedOut), Deferred::succeed(7)]);
    let unhandled = unhandled_in(|| {
        let first = list().consume_errors().fire_on_one_callback().into_deferred();
        assert_eq!(result_of(first).unwrap(), (1, 7));
        let first = list().fire_on_one_callback().consume_errors().into_deferred();
        assert_eq!(result_of(first).unwrap(), (1, 7));
        let first = list().fire_on_one_errback().fire_on_one_callback().into_deferred();
        assert!(failure_of(first).is::<FirstError>());
    });
    assert!(unhandled.is_empty());
}

#[test]
fn b167_members_that_have_fired_are_as_good_as_any() {
    let fired = || {
        let (promise, deferred) = Deferred::<u32>::new();
        let deferred = deferred.map(|n| n + 1);
        promise.callback(0);
        deferred
    };
    let watched = fired();
    let _handle = watched.canceller();
    let results =
        result_of(DeferredList::new([fired(), watched, Deferred::succeed(1)]).into_deferred());
    assert_eq!(told(&results.unwrap()), ["1", "1", "1"]);
}

#[test]
fn fire_on_one_callback_gives_the_first_value_and_leaves_the_others_alone() {
    let log = Log::default();
    let (ends, deferreds): (Vec<_>, Vec<_>) = (0..3).map(|_| Deferred::<LogsDrop>::new()).unzip();
    let first = peek(DeferredList::new(deferreds).fire_on_one_callback().into_deferred());
    let mut ends = ends.into_iter();
    ends.next().unwrap().errback(TimedOut);
    ends.next().unwrap().callback(LogsDrop(log.clone(), "first"));
    let (index, value) = take(&first).unwrap().unwrap();
    assert_eq!(index, 1);
    let last = ends.next().unwrap();
    assert!(!last.is_cancelled());
    last.callback(LogsDrop(log.clone(), "late"));
    assert_eq!(log.take(), ["late"]);
    drop(value);
}

#[test]
fn fire_on_one_callback_fails_with_all_failures_in_input_order() {
    let (ends, deferreds) = members(2);
    let deferreds = deferreds.into_iter().chain([Deferred::fail(Cancelled)]);
    let first = peek(DeferredList::new(deferreds).fire_on_one_callback().into_deferred());
    ends[1].errback(Abandoned);
    ends[0].errback(TimedOut);
    let failure = take(&first).unwrap().unwrap_err();
    let group = failure.downcast::<FailureGroup>().unwrap();
    assert!(!group.is_empty());
    let failures = group.into_failures();
    assert!(failures[0].is::<TimedOut>());
    assert!(failures[1].is::<Abandoned>());
    assert!(failures[2].is::<Cancelled>());
}

#[test]
fn both_flags_fire_on_the_first_result_of_either_kind() {
    let list =
        |members| DeferredList::<u32>::new(members).fire_on_one_errback().fire_on_one_callback();
    let (_end, pending) = member();
    let value = list(vec![pending, Deferred::succeed(1), Deferred::fail(TimedOut)]);
    assert_eq!(result_of(value.consume_errors().into_deferred()).unwrap(), (1, 1));
    let (_end, pending) = member();
    let failure = list(vec![pending, Deferred::fail(TimedOut), Deferred::succeed(1)]);
    let failure = failure_of(failure.into_deferred());
    assert!(failure.is::<FirstError>(), "{failure:#}");
}

/// B169: without a flag it is a list of results all the same.
#[test]
fn b168_cancel_cancels_every_member_even_if_one_canceller_panics() {
    let (before, first) = member();
    let (_end, panicking) = panicking_member();
    let (after, last) = member();
    let list = DeferredList::new([first, panicking, last, Deferred::succeed(3)]).into_deferred();
    list.cancel();
    assert_eq!((before.cancels(), after.cancels()), (1, 1));
    let results = result_of(list).unwrap();
    assert!(results[0].as_ref().unwrap_err().is::<Cancelled>());
    let panicked = results[1].as_ref().unwrap_err().downcast_ref::<Panicked>().unwrap();
    assert_eq!(panicked.message(), "no brakes");
    assert!(results[2].as_ref().unwrap_err().is::<Cancelled>());
    assert_eq!(*results[3].as_ref().unwrap(), 3);
}

#[test]
fn b168_cancel_calls_no_canceller_of_a_member_that_has_a_result() {
    let (ends, deferreds) = members(2);
    let list = DeferredList::new(deferreds).into_deferred();
    ends[0].callback(7);
    list.cancel();
    list.cancel();
    assert_eq!((ends[0].cancels(), ends[1].cancels()), (0, 1));
    assert_eq!(told(&result_of(list).unwrap()), ["7".to_owned(), Cancelled.to_string()]);
}

#[test]
fn b169_a_cancelled_list_that_fires_on_one_errback() {
    let (ends, deferreds) = members(3);
    let list = DeferredList::new(deferreds).fire_on_one_errback().into_deferred();
    let unhandled = unhandled_in(|| list.cancel());
    assert!(unhandled.is_empty(), "what the cancel has caused is no news");
    assert!(ends.iter().all(|end| end.cancels() == 1));
    let first = failure_of(list).downcast::<FirstError>().unwrap();
    assert_eq!(first.index(), 0);
    assert!(first.failure().is::<Cancelled>());
}

#[test]
fn b169_a_cancelled_list_whose_cancellers_all_call_back() {
    let (_ends, deferreds): (Vec<_>, Vec<_>) =
        (0..3).map(|n| member_with(move |promise| promise.callback(n))).unzip();
    let list = DeferredList::new(deferreds).fire_on_one_errback().into_deferred();
    list.cancel();
    assert_eq!(told(&result_of(list).unwrap()), ["0", "1", "2"]);
}

#[test]
fn b169_a_cancelled_list_that_fires_on_one_callback() {
    let (ends, mut deferreds) = members(2);
    let (answering, deferred) = member_with(|promise| promise.callback(7));
    deferreds.insert(1, deferred);
    let list = DeferredList::new(deferreds).fire_on_one_callback().into_deferred();
    let unhandled = unhandled_in(|| list.cancel());
    assert!(unhandled.is_empty());
    assert_eq!(answering.cancels(), 1);
    assert!(ends.iter().all(|end| end.cancels() == 1));
    assert_eq!(result_of(list).unwrap(), (1, 7));

    let (_ends, deferreds) = members(2);
    let list = DeferredList::new(deferreds).fire_on_one_callback().into_deferred();
    list.cancel();
    let group = failure_of(list).downcast::<FailureGroup>().unwrap();
    assert!(group.failures().iter().all(|failure| failure.is::<Cancelled>()));
}

#[test]
fn b169_a_member_that_panics_while_a_list_is_cancelled_is_reported_all_the_same() {
    let (_first, first) = member();
    let (_end, panicking) = panicking_member();
    let list = DeferredList::new([first, panicking]).fire_on_one_errback().into_deferred();
    let unhandled = unhandled_in(|| list.cancel());
    assert_eq!(unhandled.len(), 1);
    assert!(unhandled[0].failure().is::<Panicked>());
    assert!(failure_of(list).is::<FirstError>());
}

#[test]
fn a_first_error_that_nobody_handles_is_reported_with_the_place_of_the_list() {
    let (end, deferred) = member();
    let line = line!() + 1;
    DeferredList::new([deferred]).fire_on_one_errback().into_deferred().detach();
    let unhandled = unhandled_in(|| end.errback(TimedOut));
    assert_eq!(unhandled.len(), 1);
    assert_eq!((unhandled[0].created().file(), unhandled[0].created().line()), (file!(), line));
}

#[test]
fn i3_values_that_panic_when_they_are_dropped_cost_nobody_his_result() {
    let log = Log::default();
    let (late, deferred) = Deferred::new();
    let (end, failing) = Deferred::<(Option<PanicsInDrop>, LogsDrop)>::new();
    let value = || (Some(PanicsInDrop), LogsDrop(log.clone(), "dropped"));
    let members = [Deferred::succeed(value()), Deferred::succeed(value()), failing, deferred];
    let list = DeferredList::new(members).fire_on_one_errback().into_deferred();
    end.errback(TimedOut);
    assert_eq!(log.take(), ["dropped", "dropped"]);
    assert_eq!(failure_of(list.map(drop)).downcast::<FirstError>().unwrap().index(), 2);
    let unhandled = unhandled_in(|| late.callback(value()));
    assert_eq!(log.take(), ["dropped"]);
    assert!(unhandled[0].failure().is::<Panicked>());
}

#[test]
fn b172_a_first_error_tells_the_index_and_the_failure_and_can_be_searched() {
    let failure = ropewalk_deferred::Failure::from(TimedOut).context("asking for the time");
    let list = DeferredList::new([Deferred::succeed(0), Deferred::fail(failure)]);
    let failure = failure_of(list.fire_on_one_errback().into_deferred());
    let text = format!("the deferred at index 1 failed: asking for the time: {TimedOut}");
    assert_eq!(format!("{failure:#}"), text);
    assert!(failure.is::<FirstError>());
    assert!(!failure.is::<TimedOut>());
    assert!(failure.chain().any(|cause| cause.is::<TimedOut>()));
}

#[test]
fn the_text_of_a_group_tells_the_first_few_failures() {
    let group = |count: usize| {
        let failing = (0..count).map(|_| Deferred::<u32>::fail(TimedOut));
        failure_of(DeferredList::new(failing).fire_on_one_callback().into_deferred()).to_string()
    };
    assert_eq!(group(1), format!("the only deferred failed: {TimedOut}"));
    assert_eq!(group(2), format!("all 2 deferreds failed: {TimedOut}; {TimedOut}"));
    assert!(group(9).ends_with("; and 6 more"));
}

#[test]
fn a_list_shows_its_flags() {
    let list = DeferredList::new([Deferred::succeed(7)]).consume_errors();
    let text = format!("{list:?}");
    assert!(text.contains("members: 1") && text.contains("consume_errors: true"), "{text}");
    drop(list);
}
