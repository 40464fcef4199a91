//! Gathering values.

use crate::members::{member, members};
use crate::support::{failure_of, peek, result_of, take, unhandled_in};
use ropewalk_deferred::{Cancelled, Deferred, FirstError, TimedOut, gather_results};

#[test]
fn b171_values_come_in_order() {
    let (ends, mut deferreds) = members(2);
    deferreds.insert(1, Deferred::succeed(8));
    let values = peek(gather_results(deferreds));
    ends[1].callback(9);
    assert!(take(&values).is_none());
    ends[0].callback(7);
    assert_eq!(take(&values).unwrap().unwrap(), [7, 8, 9]);
}

#[test]
fn b171_no_members_are_no_values_at_once() {
    assert!(result_of(gather_results::<u32>([])).unwrap().is_empty());
}

#[test]
fn b171_the_first_failure_ends_it_and_the_others_go_on() {
    let (ends, deferreds) = members(3);
    let values = peek(gather_results(deferreds));
    ends[1].errback(TimedOut);
    let first = take(&values).unwrap().unwrap_err().downcast::<FirstError>().unwrap();
    assert_eq!(first.index(), 1);
    assert!(first.failure().is::<TimedOut>());
    assert_eq!(ends[0].cancels() + ends[2].cancels(), 0);
    ends[0].callback(7);
    assert_eq!(unhandled_in(|| ends[2].errback(TimedOut)).len(), 1);
}

#[test]
fn b171_cancel_cancels_the_members() {
    let (ends, deferreds) = members(2);
    let values = gather_results(deferreds);
    ends[0].callback(7);
    values.cancel();
    assert_eq!((ends[0].cancels(), ends[1].cancels()), (0, 1));
    let first = failure_of(values).downcast::<FirstError>().unwrap();
    assert_eq!(first.index(), 1);
    assert!(first.failure().is::<Cancelled>());
}

#[test]
fn a_gathering_that_nobody_handles_is_reported_with_its_place() {
    let (end, deferred) = member();
    let line = line!() + 1;
    gather_results([deferred]).detach();
    let unhandled = unhandled_in(|| end.errback(TimedOut));
    assert_eq!(unhandled.len(), 1);
    assert_eq!((unhandled[0].created().file(), unhandled[0].created().line()), (file!(), line));
}
