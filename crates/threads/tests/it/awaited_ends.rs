//! Answers that are awaited, when one side goes, gives up, or fails.

use crate::awaited::{ALL, On, Promises, keep_promises, poll_in_vain, promised, tokio};
use crate::support::{Drops, Refused, Witness, foreign, gated, must_not_run};
use async_executor::Executor;
use pollster::block_on;
use ropewalk_deferred::{Cancelled, Deferred, Failure, Panicked, Result, TimedOut};
use ropewalk_reactor::{Reactor, ReactorHandle, ReactorStopped};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threads::{
    Eventual, HandleThreads as _, ReactorThread, ReactorThreads as _, WouldDeadlock,
};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::task::Poll;
use std::thread;
use std::time::Duration;

/// What a task awaits.
type Awaiting = Pin<Box<dyn Future<Output = Result<Witness>> + Send>>;

/// What was given is not there any more: that is no answer of the reactor's, and as with a `Deferred`
/// the mistake of who asks.
#[test]
fn an_answer_is_given_once() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let again: [fn(Eventual<i32>) -> bool; 4] = [
            |answer| block_on(answer).is_ok(),
            |answer| answer.wait().is_ok(),
            |answer| answer.wait_timeout(Duration::ZERO).is_ok(),
            |answer| answer.try_take().is_ok(),
        ];
        for again in again {
            let mut answer = reactor.handle().eventually(|_| Ok(3)).cancel_on_drop();
            assert_eq!(block_on(&mut answer).unwrap(), 3);
            let payload = catch_unwind(AssertUnwindSafe(|| again(answer))).unwrap_err();
            let text = payload.downcast_ref::<&str>().unwrap();
            assert_eq!(*text, "an Eventual was asked for its answer after it had given it");
        }
        reactor.join().unwrap();
    });
}

/// The task is aborted, or loses a race, or goes with its runtime, while the reactor's deferred is
/// still open: that is cancelled, and a value that comes all the same is dropped.
#[test]
fn a_task_that_is_aborted_cancels_the_deferred_and_leaves_nothing_behind() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let ends: [fn(Awaiting); 4] = [
            |future| {
                tokio().block_on(async {
                    let task = tokio::spawn(future);
                    tokio::task::yield_now().await;
                    task.abort();
                    assert!(task.await.is_err_and(|error| error.is_cancelled()));
                });
            },
            |future| {
                let executor = Executor::new();
                let task = executor.spawn(future);
                assert!(executor.try_tick(), "it is polled once");
                assert!(block_on(executor.run(task.cancel())).is_none());
            },
            |mut future| {
                let race = poll_fn(|context| match future.as_mut().poll(context) {
                    Poll::Ready(_) => Poll::Ready("the answer"),
                    Poll::Pending => Poll::Ready("the other one"),
                });
                assert_eq!(block_on(race), "the other one");
            },
            |future| {
                let runtime = tokio();
                let _detached = runtime.spawn(future);
                runtime.block_on(tokio::task::yield_now());
            },
        ];
        for end in ends {
            let (of_the_task, of_the_value) = (Drops::default(), Drops::default());
            let (answer, is_asked, is_cancelled) = promised(reactor.handle());
            is_asked.recv().unwrap();
            let witness = of_the_task.witness();
            end(Box::pin(async move {
                let _witness = witness;
                answer.await
            }));
            assert_eq!(of_the_task.count(), 1);
            is_cancelled.recv().unwrap();
            let of_the_value = Arc::new(of_the_value);
            let made = Arc::clone(&of_the_value);
            keep_promises(reactor.handle(), move || made.witness());
            reactor.handle().blocking_call_from_thread(|_| ()).unwrap();
            assert_eq!(of_the_value.count(), 1, "the answer that came too late is dropped");
        }
    });
}

