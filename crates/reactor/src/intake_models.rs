//! The intake under the model checker, with the selector's wake-up and the bell beside it.

use crate::intake::Intake;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use std::mem;

struct Inbox {
    intake: Intake<Vec<u32>>,
    bell: AtomicBool,
    /// Several wake-ups are one, as in the selector.
    woken: Mutex<bool>,
    selector: Condvar,
    wakes: AtomicUsize,
}

impl Inbox {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            intake: Intake::new(Vec::new()),
            bell: AtomicBool::new(false),
            woken: Mutex::new(false),
            selector: Condvar::new(),
            wakes: AtomicUsize::new(0),
        })
    }

    /// As `Shared::send` does it.
    fn send(&self, call: u32) -> bool {
        match self.intake.push(call, Vec::push) {
            Ok(wake) => {
                if wake {
                    self.wake();
                }
                true
            }
            Err(_) => false,
        }
    }

    /// As `Shared::nudge` does it.
    fn nudge(&self) {
        if self.intake.nudge() {
            self.wake();
        }
    }

    /// As `Shared::ring` does it.
    fn ring(&self) {
        if !self.bell.swap(true, Ordering::AcqRel) && self.intake.call_out() {
            self.wake();
        }
    }

    /// As `Shared::hear` does it.
    fn hear(&self) -> bool {
        self.bell.load(Ordering::Acquire) && self.bell.swap(false, Ordering::AcqRel)
    }

    /// As `Shared::stop` does it.
    fn stop(&self, set: impl FnOnce()) {
        if self.intake.nudge_if_open(set) {
            self.wake();
        }
    }

    fn wake(&self) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
        self.end_wait();
    }

    /// As a timer or a source does it.
    fn end_wait(&self) {
        *self.woken.lock().unwrap() = true;
        self.selector.notify_one();
    }

    /// As `Inbox::may_sleep`, the wait and `Inbox::woke_up` do it. `true`: it has slept.
    fn sleep(&self) -> bool {
        if !self.intake.doze(|| !self.bell.load(Ordering::Acquire)) {
            return false;
        }
        let mut woken = self.woken.lock().unwrap();
        while !*woken {
            woken = self.selector.wait(woken).unwrap();
        }
        *woken = false;
        self.intake.wake();
        true
    }

    /// As `Core::rest` does it.
    fn rest(&self) {
        if !self.intake.doze(|| !self.bell.load(Ordering::Acquire)) {
            self.end_wait();
        }
    }

    /// A foreign loop finds the descriptor readable and makes a turn, which ends as in
    /// `Core::lie_down`.
    fn turn_for_another_loop(&self) -> Vec<u32> {
        let mut woken = self.woken.lock().unwrap();
        while !*woken {
            woken = self.selector.wait(woken).unwrap();
        }
        drop(woken);
        self.intake.wake();
        let calls = self.take();
        *self.woken.lock().unwrap() = false;
        self.rest();
        calls
    }

    /// As `Inbox::begin_turn` does it.
    fn take(&self) -> Vec<u32> {
        if self.intake.has_arrived() { self.intake.take(mem::take) } else { Vec::new() }
    }
}

/// The loop sleeps without a time-out: a lost wake-up would be a deadlock, which loom reports.
#[test]
fn loom_no_wake_up_is_lost() {
    loom::model(|| {
        let inbox = Inbox::new();
        let callers: Vec<_> = (0..2)
            .map(|call| {
                let inbox = Arc::clone(&inbox);
                thread::spawn(move || assert!(inbox.send(call)))
            })
            .collect();
        let mut taken = inbox.take().len();
        while taken < 2 {
            inbox.sleep();
            taken += inbox.take().len();
        }
        for caller in callers {
            caller.join().unwrap();
        }
    });
}

/// Calls of one thread arrive in their order, and wake a loop no more often than it sleeps.
#[test]
fn loom_calls_of_one_thread_arrive_in_order_and_wake_once() {
    loom::model(|| {
        let inbox = Inbox::new();
        let caller = thread::spawn({
            let inbox = Arc::clone(&inbox);
            move || (1..=3).for_each(|call| assert!(inbox.send(call)))
        });
        let (mut calls, mut sleeps) = (inbox.take(), 0);
        while calls.len() < 3 {
            sleeps += usize::from(inbox.sleep());
            calls.extend(inbox.take());
        }
        caller.join().unwrap();
        assert_eq!(calls, [1, 2, 3]);
        assert!(inbox.wakes.load(Ordering::Relaxed) <= sleeps);
    });
}

/// Of two callers that find the loop asleep one wakes it.
#[test]
fn loom_two_callers_wake_the_loop_no_more_often_than_it_sleeps() {
    loom::model(|| {
        let inbox = Inbox::new();
        let callers: Vec<_> = (0..2)
            .map(|call| {
                let inbox = Arc::clone(&inbox);
                thread::spawn(move || assert!(inbox.send(call)))
            })
            .collect();
        let (mut taken, mut sleeps) = (inbox.take().len(), 0);
        while taken < 2 {
            sleeps += usize::from(inbox.sleep());
            taken += inbox.take().len();
        }
        for caller in callers {
            caller.join().unwrap();
        }
        assert!(inbox.wakes.load(Ordering::Relaxed) <= sleeps);
    });
}

