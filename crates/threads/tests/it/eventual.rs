//! Answers that can be waited for, looked at, cancelled and awaited.

use crate::support::{Drops, OnDrop, foreign, gated, must_not_run};
use pollster::block_on;
use ropewalk_deferred::{Cancelled, Deferred};
use ropewalk_reactor::{Reactor, ReactorStopped};
use ropewalk_testing::{DEADLINE, EventLog, within};
use ropewalk_threads::{Eventual, HandleThreads as _, ReactorThread, WouldDeadlock};
use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// Counts how often it was woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll<T: Send + 'static>(
    eventual: &mut Eventual<T>,
    count: &Arc<Count>,
) -> Poll<ropewalk_deferred::Result<T>> {
    let waker = Waker::from(Arc::clone(count));
    Pin::new(eventual).poll(&mut Context::from_waker(&waker))
}

#[test]
fn it_is_waited_for() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        assert_eq!(reactor.handle().eventually(|_| Ok(3)).wait().unwrap(), 3);
    });
}

#[test]
fn it_is_waited_for_with_a_limit_and_gives_itself_back() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let (sender, receiver) = channel();
        let waiting = foreign(move || {
            let answer = handle.eventually(|reactor| {
                reactor.stop();
                Ok(3)
            });
            let answer = answer.wait_timeout(Duration::from_millis(1)).unwrap_err();
            let answer = answer.wait_timeout(Duration::ZERO).unwrap_err();
            let answer = answer.try_take().unwrap_err();
            sender.send(()).unwrap();
            answer.wait_timeout(Duration::MAX).unwrap().unwrap()
        });
        receiver.recv().unwrap();
        reactor.run().unwrap();
        assert_eq!(waiting.join().unwrap(), 3);
    });
}

#[test]
fn it_is_looked_at_without_waiting() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let answer = reactor.handle().eventually(|_| Ok(3));
        let answer = answer.try_take().unwrap_err();
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(answer.try_take().unwrap().unwrap(), 3);
    });
}

#[test]
fn i4_waiting_on_the_reactor_thread_is_refused_and_calls_it_off() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let dropped = Drops::default();
        let (one, two) = (dropped.witness(), dropped.witness());
        let handle = reactor.handle();
        let refused = handle.eventually(move |_| must_not_run(&one)).wait();
        assert!(refused.unwrap_err().is::<WouldDeadlock>());
        let refused = handle.eventually(move |_| must_not_run(&two));
        let refused = refused.wait_timeout(Duration::MAX).unwrap();
        assert!(refused.unwrap_err().is::<WouldDeadlock>());
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!((dropped.count(), reactor.stats().panics), (2, 0));
    });
}

/// There is nothing to wait for, so there is nothing to refuse.
#[test]
fn an_answer_that_is_there_is_given_on_the_reactor_thread_too() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let answers = [1, 2].map(|n| handle.eventually(move |_| Ok(n)));
        reactor.stop();
        reactor.run().unwrap();
        let [first, second] = answers;
        assert_eq!(first.wait().unwrap(), 1);
        assert_eq!(second.wait_timeout(Duration::ZERO).unwrap().unwrap(), 2);
        // Nor is it a deadlock to hear that there will be none.
        assert!(handle.eventually(|_| Ok(3)).wait().unwrap_err().is::<ReactorStopped>());
    });
}

#[test]
fn it_is_awaited_on_any_executor() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let handle = reactor.handle();
        let sum = block_on(async {
            let first = handle.eventually(|_| Ok(1)).await?;
            let second = handle.eventually(|reactor| {
                let (promise, deferred) = Deferred::new();
                reactor.call_later(Duration::from_millis(5), |_| promise.callback(2));
                deferred
            });
            Ok::<_, ropewalk_deferred::Failure>(first + second.await?)
        });
        assert_eq!(sum.unwrap(), 3);
    });
}

#[test]
fn a_waker_that_was_replaced_is_dropped_and_not_woken() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let mut answer = reactor.handle().eventually(|_| Ok(3));
        let (first, second) = (Arc::<Count>::default(), Arc::<Count>::default());
        assert!(poll(&mut answer, &first).is_pending());
        assert!(poll(&mut answer, &first).is_pending());
        assert!(poll(&mut answer, &second).is_pending());
        assert_eq!(Arc::strong_count(&first), 1);
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(first.0.load(Ordering::SeqCst), 0);
        assert_eq!(second.0.load(Ordering::SeqCst), 1);
        assert!(matches!(poll(&mut answer, &second), Poll::Ready(Ok(3))));
    });
}

#[test]
fn one_that_was_never_polled_lets_the_call_run_when_it_is_dropped() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let dropped = Drops::default();
        let witness = dropped.witness();
        let answer = reactor.handle().eventually(move |reactor| {
            reactor.stop();
            Ok(witness)
        });
        drop(answer);
        reactor.run().unwrap();
        assert_eq!(dropped.count(), 1, "the answer that nobody took is dropped");
    });
}

#[test]
fn cancelled_in_the_queue_the_call_never_runs() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let dropped = Drops::default();
        let witness = dropped.witness();
        let answer = reactor.handle().eventually(move |_| must_not_run(&witness));
        answer.cancel();
        answer.cancel();
        reactor.stop();
        reactor.run().unwrap();
        assert!(answer.wait().unwrap_err().is::<Cancelled>());
        assert_eq!((dropped.count(), reactor.stats().panics), (1, 0));
    });
}

