//! The gate in front of the call queue: who may enter, and whether the loop must be woken.
//!
//! One atomic word carries three things, because each decision needs them at one instant:
//!
//! - `CLOSED`: the reactor has stopped, no call is accepted any more;
//! - `ASLEEP`: the loop is about to sleep, or sleeps, in the selector;
//! - above these two bits, the number of threads that have entered and not yet left.
//!
//! Every access is a read-modify-write of that one word, so there is a single order of all of
//! them, and that order is the whole argument:
//!
//! *No wake-up is lost.* A caller pushes its call and then leaves. Either its `leave` comes after
//! the loop's `doze`, sees `ASLEEP` and wakes the loop; or it comes before, and then `doze`
//! acquires what `leave` released, so that the loop, which looks at the queue once more after
//! `doze`, sees the call.
//!
//! *No call is stranded.* `close` forbids entry and then waits for those inside to leave. After it
//! the queue holds every call that was accepted, and none will follow.
//!
//! *One wake-up per sleep.* Only the caller that clears `ASLEEP` wakes the loop.

use crate::sync::{AtomicUsize, Ordering, yield_now};

const CLOSED: usize = 1;
const ASLEEP: usize = 2;
const ENTRY: usize = 4;

#[derive(Debug)]
pub(crate) struct Gate(AtomicUsize);

impl Gate {
    pub(crate) fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// Asks to hand something in. `true`: go ahead, and [`leave`](Self::leave) after it.
    pub(crate) fn enter(&self) -> bool {
        if self.0.fetch_add(ENTRY, Ordering::AcqRel) & CLOSED == 0 {
            return true;
        }
        self.0.fetch_sub(ENTRY, Ordering::AcqRel);
        false
    }

    /// Ends what [`enter`](Self::enter) began. `true`: the caller must wake the loop.
    pub(crate) fn leave(&self) -> bool {
        let before = self.0.fetch_sub(ENTRY, Ordering::AcqRel);
        before & ASLEEP != 0 && self.rouse()
    }

    /// Clears `ASLEEP`. `true`: it was set, so the caller must wake the loop.
    pub(crate) fn rouse(&self) -> bool {
        self.0.fetch_and(!ASLEEP, Ordering::AcqRel) & ASLEEP != 0
    }

    /// The loop is about to sleep. It must look at the queue once more before it does.
    pub(crate) fn doze(&self) {
        self.0.fetch_or(ASLEEP, Ordering::AcqRel);
    }

    /// The loop is awake, whoever woke it.
    pub(crate) fn wake(&self) {
        self.rouse();
    }

    /// Lets callers in (again).
    pub(crate) fn open(&self) {
        self.0.fetch_and(!CLOSED, Ordering::AcqRel);
    }

    /// Refuses all further callers and returns when those inside have left.
    ///
    /// The wait is bounded: what a caller does inside is one push into a queue.
    pub(crate) fn close(&self) {
        let mut before = self.0.fetch_or(CLOSED, Ordering::AcqRel);
        while before >= ENTRY {
            yield_now();
            before = self.0.load(Ordering::Acquire);
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.0.load(Ordering::Acquire) & CLOSED == 0
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Gate;

    #[test]
    fn only_one_caller_wakes_a_sleeping_loop() {
        let gate = Gate::new();
        gate.doze();
        assert!(gate.enter() && gate.enter());
        assert!(gate.leave());
        assert!(!gate.leave());
    }

    #[test]
    fn nobody_wakes_a_loop_that_is_awake() {
        let gate = Gate::new();
        gate.doze();
        gate.wake();
        assert!(gate.enter());
        assert!(!gate.leave());
    }

    #[test]
    fn a_closed_gate_refuses_until_it_is_opened() {
        let gate = Gate::new();
        gate.close();
        assert!(!gate.enter() && !gate.is_open());
        gate.open();
        assert!(gate.enter() && gate.is_open());
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::Gate;
    use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use loom::sync::{Arc, Condvar, Mutex};
    use loom::thread;

    /// What stands beside the gate: the queue of calls and the selector's wake-up.
    struct Inbox {
        gate: Gate,
        queue: Mutex<Vec<u32>>,
        nudged: AtomicBool,
        bell: AtomicBool,
        /// Several wake-ups are one, as in the selector.
        woken: Mutex<bool>,
        selector: Condvar,
    }

    impl Inbox {
        fn new() -> Arc<Self> {
            Arc::new(Self {
                gate: Gate::new(),
                queue: Mutex::new(Vec::new()),
                nudged: AtomicBool::new(false),
                bell: AtomicBool::new(false),
                woken: Mutex::new(false),
                selector: Condvar::new(),
            })
        }

        /// As `ReactorHandle::call_from_thread` does it.
        fn send(&self, call: u32) -> bool {
            if !self.gate.enter() {
                return false;
            }
            self.queue.lock().unwrap().push(call);
            if self.gate.leave() {
                self.wake();
            }
            true
        }

        /// As `Shared::nudge` does it; `send` stands for the change that the nudge is about.
        fn nudge(&self) {
            self.nudged.swap(true, Ordering::AcqRel);
            if self.gate.rouse() {
                self.wake();
            }
        }

        /// As `Shared::ring` does it.
        fn ring(&self) {
            if !self.bell.swap(true, Ordering::AcqRel) && self.gate.rouse() {
                self.wake();
            }
        }

        /// As `Shared::hear` does it.
        fn hear(&self) -> bool {
            self.bell.load(Ordering::Acquire) && self.bell.swap(false, Ordering::AcqRel)
        }

        fn wake(&self) {
            *self.woken.lock().unwrap() = true;
            self.selector.notify_one();
        }

        /// As `Inbox::may_sleep`, the wait and `Inbox::woke_up` do it.
        fn sleep(&self) {
            self.gate.doze();
            let idle = self.queue.lock().unwrap().is_empty() && !self.bell.load(Ordering::Acquire);
            if idle && !self.nudged.swap(false, Ordering::AcqRel) {
                let mut woken = self.woken.lock().unwrap();
                while !*woken {
                    woken = self.selector.wait(woken).unwrap();
                }
                *woken = false;
            }
            self.gate.wake();
        }

        fn take(&self) -> usize {
            std::mem::take(&mut *self.queue.lock().unwrap()).len()
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
            let mut taken = inbox.take();
            while taken < 2 {
                inbox.sleep();
                taken += inbox.take();
            }
            for caller in callers {
                caller.join().unwrap();
            }
        });
    }

    /// A stop, a crash or the end of a hold sets something and then nudges. The loop looks at it
    /// only when it is awake, so it must not sleep through it.
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

    /// Whoever finds the bell rung leaves it to another one to wake the loop; what he has put in
    /// before that is found all the same. The gate is closed, as between two runs.
    #[test]
    fn loom_no_ring_is_lost_between_two_runs() {
        loom::model(|| {
            let inbox = Inbox::new();
            inbox.gate.close();
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
                    thread::spawn(move || u32::from(inbox.send(call)))
                })
                .collect();
            inbox.gate.close();
            let taken = inbox.take();
            let accepted: u32 = callers.into_iter().map(|caller| caller.join().unwrap()).sum();
            assert_eq!(taken, accepted as usize);
            assert_eq!(inbox.take(), 0, "a call came after the gate was closed");
        });
    }
}
