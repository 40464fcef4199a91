//! The semaphore: how many have a permit, and who is next.

use crate::support::{Log, LogsDrop, failure_of, peek, result_of, small_stack, take, unhandled_in};
use ropewalk_deferred::{
    Cancelled, Deferred, DeferredSemaphore, Failure, NoTokens, Panicked, Promise, SemaphorePermit,
    TimedOut,
};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::task::{Context, Waker};

mod model;

const MILLION: usize = crate::support::MILLION as usize;

fn semaphore(tokens: usize) -> DeferredSemaphore {
    DeferredSemaphore::new(tokens).unwrap()
}

#[test]
fn b175_thirteen_have_permits_at_once_and_the_fourteenth_waits() {
    let semaphore = semaphore(13);
    let mut permits: Vec<SemaphorePermit> =
        (0..13).map(|_| semaphore.acquire().try_take().unwrap().unwrap()).collect();
    assert_eq!((semaphore.limit(), semaphore.available(), semaphore.waiting()), (13, 0, 0));
    let fourteenth = peek(semaphore.acquire());
    assert_eq!(semaphore.waiting(), 1);
    assert!(fourteenth.borrow().is_none() && semaphore.try_acquire().is_none());

    // It is handed over: nobody can come between.
    drop(permits.pop());
    assert!(fourteenth.borrow().is_some() && semaphore.try_acquire().is_none());
    drop(permits);
    assert_eq!(semaphore.available(), 12);
    drop(take(&fourteenth));
    assert_eq!((semaphore.available(), semaphore.waiting()), (13, 0));
}

#[test]
fn b175_no_permits_at_all_is_an_error() {
    let refused = DeferredSemaphore::new(0).unwrap_err();
    assert_eq!(refused, NoTokens);
    assert!(refused.to_string().contains("one at least"));
    assert!(Failure::from(refused).is::<NoTokens>());
}

#[test]
fn as_many_as_wanted_cost_no_more_than_one() {
    let semaphore = semaphore(usize::MAX);
    let permit = semaphore.try_acquire();
    assert_eq!(semaphore.available(), usize::MAX - 1);
    drop(permit);
    assert_eq!(semaphore.available(), usize::MAX);
}

#[test]
fn b175_run_holds_a_permit_until_there_is_a_result() {
    let (semaphore, running) = (semaphore(2), Rc::new(RefCell::new(Vec::<Promise<u32>>::new())));
    let results: Vec<_> = (0..5)
        .map(|_| {
            let running = Rc::clone(&running);
            peek(semaphore.run(move || {
                let (promise, deferred) = Deferred::new();
                running.borrow_mut().push(promise);
                deferred
            }))
        })
        .collect();
    for (number, result) in (0_u32..).zip(&results) {
        let promise = running.borrow_mut().remove(0);
        assert!(semaphore.available() == 0 || number > 2);
        match number % 3 {
            0 => promise.callback(number),
            1 => promise.errback(TimedOut),
            _ => drop(promise),
        }
        let result = take(result).unwrap();
        assert_eq!(result.ok(), (number % 3 == 0).then_some(number));
    }
    assert_eq!(semaphore.available(), 2);
    let panicked = semaphore.run(|| -> Result<(), Failure> { panic!("in run") });
    assert!(failure_of(panicked).is::<Panicked>());
    assert_eq!(semaphore.available(), 2);
}

#[test]
fn b175_cancelling_a_waiter_fails_it_and_after_acquiring_has_no_effect() {
    let semaphore = semaphore(1);
    let (first, second, third) = (semaphore.acquire(), semaphore.acquire(), semaphore.acquire());
    second.cancel();
    first.cancel();
    assert_eq!((semaphore.available(), semaphore.waiting()), (0, 1));
    assert!(failure_of(second).is::<Cancelled>());
    drop(result_of(first));
    third.cancel();
    assert_eq!(semaphore.available(), 0);
    drop(result_of(third).unwrap());
    assert_eq!(semaphore.available(), 1);
}