/// As in the guide: the job waits for a thread of the pool, until nobody waits for the job.
#[test]
fn i2_a_timeout_gives_up_the_place_in_the_queue_of_the_pool() {
    within(DEADLINE, || {
        let (reactor, dropped) = (ReactorThread::spawn().unwrap(), Drops::default());
        let ((gate, wait), witness) = (gated(), dropped.witness());
        reactor.handle().suggest_thread_pool_size(1).unwrap();
        reactor.handle().call_in_thread(wait).unwrap();
        gate.started.recv().unwrap();
        let job = reactor
            .handle()
            .eventually(move |reactor| reactor.defer_to_thread(move || must_not_run(&witness)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let limited = async { tokio::time::timeout(Duration::from_millis(1), job).await };
        assert!(runtime.block_on(limited).is_err());
        reactor.handle().blocking_call_from_thread(|_| ()).unwrap();
        assert_eq!(dropped.count(), 1);
        drop(gate);
    });
}

/// The answer and the abort meet; whichever comes first, the value is dropped once.
#[test]
fn i2_an_abort_that_meets_the_answer_loses_nothing() {
    within(DEADLINE, || {
        let (reactor, runtime) = (ReactorThread::spawn().unwrap(), tokio());
        let dropped = Drops::default();
        for _ in 0..500 {
            let witness = dropped.witness();
            let task = runtime.spawn(reactor.handle().eventually(move |_| Ok(witness)));
            runtime.block_on(async {
                tokio::task::yield_now().await;
                task.abort();
                drop(task.await);
            });
        }
        reactor.handle().blocking_call_from_thread(|_| ()).unwrap();
        assert_eq!(dropped.count(), 500);
    });
}

#[test]
fn i4_the_stop_wakes_a_task_that_awaits() {
    within(DEADLINE, || {
        for on in ALL {
            let reactor = ReactorThread::spawn().unwrap();
            let (mut answer, _, _) = promised::<()>(reactor.handle());
            let handle = reactor.handle().clone();
            let stopped = on.run(async move {
                poll_in_vain(&mut answer).await;
                handle.stop();
                answer.await
            });
            assert!(stopped.unwrap_err().is::<ReactorStopped>(), "{on:?}");
            let handle = reactor.handle().clone();
            reactor.join().unwrap();
            let after = on.run(handle.eventually(|_| ()));
            assert!(after.unwrap_err().is::<ReactorStopped>(), "{on:?}");
        }
    });
}

/// Never run, and dropped: the call itself goes, and whoever awaits it is told.
#[test]
fn i4_the_drop_of_the_reactor_wakes_a_task_that_awaits() {
    within(DEADLINE, || {
        for on in ALL {
            let reactor = Reactor::new().unwrap();
            let mut answer = reactor.handle().eventually(|_| ());
            let (polled, is_polled) = channel();
            let awaiting = foreign(move || {
                on.run(async move {
                    poll_in_vain(&mut answer).await;
                    polled.send(()).unwrap();
                    answer.await
                })
            });
            is_polled.recv().unwrap();
            drop(reactor);
            assert!(awaiting.join().unwrap().unwrap_err().is::<ReactorStopped>(), "{on:?}");
        }
    });
}

/// Cancelled in the queue, while the call runs, and while its deferred is waited for.
#[test]
fn i2_a_cancel_wakes_a_task_that_awaits() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        for on in ALL {
            let (gate, wait) = gated();
            let running = reactor.handle().eventually(move |reactor| {
                wait();
                let (promise, deferred) = Deferred::<u32>::new();
                reactor.local::<Promises<u32>>().borrow_mut().push(promise);
                deferred
            });
            gate.started.recv().unwrap();
            let queued = reactor.handle().eventually(|_| Ok(3));
            let (waiting, is_asked, is_cancelled) = promised::<u32>(reactor.handle());
            let cancelled = on.run(async move {
                let (mut running, mut queued, mut waiting) = (running, queued, waiting);
                poll_in_vain(&mut running).await;
                poll_in_vain(&mut queued).await;
                poll_in_vain(&mut waiting).await;
                running.cancel();
                queued.cancel();
                drop(gate);
                is_asked.recv().unwrap();
                waiting.cancel();
                [running.await, queued.await, waiting.await]
            });
            assert!(cancelled.into_iter().all(|one| one.unwrap_err().is::<Cancelled>()), "{on:?}");
            is_cancelled.recv().unwrap();
        }
    });
}

/// The errors that a call can end with, for all that they have in common is their box.
fn kinds(failure: &Failure) -> Vec<&'static str> {
    let kinds = [
        ("WouldDeadlock", failure.downcast_ref::<WouldDeadlock>().is_some()),
        ("ReactorStopped", failure.downcast_ref::<ReactorStopped>().is_some()),
        ("TimedOut", failure.downcast_ref::<TimedOut>().is_some()),
        ("Cancelled", failure.downcast_ref::<Cancelled>().is_some()),
        ("Panicked", failure.downcast_ref::<Panicked>().is_some()),
        ("Refused", failure.downcast_ref::<Refused>() == Some(&Refused(7))),
    ];
    kinds.into_iter().filter(|(_, is_it)| *is_it).map(|(name, _)| name).collect()
}

/// A way to an answer's result.
type Way = fn(Eventual<()>) -> Result<()>;

const WAYS: [Way; 6] = [
    |answer| On::Tokio.run(answer),
    |answer| On::AsyncExecutor.run(answer),
    |answer| On::Pollster.run(answer),
    Eventual::wait,
    |answer| answer.wait_timeout(Duration::MAX).unwrap(),
    |mut answer| loop {
        match answer.try_take() {
            Ok(result) => return result,
            Err(not_yet) => answer = not_yet,
        }
        thread::yield_now();
    },
];

#[test]
fn each_error_is_told_from_the_others_on_each_way() {
    within(DEADLINE, || {
        for way in WAYS {
            let reactor = ReactorThread::spawn().unwrap();
            let handle = reactor.handle().clone();
            let fails = |failure: fn(&ReactorHandle) -> Result<()>| {
                let inside = handle.clone();
                let answer = handle.eventually(move |_| failure(&inside));
                kinds(&way(answer).unwrap_err())
            };
            assert_eq!(fails(|_| Err(Refused(7).into())), ["Refused"]);
            assert_eq!(fails(|_| panic!("in a call that is awaited")), ["Panicked"]);
            // The call waits for its own thread, and the advice passes through.
            assert_eq!(fails(|handle| handle.eventually(|_| ()).wait()), ["WouldDeadlock"]);
            let limited = |handle: &ReactorHandle| {
                let inside = handle.clone();
                let foreign = foreign(move || {
                    let never = |_: &Reactor| Deferred::<()>::new().1;
                    inside.blocking_call_from_thread_timeout(Duration::ZERO, never)
                });
                foreign.join().unwrap_or_else(|_| Err(Refused(0).into()))
            };
            assert_eq!(fails(limited), ["TimedOut"]);
            let (answer, is_asked, _) = promised::<()>(&handle);
            is_asked.recv().unwrap();
            answer.cancel();
            assert_eq!(kinds(&way(answer).unwrap_err()), ["Cancelled"]);
            let (answer, is_asked, _) = promised::<()>(&handle);
            is_asked.recv().unwrap();
            reactor.join().unwrap();
            assert_eq!(kinds(&way(answer).unwrap_err()), ["ReactorStopped"]);
            let after = handle.eventually(|_| ());
            assert_eq!(kinds(&way(after).unwrap_err()), ["ReactorStopped"]);
        }
    });
}
