//! Races.

use crate::members::{Member, member, member_with, members, panicking_member};
use crate::support::{Log, failure_of, peek, result_of, take, unhandled_in};
use ropewalk_deferred::{
    Cancelled, Deferred, DeferredList, FailureGroup, Panicked, TimedOut, race,
};

#[test]
fn b173_the_first_value_wins_and_the_others_are_cancelled_once_each() {
    let (ends, deferreds) = members(4);
    let first = peek(race(deferreds));
    ends[1].errback(TimedOut);
    assert!(take(&first).is_none());
    let unhandled = unhandled_in(|| ends[2].callback(7));
    assert!(unhandled.is_empty());
    assert_eq!(take(&first).unwrap().unwrap(), (2, 7));
    let cancels: Vec<_> = ends.iter().map(Member::cancels).collect();
    assert_eq!(cancels, [1, 0, 0, 1]);
}

#[test]
fn b173_a_member_that_has_its_value_already_wins() {
    let (ends, mut deferreds) = members(2);
    deferreds.insert(1, Deferred::succeed(7));
    deferreds.push(Deferred::succeed(8));
    deferreds.push(Deferred::fail(TimedOut));
    let mut first = None;
    let unhandled = unhandled_in(|| first = Some(race(deferreds)));
    assert!(unhandled.is_empty());
    assert_eq!(result_of(first.unwrap()).unwrap(), (1, 7));
    assert_eq!((ends[0].cancels(), ends[1].cancels()), (1, 1));
}

#[test]
fn b173_all_failures_come_in_input_order_and_nobody_is_cancelled() {
    let (ends, deferreds) = members(3);
    let first = peek(race(deferreds));
    for index in [2, 0, 1] {
        ends[index].errback(std::io::Error::other(index.to_string()));
    }
    let group = take(&first).unwrap().unwrap_err().downcast::<FailureGroup>().unwrap();
    let texts: Vec<_> = group.failures().iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["0", "1", "2"]);
    assert!(ends.iter().all(|end| end.cancels() == 0));
}

#[test]
fn b173_late_results_of_losers_are_no_errors() {
    // A loser that has an answer of its own to a cancel is still there afterwards.
    let (last, inner) = member();
    let (loser, deferred) = member();
    let deferred = deferred.add_errback(|_| inner);
    let (winner, other) = member();
    let first = peek(race([deferred, other]));
    winner.callback(7);
    assert_eq!(take(&first).unwrap().unwrap(), (1, 7));
    assert_eq!((loser.cancels(), last.cancels()), (1, 0));
    assert!(unhandled_in(|| last.errback(TimedOut)).is_empty());
}

#[test]
fn b173_a_loser_whose_canceller_succeeds_is_ignored() {
    let log = Log::default();
    let (ends, mut deferreds) = members(1);
    let (loser, deferred) = member_with(|promise| promise.callback(8));
    deferreds.push(deferred);
    let seen = log.clone();
    race(deferreds)
        .add_callback(move |(index, value)| seen.add(index * 10 + value as usize))
        .detach();
    ends[0].callback(7);
    assert_eq!(loser.cancels(), 1);
    assert_eq!(log.take(), ["7"]);
}

/// The losers are cancelled before anybody hears of the winner.
#[test]
fn b173_the_race_fires_after_the_losers_are_cancelled() {
    let log = Log::default();
    let (end, winner) = member();
    let (seen, told) = (log.clone(), log.clone());
    let (_loser, loser) = member_with(move |_| seen.add("cancelled"));
    race([winner, loser]).add_callback(move |_| told.add("won")).detach();
    end.callback(7);
    assert_eq!(log.take(), ["cancelled", "won"]);
}

#[test]
fn b173_cancel_cancels_all_members_once_each_and_fails_with_the_group() {
    let (ends, deferreds) = members(3);
    let first = race(deferreds);
    first.cancel();
    first.cancel();
    assert!(ends.iter().all(|end| end.cancels() == 1));
    let group = failure_of(first).downcast::<FailureGroup>().unwrap();
    assert_eq!(group.failures().len(), 3);
    assert!(group.failures().iter().all(|failure| failure.is::<Cancelled>()));
}

#[test]
fn b173_a_member_may_answer_a_cancel_of_the_race_with_a_value() {
    let (ends, mut deferreds) = members(2);
    let (answering, deferred) = member_with(|promise| promise.callback(7));
    deferreds.insert(1, deferred);
    let first = race(deferreds);
    first.cancel();
    assert_eq!(answering.cancels(), 1);
    assert!(ends.iter().all(|end| end.cancels() == 1));
    assert_eq!(result_of(first).unwrap(), (1, 7));
}

/// One that has its own answer to a cancel is asked once and not twice.
#[test]
fn b173_a_cancelled_race_that_is_won_by_that_cancels_nobody_twice() {
    let (flushed, flush) = member();
    let (_end, stubborn) = member();
    let (_answering, answering) = member_with(|promise| promise.callback(7));
    let first = race([stubborn.add_errback(|_| flush), answering]);
    first.cancel();
    assert_eq!(result_of(first).unwrap(), (1, 7));
    assert_eq!(flushed.cancels(), 0);
    flushed.callback(1);
}

/// W26: in Twisted it never fires.
#[test]
fn w26_a_race_of_nobody_fails_at_once() {
    let failure = failure_of(race::<u32>([]));
    assert!(failure.downcast_ref::<FailureGroup>().unwrap().is_empty());
    assert!(failure.to_string().contains("nothing to wait for"));
}

#[test]
fn i3_a_loser_that_panics_is_reported() {
    let (end, winner) = member();
    let line = line!() + 1;
    let (_loser, loser) = panicking_member();
    let first = race([winner, loser]);
    let unhandled = unhandled_in(|| end.callback(7));
    assert_eq!(result_of(first).unwrap(), (0, 7));
    assert_eq!(unhandled.len(), 1);
    assert!(unhandled[0].failure().is::<Panicked>());
    assert_eq!(unhandled[0].created().line(), line);
}

#[test]
fn i5_a_loser_may_cancel_the_race_that_it_has_just_lost() {
    let handle = crate::support::shared(Deferred::succeed(()).canceller());
    let slot = handle.clone();
    let (end, winner) = member();
    let (flushed, flush) = member();
    let (_before, stubborn) = member();
    let (_loser, loser) = member_with(move |_| take(&slot).unwrap().cancel());
    let (third, last) = member();
    let first = race([winner, stubborn.add_errback(|_| flush), loser, last]);
    handle.replace(Some(first.canceller()));
    end.callback(7);
    assert_eq!((flushed.cancels(), third.cancels()), (0, 1));
    assert_eq!(result_of(first).unwrap(), (0, 7));
    flushed.callback(1);
}

#[test]
fn the_others_of_a_list_go_on_where_those_of_a_race_do_not() {
    let (ends, deferreds) = members(1);
    let deferreds = deferreds.into_iter().chain([Deferred::succeed(7)]);
    let list = DeferredList::new(deferreds).fire_on_one_callback().into_deferred();
    assert_eq!(result_of(list).unwrap(), (1, 7));
    assert_eq!(ends[0].cancels(), 0);
}