/// As what a call has captured that has run; also if that panics.
#[test]
fn what_a_cancelled_call_has_captured_is_gone_when_it_is_answered() {
    struct Note(EventLog<&'static str>);
    impl Wake for Note {
        fn wake(self: Arc<Self>) {
            self.0.add("answered");
        }
    }
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::default());
        let drops = log.clone();
        let captured = OnDrop::new(move || {
            drops.add("dropped");
            panic!("in the drop of what was captured");
        });
        let mut answer = reactor.handle().eventually(move |_| drop(captured));
        let waker = Waker::from(Arc::new(Note(log.clone())));
        let mut context = Context::from_waker(&waker);
        assert!(Pin::new(&mut answer).poll(&mut context).is_pending());
        answer.cancel();
        reactor.stop();
        reactor.run().unwrap();
        assert!(answer.wait().unwrap_err().is::<Cancelled>());
        assert_eq!(log.take(), ["dropped", "answered"]);
        assert_eq!(reactor.stats().panics, 1, "reported as that of a call");
    });
}

#[test]
fn cancelled_while_it_runs_its_deferred_is_cancelled() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let (gate, wait) = gated();
        let (sender, receiver) = channel();
        let answer = reactor.handle().eventually(move |_| {
            wait();
            let (promise, deferred) = Deferred::<u32>::with_canceller(move || {
                sender.send(()).unwrap();
            });
            deferred.add_both(move |result| {
                drop(promise);
                result
            })
        });
        gate.started.recv().unwrap();
        answer.cancel();
        drop(gate);
        assert!(answer.wait().unwrap_err().is::<Cancelled>());
        receiver.recv().unwrap();
    });
}

#[test]
fn cancelled_while_it_waits_its_deferred_is_cancelled() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let (sender, receiver) = channel();
        let answer = reactor.handle().eventually(move |reactor| {
            let (promise, deferred) = Deferred::<u32>::new();
            reactor.call_soon(move |_| sender.send(()).unwrap());
            deferred.add_both(move |result| {
                drop(promise);
                result
            })
        });
        // The callback has returned when the next turn comes.
        receiver.recv().unwrap();
        answer.cancel();
        assert!(answer.wait().unwrap_err().is::<Cancelled>());
    });
}

#[test]
fn what_a_canceller_makes_of_it_is_the_answer() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let (sender, receiver) = channel();
        let answer = reactor.handle().eventually(move |reactor| {
            let (promise, deferred) = Deferred::<u32>::new();
            reactor.call_soon(move |_| sender.send(()).unwrap());
            deferred.add_errback(move |failure| {
                drop(promise);
                assert!(failure.is::<Cancelled>());
                Ok(7)
            })
        });
        receiver.recv().unwrap();
        answer.cancel();
        assert_eq!(answer.wait().unwrap(), 7);
    });
}

#[test]
fn cancelled_after_its_answer_it_keeps_the_answer() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let handle = reactor.handle();
        let answer = handle.eventually(|_| Ok(3));
        handle.blocking_call_from_thread(|_| ()).unwrap();
        answer.cancel();
        assert_eq!(answer.wait().unwrap(), 3);
        let answer = handle.eventually(|_| Ok(4));
        reactor.join().unwrap();
        answer.cancel();
        assert_eq!(answer.wait().unwrap(), 4);
    });
}

/// The `Eventual` is its owner: that the reactor's side has let go of it must not cancel it.
#[test]
fn a_deferred_that_its_drop_would_cancel_is_waited_for() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let later = |reactor: &Reactor| {
            let (promise, deferred) = Deferred::<u32>::new();
            reactor.call_soon(move |_| promise.callback(5));
            deferred.cancel_on_drop()
        };
        let handle = reactor.handle();
        assert_eq!(handle.blocking_call_from_thread(later).unwrap(), 5);
        assert_eq!(
            handle.eventually(move |reactor| later(reactor).map(|n| n + 1)).wait().unwrap(),
            6
        );
        assert_eq!(block_on(handle.eventually(later)).unwrap(), 5);
    });
}

#[test]
fn a_deferred_that_its_drop_would_cancel_is_cancelled_with_its_eventual() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let ((sender, receiver), (cancelled, was_cancelled)) = (channel(), channel());
        let answer = reactor.handle().eventually(move |reactor| {
            let (promise, deferred) =
                Deferred::<u32>::with_canceller(move || cancelled.send(()).unwrap());
            reactor.call_soon(move |_| sender.send(()).unwrap());
            deferred.cancel_on_drop().add_both(move |result| {
                drop(promise);
                result
            })
        });
        receiver.recv().unwrap();
        let answer = answer.try_take().unwrap_err();
        assert!(was_cancelled.try_recv().is_err(), "nobody has cancelled it yet");
        answer.cancel();
        assert!(answer.wait().unwrap_err().is::<Cancelled>());
        was_cancelled.recv().unwrap();
    });
}

#[test]
fn i4_the_stop_is_told_to_who_waits_for_a_deferred_that_its_drop_would_cancel() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let (sender, receiver) = channel();
        let answer = reactor.handle().eventually(move |reactor| {
            let (promise, deferred) = Deferred::<u32>::new();
            reactor.call_soon(move |_| sender.send(()).unwrap());
            deferred.cancel_on_drop().add_both(move |result| {
                drop(promise);
                result
            })
        });
        receiver.recv().unwrap();
        reactor.join().unwrap();
        assert!(answer.wait().unwrap_err().is::<ReactorStopped>());
    });
}
