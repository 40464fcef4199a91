//! What may cross threads (I1). What may not is in the compile-fail tests of the crate.

use ropewalk_threads::{
    Eventual, EventualCancelHandle, ReactorThread, ReportingJob, Watchdog, WouldDeadlock,
};
use std::cell::Cell;
use std::panic::UnwindSafe;
use std::rc::Rc;

fn crosses<T: Send>() {}
fn is_shared<T: Sync>() {}

/// `Ambiguous::<T>::here` names one function only if `T` is not `Send`.
trait NotSend<Marker> {
    fn here() {}
}
struct IsSend;
impl<T: ?Sized> NotSend<()> for T {}
impl<T: ?Sized + Send> NotSend<IsSend> for T {}

#[test]
fn i1_answers_and_threads_may_cross() {
    crosses::<Eventual<String>>();
    is_shared::<Eventual<String>>();
    // Like a channel's end: a value that may cross need not be shared.
    is_shared::<Eventual<Cell<u32>>>();
    crosses::<EventualCancelHandle>();
    is_shared::<EventualCancelHandle>();
    crosses::<ReactorThread>();
    is_shared::<ReactorThread>();
    crosses::<ReportingJob<Cell<u32>>>();
    is_shared::<ReportingJob<Cell<u32>>>();
    crosses::<WouldDeadlock>();
    is_shared::<WouldDeadlock>();
}

#[test]
fn what_belongs_to_a_thread_passes_through_catch_unwind() {
    fn passes<T: UnwindSafe>() {}
    passes::<ReactorThread>();
    passes::<&ReactorThread>();
    passes::<Watchdog>();
    passes::<&Watchdog>();
    passes::<Eventual<String>>();
    passes::<EventualCancelHandle>();
    passes::<&EventualCancelHandle>();
}

#[test]
fn i1_an_answer_that_may_not_cross_keeps_its_owner_from_it() {
    <Eventual<Rc<u32>> as NotSend<_>>::here();
}
