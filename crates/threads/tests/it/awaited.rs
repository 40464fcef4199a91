//! Answers that are awaited on runtimes which know nothing of the reactor.

use crate::support::foreign;
use async_executor::Executor;
use pollster::block_on;
use ropewalk_deferred::{Deferred, Failure, Promise};
use ropewalk_reactor::{Reactor, ReactorHandle};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threads::{Eventual, HandleThreads as _, ReactorThread};
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::mpsc::{Receiver, channel};
use std::task::Poll;
use std::time::Duration;
use tokio::runtime::Runtime;

/// A runtime.
#[derive(Clone, Copy, Debug)]
pub(crate) enum On {
    Tokio,
    AsyncExecutor,
    Pollster,
}

pub(crate) const ALL: [On; 3] = [On::Tokio, On::AsyncExecutor, On::Pollster];

pub(crate) fn tokio() -> Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

impl On {
    /// Runs a future to its end: in a task of its own, where the runtime has tasks.
    pub(crate) fn run<T: Send + 'static>(
        self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> T {
        match self {
            Self::Tokio => tokio().block_on(async { tokio::spawn(future).await.unwrap() }),
            Self::AsyncExecutor => {
                let executor = Executor::new();
                block_on(executor.run(executor.spawn(future)))
            }
            Self::Pollster => block_on(future),
        }
    }

    fn poll_in_vain<T: Send + 'static>(self, mut answer: Eventual<T>) -> Eventual<T> {
        let [answer] = self.run(async move {
            poll_in_vain(&mut answer).await;
            [answer]
        });
        answer
    }
}

/// Polls once, inside of whatever task this is in. What was to come has not come yet.
pub(crate) async fn poll_in_vain<T: Send + 'static>(answer: &mut Eventual<T>) {
    poll_fn(|context| {
        assert!(Pin::new(&mut *answer).poll(context).is_pending());
        Poll::Ready(())
    })
    .await;
}

/// The promises that a test's reactor has made, and keeps.
pub(crate) type Promises<T> = RefCell<Vec<Promise<T>>>;

/// Asks for an answer that nobody gives until [`keep_promises`]. Tells when it waits, and when it is
/// cancelled.
pub(crate) fn promised<T: Send + 'static>(
    handle: &ReactorHandle,
) -> (Eventual<T>, Receiver<()>, Receiver<()>) {
    let ((asked, is_asked), (cancelled, is_cancelled)) = (channel(), channel());
    let answer = handle.eventually(move |reactor| {
        let canceller = move || {
            let _ = cancelled.send(());
        };
        let (promise, deferred) = Deferred::<T>::with_canceller(canceller);
        reactor.local::<Promises<T>>().borrow_mut().push(promise);
        // The closure has returned when the next turn comes.
        reactor.call_soon(move |_| {
            let _ = asked.send(());
        });
        deferred
    });
    (answer, is_asked, is_cancelled)
}

pub(crate) fn keep_promises<T: Send + 'static>(
    handle: &ReactorHandle,
    value: impl Fn() -> T + Send + 'static,
) {
    let keep = move |reactor: &Reactor| {
        let promises = reactor.local::<Promises<T>>().take();
        promises.into_iter().for_each(|promise| promise.callback(value()));
    };
    handle.call_from_thread(keep).unwrap();
}

#[test]
fn an_answer_that_is_there_before_the_first_poll_is_taken() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let answers = ALL.map(|on| (on, reactor.handle().eventually(|_| Ok("there"))));
        reactor.stop();
        reactor.run().unwrap();
        for (on, answer) in answers {
            assert_eq!(on.run(answer).unwrap(), "there", "{on:?}");
        }
    });
}

#[test]
fn an_answer_that_comes_later_wakes_its_task() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        for on in ALL {
            let handle = reactor.handle().clone();
            let (mut answer, _, _) = promised::<&str>(&handle);
            let later = on.run(async move {
                poll_in_vain(&mut answer).await;
                keep_promises(&handle, || "later");
                answer.await
            });
            assert_eq!(later.unwrap(), "later", "{on:?}");
        }
    });
}

#[test]
fn a_task_awaits_one_answer_after_the_other_and_many_at_once() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        for on in ALL {
            let handle = reactor.handle().clone();
            let sum = on.run(async move {
                let mut sum = 0;
                for n in 0..10 {
                    sum += handle.eventually(move |_| Ok(n)).await?;
                }
                let answers: Vec<_> = (0..100).map(|n| handle.eventually(move |_| Ok(n))).collect();
                for answer in answers {
                    sum += answer.await?;
                }
                Ok::<_, Failure>(sum)
            });
            assert_eq!(sum.unwrap(), 45 + 4950, "{on:?}");
        }
        let runtime = tokio();
        let tasks: Vec<_> =
            (0..100).map(|n| runtime.spawn(reactor.handle().eventually(move |_| Ok(n)))).collect();
        let sum = runtime.block_on(async {
            let mut sum = 0;
            for task in tasks {
                sum += task.await.unwrap().unwrap();
            }
            sum
        });
        assert_eq!(sum, 4950);
    });
}

/// Each runtime polls it once, and only the last has its answer to deal with.
#[test]
fn between_two_polls_it_may_move_to_another_task_runtime_and_thread() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        for last in ALL {
            let (mut answer, _, _) = promised::<u32>(reactor.handle());
            for on in ALL {
                answer = foreign(move || on.poll_in_vain(answer)).join().unwrap();
            }
            let handle = reactor.handle().clone();
            let moved = last.run(async move {
                poll_in_vain(&mut answer).await;
                keep_promises(&handle, || 3_u32);
                answer.await
            });
            assert_eq!(moved.unwrap(), 3, "{last:?}");
        }
    });
}

/// What was awaited in vain can be waited for, and the other way round.
#[test]
fn it_may_be_polled_looked_at_and_waited_for_in_turn() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        for on in ALL {
            let (mut answer, _, _) = promised::<u32>(reactor.handle());
            answer = on.poll_in_vain(answer);
            let answer = answer.try_take().unwrap_err();
            let mut answer = answer.wait_timeout(Duration::from_millis(1)).unwrap_err();
            answer = on.poll_in_vain(answer);
            keep_promises(reactor.handle(), || 3_u32);
            assert_eq!(answer.wait().unwrap(), 3, "{on:?}");

            let (answer, _, _) = promised::<u32>(reactor.handle());
            let answer = answer.wait_timeout(Duration::ZERO).unwrap_err().try_take().unwrap_err();
            keep_promises(reactor.handle(), || 4_u32);
            assert_eq!(on.run(answer).unwrap(), 4, "{on:?}");
        }
    });
}

/// On the reactor's own thread `wait` is refused; a poll does not wait, and so is not.
#[test]
fn i4_a_poll_on_the_reactor_thread_is_no_deadlock() {
    within(DEADLINE, || {
        let (reactor, runtime) = (Reactor::new().unwrap(), tokio());
        let mut answer = reactor.handle().eventually(|_| Ok(3));
        runtime.block_on(poll_in_vain(&mut answer));
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(runtime.block_on(answer).unwrap(), 3);
    });
}

/// Whoever asks and whoever awaits need not be the same.
#[test]
fn i1_an_answer_is_sent_to_the_task_that_awaits_it() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        for on in ALL {
            let (sender, receiver) = channel::<Eventual<u32>>();
            sender.send(reactor.handle().eventually(|_| Ok(3))).unwrap();
            let answer = on.run(async move { receiver.recv().unwrap().await });
            assert_eq!(answer.unwrap(), 3, "{on:?}");
        }
    });
}
