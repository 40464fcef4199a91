//! What may cross threads, and what may not (I1): each public type that owns something, both ways.
//!
//! All of it is decided when this file is compiled.

use std::cell::Cell;
use std::rc::Rc;

/// Both `Send` and `Sync`.
macro_rules! crosses {
    ($($type:ty),* $(,)?) => {
        $(const _: () = {
            const fn send_and_sync<T: Send + Sync>() {}
            send_and_sync::<$type>();
        };)*
    };
}

/// Neither `Send` nor `Sync`: if it were, `stays` would be found twice, which is an error.
macro_rules! stays {
    ($($type:ty),* $(,)?) => {
        $(const _: fn() = || {
            trait NotSend<Found> {
                fn stays() {}
            }
            trait NotSync<Found> {
                fn stays() {}
            }
            struct Twice;
            impl<T: ?Sized> NotSend<()> for T {}
            impl<T: ?Sized + Send> NotSend<Twice> for T {}
            impl<T: ?Sized> NotSync<()> for T {}
            impl<T: ?Sized + Sync> NotSync<Twice> for T {}
            <$type as NotSend<_>>::stays();
            <$type as NotSync<_>>::stays();
        };)*
    };
}

#[test]
fn i1_a_deferred_stays_and_its_failure_crosses() {
    use ropewalk::deferred::{
        Abandoned, CallbackContext, CancelHandle, Cancelled, Deferred, Failure, LiveDeferred,
        Panicked, Promise, TimedOut, WaitsForItself,
    };
    stays!(Deferred<()>, Deferred<u32>, Promise<()>, Promise<u32>, CancelHandle);
    stays!(Rc<dyn CallbackContext>);
    crosses!(LiveDeferred);
    crosses!(Failure, Abandoned, Cancelled, Panicked, TimedOut, WaitsForItself);
}

#[test]
fn i1_a_list_stays_and_its_errors_cross() {
    use ropewalk::deferred::{DeferredList, FailureGroup, FirstError, OneValue};
    stays!(DeferredList<u32>, DeferredList<u32, OneValue>);
    crosses!(FailureGroup, FirstError);
}

#[test]
fn i1_what_callbacks_wait_for_stays_and_its_errors_cross() {
    use ropewalk::deferred::{
        DeferredEvent, DeferredLock, DeferredQueue, DeferredSemaphore, LockGuard, NoTokens,
        QueueOverflow, QueueUnderflow, SemaphorePermit,
    };
    stays!(DeferredEvent, DeferredLock, DeferredQueue<u32>, DeferredSemaphore);
    stays!(LockGuard, LockGuard<u32>, SemaphorePermit);
    crosses!(NoTokens, QueueUnderflow, QueueOverflow<u32>);
    // A refused value is what it is.
    stays!(QueueOverflow<Rc<()>>);
}

#[test]
fn i1_a_pool_crosses_with_all_that_it_gives() {
    use ropewalk::threadpool::{
        AlreadyStopped, BuildError, Builder, CancelHook, CancelToken, InvalidSize, JobHandle,
        JobState, ManualPool, Panicked, StillRunning, SubmitError, SubmitErrorKind, ThreadPool,
        UnrunJob, WouldDeadlock,
    };
    crosses!(ThreadPool, ManualPool, Builder, JobHandle, JobState, UnrunJob);
    crosses!(CancelToken, CancelHook);
    crosses!(AlreadyStopped, BuildError, InvalidSize, Panicked, StillRunning, SubmitErrorKind);
    crosses!(WouldDeadlock);
    // A refused job is what its closure is.
    crosses!(SubmitError<()>);
    stays!(SubmitError<Rc<()>>);
}

#[test]
fn i1_what_a_pool_tells_of_itself_crosses() {
    use ropewalk::threadpool::{
        Bucket, Histogram, JobContext, PoolReport, PoolState, PoolStats, RunningJob, StallReport,
        WeakPool, WorkerReport,
    };
    crosses!(PoolStats, Histogram, Bucket, PoolReport, WorkerReport, RunningJob, StallReport);
    crosses!(PoolState, WeakPool);
    // A context goes to one worker, which may change it.
    const fn send<T: Send>() {}
    const _: () = send::<Box<dyn JobContext>>();
}

