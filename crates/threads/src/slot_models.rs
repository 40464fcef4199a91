//! The slot of an answer under the model checker.

use crate::slot::{Taker, slot};
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::sync::{Condvar, Mutex};
use loom::thread;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

/// The smallest executor, of loom's parts.
#[derive(Default)]
struct Executor {
    woken: Mutex<bool>,
    wakes: Condvar,
}

impl Wake for Executor {
    fn wake(self: Arc<Self>) {
        *self.woken.lock().unwrap() = true;
        self.wakes.notify_one();
    }
}

impl Executor {
    /// Polls until there is an answer; if no wake-up came, loom reports a deadlock.
    fn block_on<T>(self: &Arc<Self>, taker: &Taker<T, ()>) -> Option<T> {
        let waker = Waker::from(Arc::clone(self));
        loop {
            if let Poll::Ready(answer) = taker.poll(&Context::from_waker(&waker)) {
                return answer;
            }
            let mut woken = self.woken.lock().unwrap();
            while !*woken {
                woken = self.wakes.wait(woken).unwrap();
            }
            *woken = false;
        }
    }
}

#[test]
fn loom_a_waiting_thread_gets_the_answer() {
    loom::model(|| {
        let (filler, taker) = slot(());
        let reactor = thread::spawn(move || filler.fill(7).unwrap());
        assert_eq!(taker.wait(), Some(7));
        reactor.join().unwrap();
    });
}

#[test]
fn loom_a_waiting_thread_hears_that_no_answer_will_come() {
    loom::model(|| {
        let (filler, taker) = slot::<u32, ()>(());
        let reactor = thread::spawn(move || drop(filler));
        assert_eq!(taker.wait(), None);
        reactor.join().unwrap();
    });
}

#[test]
fn loom_a_future_is_woken() {
    loom::model(|| {
        let (filler, taker) = slot(());
        let reactor = thread::spawn(move || filler.fill(7).unwrap());
        assert_eq!(Arc::<Executor>::default().block_on(&taker), Some(7));
        reactor.join().unwrap();
    });
}

#[test]
fn loom_a_future_that_has_moved_to_another_executor_is_woken_there() {
    loom::model(|| {
        let (filler, taker) = slot(());
        let reactor = thread::spawn(move || filler.fill(7).unwrap());
        let first = Waker::from(Arc::<Executor>::default());
        let answer = match taker.poll(&Context::from_waker(&first)) {
            Poll::Ready(answer) => answer,
            Poll::Pending => Arc::<Executor>::default().block_on(&taker),
        };
        assert_eq!(answer, Some(7));
        reactor.join().unwrap();
    });
}

/// As the wait of a callback does when its reactor is asked to stop.
#[test]
fn loom_a_wait_that_gets_a_limit_ends_and_loses_no_answer() {
    loom::model(|| {
        let (filler, taker) = slot(());
        let (stop, waiting) = (Arc::new(AtomicBool::new(false)), thread::current());
        let stops = Arc::clone(&stop);
        // Not joined: in a model a join must not be unparked.
        thread::spawn(move || filler.fill(7).unwrap());
        thread::spawn(move || {
            stops.store(true, Ordering::Release);
            waiting.unpark();
        });
        let limit = || stop.load(Ordering::Acquire).then(Instant::now);
        let answer = taker.wait_until(limit).unwrap_or_else(|| taker.wait());
        assert_eq!(answer, Some(7));
    });
}

/// The same if nobody ever answers.
#[test]
fn loom_a_wait_that_gets_a_limit_ends_without_an_answer() {
    loom::model(|| {
        let (_filler, taker) = slot::<u32, ()>(());
        let (stop, waiting) = (Arc::new(AtomicBool::new(false)), thread::current());
        let stops = Arc::clone(&stop);
        thread::spawn(move || {
            stops.store(true, Ordering::Release);
            waiting.unpark();
        });
        let limit = || stop.load(Ordering::Acquire).then(Instant::now);
        assert_eq!(taker.wait_until(limit), None);
    });
}

#[test]
fn loom_a_taker_that_goes_takes_its_waker_and_the_answer_along() {
    loom::model(|| {
        let (filler, taker) = slot(());
        let (executor, answer) = (Arc::<Executor>::default(), Arc::new(7));
        let kept = Arc::clone(&answer);
        let reactor = thread::spawn(move || drop(filler.fill(answer)));
        let waker = Waker::from(Arc::clone(&executor));
        let _ = taker.poll(&Context::from_waker(&waker));
        drop((waker, taker));
        reactor.join().unwrap();
        assert_eq!((Arc::strong_count(&executor), Arc::strong_count(&kept)), (1, 1));
    });
}