/// The loop was woken by a timer, and starts a thread that calls: nobody sleeps any more.
#[test]
fn loom_a_loop_that_something_else_has_woken_is_not_woken_again() {
    loom::model(|| {
        let inbox = Inbox::new();
        let timer = thread::spawn({
            let inbox = Arc::clone(&inbox);
            move || inbox.end_wait()
        });
        assert!(inbox.sleep());
        let caller = thread::spawn({
            let inbox = Arc::clone(&inbox);
            move || assert!(inbox.send(1))
        });
        caller.join().unwrap();
        timer.join().unwrap();
        assert_eq!(inbox.take(), [1]);
        assert_eq!(inbox.wakes.load(Ordering::Relaxed), 0);
    });
}

/// What takes back wake-ups at the end of a turn takes back none for which there is something to do.
#[test]
fn loom_no_call_to_a_loop_inside_of_another_is_lost() {
    loom::model(|| {
        let inbox = Inbox::new();
        inbox.rest();
        let callers: Vec<_> = (0..2)
            .map(|call| {
                let inbox = Arc::clone(&inbox);
                thread::spawn(move || assert!(inbox.send(call)))
            })
            .collect();
        let mut taken = 0;
        while taken < 2 {
            taken += inbox.turn_for_another_loop().len();
        }
        for caller in callers {
            caller.join().unwrap();
        }
    });
}

/// A stop, a crash or the end of a hold sets something and then nudges. The loop looks at it only
/// when it is awake, so it must not sleep through it.
#[test]
fn loom_no_nudge_is_lost() {
    loom::model(|| {
        let inbox = Inbox::new();
        let held = Arc::new(AtomicUsize::new(2));
        let holders: Vec<_> = (0..2)
            .map(|_| {
                let (inbox, held) = (Arc::clone(&inbox), Arc::clone(&held));
                thread::spawn(move || {
                    held.fetch_sub(1, Ordering::AcqRel);
                    inbox.nudge();
                })
            })
            .collect();
        while held.load(Ordering::Acquire) > 0 {
            inbox.sleep();
        }
        for holder in holders {
            holder.join().unwrap();
        }
    });
}

/// Whoever finds the bell rung leaves it to another one to wake the loop; what he has put in before
/// that is found all the same. Nothing is accepted, as between two runs.
#[test]
fn loom_no_ring_is_lost_between_two_runs() {
    loom::model(|| {
        let inbox = Inbox::new();
        inbox.intake.close();
        let put_in = Arc::new(AtomicUsize::new(0));
        let ringers: Vec<_> = (0..2)
            .map(|_| {
                let (inbox, put_in) = (Arc::clone(&inbox), Arc::clone(&put_in));
                thread::spawn(move || {
                    put_in.fetch_add(1, Ordering::Relaxed);
                    inbox.ring();
                })
            })
            .collect();
        let mut seen = 0;
        while seen < 2 {
            if inbox.hear() {
                seen = put_in.load(Ordering::Relaxed);
            } else {
                inbox.sleep();
            }
        }
        for ringer in ringers {
            ringer.join().unwrap();
        }
    });
}

/// Each call is either handed back or in the queue when `close` returns.
#[test]
fn loom_no_call_is_stranded_by_close() {
    loom::model(|| {
        let inbox = Inbox::new();
        let callers: Vec<_> = (0..2)
            .map(|call| {
                let inbox = Arc::clone(&inbox);
                thread::spawn(move || usize::from(inbox.send(call)))
            })
            .collect();
        inbox.intake.close();
        let taken = inbox.take().len();
        let accepted: usize = callers.into_iter().map(|caller| caller.join().unwrap()).sum();
        assert_eq!(taken, accepted);
        assert_eq!(inbox.take().len(), 0, "a call came after the close");
    });
}

/// As a nudge, but it comes with what it sets.
#[test]
fn loom_no_stop_is_lost() {
    loom::model(|| {
        let inbox = Inbox::new();
        let stop = Arc::new(AtomicBool::new(false));
        let stopper = thread::spawn({
            let (inbox, stop) = (Arc::clone(&inbox), Arc::clone(&stop));
            move || inbox.stop(|| stop.store(true, Ordering::Release))
        });
        while !stop.load(Ordering::Acquire) {
            inbox.sleep();
        }
        stopper.join().unwrap();
    });
}

/// A stop is either for the run that goes on, which then sees it, or is not set at all.
#[test]
fn loom_a_stop_comes_before_the_close_or_not_at_all() {
    loom::model(|| {
        let inbox = Inbox::new();
        let stop = Arc::new(AtomicBool::new(false));
        let stopper = thread::spawn({
            let (inbox, stop) = (Arc::clone(&inbox), Arc::clone(&stop));
            move || inbox.stop(|| stop.store(true, Ordering::Release))
        });
        // The end of a run: it closes, and forgets what was asked for.
        inbox.intake.close();
        stop.store(false, Ordering::Release);
        stopper.join().unwrap();
        assert!(!stop.load(Ordering::Acquire), "the next run would stop at once");
    });
}