/// The usual way to limit a batch of work: nothing but the work knows the semaphore afterwards.
#[test]
fn i2_who_waits_is_served_when_nothing_but_permits_is_left() {
    let log = Log::default();
    let mut promises = Vec::new();
    let unhandled = unhandled_in(|| {
        let semaphore = semaphore(2);
        for number in 0..4 {
            let (promise, deferred) = Deferred::<()>::new();
            promises.push(promise);
            let log = log.clone();
            let job = move || {
                log.add(number);
                deferred
            };
            semaphore.run(job).detach();
        }
    });
    assert!(unhandled.is_empty());
    assert_eq!(log.take(), ["0", "1"]);
    promises.into_iter().for_each(|promise| promise.callback(()));
    assert_eq!(log.take(), ["2", "3"]);
}

#[test]
fn i2_what_waits_is_freed_with_the_last_permit() {
    let log = Log::default();
    let semaphore = semaphore(1);
    let permit = semaphore.try_acquire();
    let (captured, same) = (LogsDrop(log.clone(), "freed"), semaphore.clone());
    semaphore.acquire().map(move |permit| drop((permit, captured, same))).detach();
    drop(semaphore);
    assert!(log.take().is_empty());
    drop(permit);
    assert_eq!(log.take(), ["freed"]);
}

/// A future that is dropped gives up its place, or the permit that it holds while it awaits more.
#[test]
fn a_future_gives_back_what_it_has_when_it_is_dropped() {
    let (semaphore, log) = (semaphore(1), Log::default());
    let visit = |name: &'static str| {
        let (semaphore, log) = (semaphore.clone(), log.clone());
        Box::pin(async move {
            let _permit = semaphore.acquire().await.unwrap();
            log.add(name);
            std::future::pending::<()>().await;
        })
    };
    let mut context = Context::from_waker(Waker::noop());
    let mut visits = [visit("first"), visit("second"), visit("third")].map(Some);
    for visit in visits.iter_mut().flatten() {
        assert!(visit.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!((semaphore.waiting(), log.take()), (2, vec!["first".to_owned()]));
    visits[1] = None;
    assert_eq!(semaphore.waiting(), 1);
    visits[0] = None;
    assert_eq!((semaphore.waiting(), semaphore.available()), (0, 0));
    assert!(visits[2].as_mut().unwrap().as_mut().poll(&mut context).is_pending());
    assert_eq!(log.take(), ["third"]);
    visits[2] = None;
    assert_eq!(semaphore.available(), 1);
}

/// A permit that is leaked is missing, and nothing worse.
#[test]
fn a_leaked_permit_is_one_permit_less() {
    let semaphore = semaphore(2);
    #[expect(clippy::mem_forget, reason = "what it does is the question")]
    std::mem::forget(semaphore.try_acquire());
    assert_eq!(semaphore.available(), 1);
    assert!(result_of(semaphore.run(|| ())).is_ok());
    assert_eq!(semaphore.available(), 1);
}

#[test]
fn debug_tells_how_many() {
    let semaphore = semaphore(2);
    let permit = semaphore.try_acquire().unwrap();
    let text = "{ limit: 2, available: 1, waiting: 0 }";
    assert_eq!(format!("{semaphore:?}"), format!("DeferredSemaphore {text}"));
    assert_eq!(format!("{permit:?}"), format!("SemaphorePermit {text}"));
}

#[test]
fn i10_a_million_wait_and_release_one_after_the_other() {
    small_stack(|| {
        let semaphore = semaphore(13);
        let permits: Vec<_> = (0..13).map(|_| semaphore.try_acquire()).collect();
        let served = Rc::new(Cell::new(0));
        for number in 0..MILLION {
            let served = Rc::clone(&served);
            let in_turn = move || served.set(if served.get() == number { number + 1 } else { 0 });
            semaphore.run(in_turn).detach();
        }
        drop(permits);
        assert_eq!((served.get(), semaphore.available()), (MILLION, 13));
    });
}