#[test]
fn i1_a_reactor_stays_and_its_handle_crosses() {
    use ropewalk::reactor::{
        DelayedCall, Hold, InvalidDelay, ManualClock, NotPending, PanicPolicy, PendingCall, Phase,
        Reactor, ReactorHandle, ReactorRef, ReactorStats, ReactorStopped, Remote, RunError, Stuck,
        SystemEvent, TriggerId, UnknownTrigger, WeakReactor,
    };
    stays!(Reactor, ReactorRef, WeakReactor, DelayedCall, ManualClock);
    crosses!(ReactorHandle, Hold, Phase, SystemEvent, TriggerId, PanicPolicy);
    crosses!(PendingCall, ReactorStats, Stuck);
    crosses!(RunError, InvalidDelay, NotPending, UnknownTrigger, ReactorStopped);
    // A reference to a value that stays where it is, whatever it is.
    crosses!(Remote<u32>, Remote<Rc<Cell<u32>>>);
    // A refused call is what its closure is.
    stays!(ReactorStopped<Rc<()>>);
}

#[cfg(unix)]
#[test]
fn i1_a_registration_stays() {
    use ropewalk::reactor::{Interest, Readiness, RegisterError, Registration};
    use std::net::TcpStream;
    stays!(Registration<TcpStream>);
    crosses!(Interest, Readiness, RegisterError<TcpStream>);
}

#[test]
fn i1_an_answer_crosses_if_what_is_in_it_does() {
    use ropewalk::threads::{
        BoxedJob, Eventual, EventualCancelHandle, InstallError, JobDropped, JoinError,
        ReactorThread, ReactorThreadBuilder, ReportingJob, WouldDeadlock,
    };
    crosses!(ReactorThreadBuilder, InstallError, JobDropped, JoinError, ReportingJob<Cell<u32>>);
    crosses!(Eventual<()>, Eventual<String>, Eventual<Cell<u32>>, ReactorThread, WouldDeadlock);
    crosses!(EventualCancelHandle);
    stays!(Eventual<Rc<u32>>);
    const fn send<T: Send>() {}
    const _: () = send::<BoxedJob>();
}

#[test]
fn i1_a_cooperator_stays_and_what_it_reports_crosses() {
    use ropewalk::deferred::Unhandled;
    use ropewalk::task::{CooperativeTask, Cooperator, NotPaused};
    use ropewalk::task::{SchedulerStopped, TaskFailed, TaskFinished, TaskStopped};
    stays!(Cooperator, CooperativeTask);
    crosses!(NotPaused, TaskFinished, TaskFailed, TaskStopped, SchedulerStopped, Unhandled);
}

#[test]
fn i1_a_loop_stays_and_the_errors_of_tasks_cross() {
    use ropewalk::task::{AlreadyRunning, ExitWith, LoopingCall, NotRunning, StoppedBeforeDone};
    stays!(LoopingCall);
    crosses!(AlreadyRunning, ExitWith, NotRunning, StoppedBeforeDone);
}

#[cfg(feature = "net")]
#[test]
fn i1_a_transport_stays_and_its_errors_cross() {
    use ropewalk::net::{
        Address, ConnectError, ConnectErrorKind, ConnectOptions, ConnectionLost, FailedAttempt,
        LineNotUtf8, LineTooLong, ListenError, ListenErrorKind, ListeningPort, Pressure,
        ResolveError, ResolveErrorKind, Transport,
    };
    stays!(Transport, ListeningPort);
    crosses!(Address, ConnectOptions, Pressure);
    crosses!(ConnectError, ConnectErrorKind, ConnectionLost, FailedAttempt);
    crosses!(LineNotUtf8, LineTooLong, ListenError, ListenErrorKind);
    crosses!(ResolveError, ResolveErrorKind);
}
