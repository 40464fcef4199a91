//! Tasks and deferreds with what the ecosystem offers: combinators, channels and events.

use crate::signal::{manual, settle};
use async_channel::{bounded, unbounded};
use event_listener::Event;
use futures_util::future::{AbortHandle, Abortable, Aborted, Either, join_all, select};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _, TryFutureExt as _, TryStreamExt as _};
use ropewalk_deferred::{Deferred, Failure, Promise, Result, TimedOut};
use ropewalk_reactor::Reactor;
use ropewalk_task::ReactorTask;
use ropewalk_testing::{DEADLINE, failure_as, no_result, success_of, within};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

fn pair() -> (Promise<u32>, Deferred<u32>) {
    Deferred::new()
}

fn pairs(count: usize) -> (Vec<Promise<u32>>, Vec<Deferred<u32>>) {
    (0..count).map(|_| pair()).unzip()
}

/// Runs `body` on another thread while the test goes on.
fn beside(body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    thread::Builder::new().spawn(body).unwrap()
}

/// Any future, and a deferred as it is; anything else does not compile, see `compile_fail`.
#[test]
fn b149_a_future_becomes_a_deferred_and_a_deferred_passes_through() {
    async fn coroutine(text: &str) -> Result<u32> {
        Ok(text.parse()?)
    }
    let (clock, reactor) = manual();
    let future = reactor.spawn(coroutine("7"));
    let failing = reactor.spawn(coroutine("x"));
    let ready = reactor.spawn(Deferred::succeed(7));
    let failed = reactor.spawn(Deferred::<u32>::fail(TimedOut));
    let (promise, pending) = pair();
    let pending = reactor.spawn(pending);
    settle(&clock);
    assert_eq!((success_of(future), success_of(ready)), (7, 7));
    failure_as::<std::num::ParseIntError, _>(failing);
    failure_as::<TimedOut, _>(failed);
    let pending = no_result(pending);
    promise.callback(8);
    settle(&clock);
    assert_eq!(success_of(pending), 8);
}

#[test]
fn deferreds_are_joined_and_selected() {
    let (clock, reactor) = manual();
    let (promises, deferreds) = pairs(5);
    let mut deferreds = deferreds.into_iter();
    let mut next = || deferreds.next().unwrap();
    let (a, b) = (next(), next());
    let joined = reactor.spawn(async {
        let (a, b) = futures_util::join!(a, b);
        Ok((a?, b?))
    });
    let (a, b) = (next(), next());
    let first = reactor.spawn(async {
        match select(a, b).await {
            Either::Left((value, _)) => Ok(("left", value?)),
            Either::Right((value, _)) => Ok(("right", value?)),
        }
    });
    let mut last = next().fuse();
    let chosen = reactor.spawn(async move {
        let mut never = futures_util::future::pending::<()>();
        futures_util::select! {
            value = last => value,
            () = never => unreachable!("it never ends"),
        }
    });
    settle(&clock);
    let (joined, first, chosen) = (no_result(joined), no_result(first), no_result(chosen));
    let mut promises = promises.into_iter().rev();
    let mut fire = |value| {
        let promise = promises.next().unwrap();
        let moot = promise.is_cancelled();
        promise.callback(value);
        settle(&clock);
        moot
    };
    assert!(!fire(4) && !fire(3));
    assert_eq!(success_of(chosen), 4);
    assert_eq!(success_of(first), ("right", 3));
    assert!(fire(2), "the one that was not chosen is cancelled by its drop");
    assert!(!fire(1) && !fire(0));
    assert_eq!(success_of(joined), (0, 1));
}

#[test]
fn many_deferreds_are_awaited_as_they_come() {
    let (clock, reactor) = manual();
    let (promises, deferreds) = pairs(100);
    let in_order = reactor.spawn(async {
        let mut unordered: FuturesUnordered<_> = deferreds.into_iter().collect();
        let mut values = Vec::new();
        while let Some(value) = unordered.next().await {
            values.push(value?);
        }
        Ok(values)
    });
    settle(&clock);
    for (n, promise) in (0..).zip(promises).collect::<Vec<_>>().into_iter().rev() {
        promise.callback(n);
        settle(&clock);
    }
    assert_eq!(success_of(in_order), (0..100).rev().collect::<Vec<_>>());
}

