//! Tuples of deferreds.

use crate::members::{member, members};
use crate::support::{
    Log, LogsDrop, PanicsInDrop, failure_of, peek, result_of, take, unhandled_in,
};
use ropewalk_deferred::{Cancelled, Deferred, FirstError, TimedOut, join};

#[test]
fn b171_values_of_different_types_come_as_a_tuple() {
    let (number, a) = Deferred::<u32>::new();
    let (text, b) = Deferred::<&str>::new();
    let values = peek(join((a, b, Deferred::succeed('c'))));
    text.callback("b");
    assert!(take(&values).is_none());
    number.callback(1);
    assert_eq!(take(&values).unwrap().unwrap(), (1, "b", 'c'));
}

#[test]
fn a_tuple_has_one_to_twelve_members() {
    macro_rules! some {
        ($($n:literal)+) => { ($(Deferred::succeed($n),)+) };
    }
    assert_eq!(result_of(join(some!(1))).unwrap(), (1,));
    let (a, .., l) = result_of(join(some!(1 2 3 4 5 6 7 8 9 10 11 12))).unwrap();
    assert_eq!((a, l), (1, 12));
}

#[test]
fn b171_the_first_failure_of_a_tuple_ends_it_with_its_position() {
    let log = Log::default();
    let (end, late) = member();
    let joined = join((
        Deferred::succeed((PanicsInDrop, LogsDrop(log.clone(), "dropped"))),
        late,
        Deferred::succeed(PanicsInDrop),
        Deferred::<()>::fail(TimedOut),
        Deferred::<()>::fail(TimedOut),
    ));
    assert_eq!(log.take(), ["dropped"]);
    let first = failure_of(joined.map(|_| ())).downcast::<FirstError>().unwrap();
    assert_eq!(first.index(), 3);
    assert!(first.failure().is::<TimedOut>());
    assert_eq!(end.cancels(), 0);
    assert_eq!(unhandled_in(|| end.errback(TimedOut)).len(), 1);
}

#[test]
fn b171_cancel_cancels_the_members_of_a_tuple() {
    let (ends, deferreds) = members(2);
    let [a, b]: [Deferred<u32>; 2] = deferreds.try_into().unwrap();
    let joined = join((Deferred::succeed("there"), a, b.map(|n| n.to_string())));
    let unhandled = unhandled_in(|| joined.cancel());
    assert!(unhandled.is_empty());
    assert!(ends.iter().all(|end| end.cancels() == 1));
    let first = failure_of(joined.map(|_| ())).downcast::<FirstError>().unwrap();
    assert_eq!(first.index(), 1);
    assert!(first.failure().is::<Cancelled>());
}

#[test]
fn a_tuple_that_nobody_handles_is_reported_with_its_place() {
    let (end, deferred) = member();
    let line = line!() + 1;
    join((deferred,)).detach();
    let unhandled = unhandled_in(|| end.errback(TimedOut));
    assert_eq!(unhandled.len(), 1);
    assert_eq!((unhandled[0].created().file(), unhandled[0].created().line()), (file!(), line));
}