#[test]
fn tasks_are_awaited_all_at_once_from_a_task() {
    let (clock, reactor) = manual();
    let tasks: Vec<_> = (0..100_u32).map(|n| reactor.spawn(async move { Ok(n) })).collect();
    let all = reactor.spawn(async {
        let results = join_all(tasks).await;
        results.into_iter().sum::<Result<u32>>()
    });
    settle(&clock);
    assert_eq!(success_of(all), 4_950);
}

/// The one deferred has been made in the other's task, and is awaited in a third.
#[test]
fn a_deferred_made_in_one_task_is_awaited_in_another() {
    let (clock, reactor) = manual();
    let (sender, receiver) = unbounded();
    let maker = reactor.spawn(async move {
        let (promise, deferred) = pair();
        sender.send(deferred.map(|n| n + 1)).await.map_err(|_| Failure::msg("nobody listens"))?;
        promise.callback(6);
        Ok(())
    });
    let user = reactor.spawn(async move { receiver.recv().await?.await });
    settle(&clock);
    success_of(maker);
    assert_eq!(success_of(user), 7);
}

#[test]
fn a_shared_deferred_gives_its_result_to_all() {
    let (clock, reactor) = manual();
    let (promise, deferred) = pair();
    let shared = deferred.map_err(Rc::new).shared();
    let user = |factor: u32| {
        let shared = shared.clone();
        reactor.spawn(async move {
            let value = shared.await.map_err(|failure| Failure::msg(failure.to_string()))?;
            Ok(value * factor)
        })
    };
    let users: Vec<_> = (1..=3).map(user).collect();
    settle(&clock);
    promise.callback(7);
    settle(&clock);
    assert_eq!(users.into_iter().map(success_of).collect::<Vec<_>>(), [7, 14, 21]);
}

#[test]
fn an_aborted_task_cancels_what_it_awaits() {
    let (clock, reactor) = manual();
    let (promise, deferred) = pair();
    let (handle, registration) = AbortHandle::new_pair();
    let task = reactor.spawn(Abortable::new(deferred, registration).map(|ended| ended?));
    settle(&clock);
    beside(move || handle.abort()).join().unwrap();
    settle(&clock);
    failure_as::<Aborted, _>(task);
    assert!(promise.is_cancelled());
}

#[test]
fn another_thread_sends_through_a_channel() {
    const ITEMS: u32 = 10_000;
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (sender, receiver) = bounded(16);
        let sum = reactor.spawn(async move {
            let sum =
                receiver.map(Ok::<u32, Failure>).try_fold(0, |sum, n| async move { Ok(sum + n) });
            let sum = sum.await;
            Reactor::with_current(Reactor::stop);
            sum
        });
        let other = beside(move || (0..ITEMS).for_each(|n| sender.send_blocking(n).unwrap()));
        reactor.run().unwrap();
        other.join().unwrap();
        assert_eq!(success_of(sum), (0..ITEMS).sum());
    });
}

#[test]
fn another_thread_receives_from_a_channel() {
    const ITEMS: u32 = 10_000;
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (sender, receiver) = bounded(16);
        let sent = reactor.spawn(async move {
            for n in 0..ITEMS {
                sender.send(n).await?;
            }
            Reactor::with_current(Reactor::stop);
            Ok(())
        });
        let other = beside(move || {
            let mut received = std::iter::from_fn(|| receiver.recv_blocking().ok());
            assert!((&mut received).take(ITEMS as usize).eq(0..ITEMS));
        });
        reactor.run().unwrap();
        other.join().unwrap();
        success_of(sent);
    });
}

#[test]
fn another_thread_notifies_an_event() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let event = Arc::new(Event::new());
        let waiting: Vec<_> = (0..100)
            .map(|_| {
                let listener = event.listen();
                reactor.spawn(listener)
            })
            .collect();
        let all = reactor.spawn(async {
            let all = join_all(waiting).await;
            Reactor::with_current(Reactor::stop);
            all.into_iter().collect::<Result<Vec<()>>>()
        });
        let other = beside(move || {
            (0..100).for_each(|_| {
                event.notify_additional(1);
            });
        });
        reactor.run().unwrap();
        other.join().unwrap();
        assert_eq!(success_of(all).len(), 100);
    });
}
