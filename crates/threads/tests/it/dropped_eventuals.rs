//! Answers that somebody has begun to await, and then drops: that calls them off.

use crate::awaited::{keep_promises, promised};
use crate::support::{Drops, OnDrop, foreign, gated, must_not_run, single, unanswered};
use pollster::block_on;
use ropewalk_deferred::Deferred;
use ropewalk_reactor::{Reactor, ReactorHandle};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threads::{Eventual, HandleThreads as _, ReactorThread, ReactorThreads as _};
use std::cell::RefCell;
use std::future::Future as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

/// One that has been polled once, in vain.
fn polled<T: Send + 'static>(mut answer: Eventual<T>) -> Eventual<T> {
    assert!(Pin::new(&mut answer).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    answer
}

/// What a reactor does with one that has been asked to cancel the deferred, if it was.
fn catch_up(handle: &ReactorHandle) {
    // Whoever asks now is behind whatever a drop could have asked for.
    handle.blocking_call_from_thread(|_| ()).unwrap();
}

struct Tell(Sender<&'static str>, AtomicBool);

impl Wake for Tell {
    fn wake(self: Arc<Self>) {
        self.1.store(true, Ordering::SeqCst);
    }
}

impl Drop for Tell {
    fn drop(&mut self) {
        let _ = self.0.send(if *self.1.get_mut() { "woken" } else { "dropped" });
    }
}

#[test]
fn i2_dropped_in_the_queue_the_call_never_runs_and_nobody_is_woken() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (dropped, (waker, heard)) = (Drops::default(), channel());
        let witness = dropped.witness();
        let mut answer = reactor.handle().eventually(move |_| must_not_run(&witness));
        let waker = Waker::from(Arc::new(Tell(waker, AtomicBool::new(false))));
        assert!(Pin::new(&mut answer).poll(&mut Context::from_waker(&waker)).is_pending());
        drop((waker, answer));
        assert_eq!(heard.recv().unwrap(), "dropped");
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!((dropped.count(), reactor.stats().panics), (1, 0));
    });
}

#[test]
fn dropped_while_it_runs_its_deferred_is_cancelled() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let ((gate, wait), (cancelled, was_cancelled)) = (gated(), channel());
        let answer = reactor.handle().eventually(move |reactor| {
            wait();
            unanswered::<u32>(reactor, move || cancelled.send(()).unwrap())
        });
        gate.started.recv().unwrap();
        drop(polled(answer));
        drop(gate);
        was_cancelled.recv().unwrap();
    });
}

#[test]
fn i1_dropped_while_it_waits_its_deferred_is_cancelled_on_the_reactor_thread() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let ((asked, is_asked), (cancelled, was_cancelled)) = (channel(), channel());
        let answer = reactor.handle().eventually(move |reactor| {
            let here = move || cancelled.send(Reactor::with_current(|_| thread::current().id()));
            reactor.call_soon(move |_| asked.send(thread::current().id()).unwrap());
            unanswered::<u32>(reactor, move || here().unwrap())
        });
        let its_own = is_asked.recv().unwrap();
        foreign(move || drop(polled(answer))).join().unwrap();
        assert_eq!(was_cancelled.recv().unwrap(), Some(its_own));
    });
}

/// A `timeout` or a `select!` gives up its place in the queue of the pool, too.
#[test]
fn i2_dropped_while_its_job_waits_for_a_thread_the_job_never_runs() {
    within(DEADLINE, || {
        let (reactor, pool) = (ReactorThread::spawn().unwrap(), single("dropped-eventual"));
        let ((gate, wait), dropped) = (gated(), Drops::default());
        pool.start().unwrap();
        let blocking = pool.call_in_thread(wait).unwrap();
        gate.started.recv().unwrap();
        let ((asked, is_asked), witness, inner) = (channel(), dropped.witness(), pool.clone());
        let answer = reactor.handle().eventually(move |reactor| {
            reactor.call_soon(move |_| asked.send(()).unwrap());
            reactor.defer_to_thread_pool(&inner, move || must_not_run(&witness))
        });
        is_asked.recv().unwrap();
        drop(polled(answer));
        catch_up(reactor.handle());
        assert_eq!(dropped.count(), 1, "while the pool has no thread for it");
        drop((gate, blocking));
        pool.stop();
    });
}

#[test]
fn cancel_on_drop_does_the_same_to_one_that_nobody_has_polled() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let (answer, is_asked, is_cancelled) = promised::<u32>(reactor.handle());
        is_asked.recv().unwrap();
        let answer = answer.cancel_on_drop().try_take().unwrap_err();
        let answer = answer.wait_timeout(Duration::ZERO).unwrap_err();
        catch_up(reactor.handle());
        assert!(is_cancelled.try_recv().is_err(), "nobody has dropped it yet");
        drop(answer);
        is_cancelled.recv().unwrap();
    });
}

#[test]
fn a_look_at_it_or_a_wait_for_it_is_no_poll() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let (answer, is_asked, is_cancelled) = promised::<u32>(reactor.handle());
        is_asked.recv().unwrap();
        let answer = answer.wait_timeout(Duration::from_millis(1)).unwrap_err();
        drop(answer.try_take().unwrap_err());
        catch_up(reactor.handle());
        assert!(is_cancelled.try_recv().is_err(), "nobody has awaited it");
    });
}

#[test]
fn detached_each_of_them_runs_on() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let (first, is_asked, is_cancelled) = promised::<u32>(reactor.handle());
        is_asked.recv().unwrap();
        let (second, is_asked, is_cancelled_too) = promised::<u32>(reactor.handle());
        is_asked.recv().unwrap();
        polled(first).detach();
        second.cancel_on_drop().detach();
        catch_up(reactor.handle());
        assert!(is_cancelled.try_recv().is_err() && is_cancelled_too.try_recv().is_err());

        let ((gate, wait), (ran, has_run)) = (gated(), channel());
        reactor.handle().call_from_thread(move |_| wait()).unwrap();
        polled(reactor.handle().eventually(move |_| ran.send(()).unwrap())).detach();
        drop(gate);
        has_run.recv().unwrap();
    });
}

/// However it is taken, taking is not a drop.
#[test]
fn one_that_was_polled_is_waited_for_and_looked_at_as_any_other() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let takes: [fn(Eventual<u32>) -> u32; 4] = [
            |answer| answer.wait().unwrap(),
            |answer| answer.wait_timeout(Duration::MAX).unwrap().unwrap(),
            |answer| answer.wait_timeout(Duration::from_secs(600)).unwrap().unwrap(),
            |answer| block_on(answer).unwrap(),
        ];
        for take in takes {
            let (answer, is_asked, is_cancelled) = promised::<u32>(reactor.handle());
            is_asked.recv().unwrap();
            let answer = polled(answer).wait_timeout(Duration::ZERO).unwrap_err();
            let answer = answer.try_take().unwrap_err();
            keep_promises(reactor.handle(), || 3_u32);
            assert_eq!(take(answer), 3);
            catch_up(reactor.handle());
            assert!(is_cancelled.try_recv().is_err());
        }
    });
}

/// The reactor is not bothered with what is over.
#[test]
fn once_the_answer_is_there_the_drop_asks_for_nothing() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let dropped = Drops::default();
        let witness = dropped.witness();
        let later = |reactor: &Reactor, witness| {
            let (promise, deferred) = Deferred::new();
            reactor.call_soon(move |_| promise.callback(witness));
            deferred
        };
        let answer = polled(reactor.handle().eventually(move |reactor| later(reactor, witness)));
        reactor.call_later(Duration::from_millis(1), |reactor| reactor.stop());
        reactor.run().unwrap();
        let before = reactor.stats().calls;
        reactor.call_when_running(move |reactor| {
            drop(answer);
            reactor.call_soon(|reactor| reactor.stop());
        });
        reactor.run().unwrap();
        assert_eq!((dropped.count(), reactor.stats().calls), (1, before));
    });
}

/// In a callback, in a waker, while its thread panics, and when its thread is almost gone.
#[test]
fn i5_it_may_be_dropped_anywhere() {
    type Dropped = fn(Eventual<u32>, &ReactorHandle);
    let places: [Dropped; 4] = [
        |answer, handle| {
            handle.blocking_call_from_thread(move |_| drop(answer)).unwrap();
        },
        |answer, _| {
            thread_local!(static LAST: RefCell<Option<Eventual<u32>>> = const { RefCell::new(None) });
            foreign(move || LAST.set(Some(answer))).join().unwrap();
        },
        |answer, _| {
            let unwinds = AssertUnwindSafe(move || {
                let _answer = answer;
                std::panic::resume_unwind(Box::new("while it is held"));
            });
            catch_unwind(unwinds).unwrap_err();
        },
        |answer, _| {
            // What the waker of another one holds goes with that one.
            let (holder, is_held) = channel();
            let waker = Waker::from(Arc::new(Holds(Mutex::new(is_held))));
            let reactor = Reactor::new().unwrap();
            let mut other = reactor.handle().eventually(|_| Ok(4));
            let mut context = Context::from_waker(&waker);
            assert!(Pin::new(&mut other).poll(&mut context).is_pending());
            holder.send(answer).unwrap();
            drop((waker, holder));
            drop(other);
        },
    ];
    within(DEADLINE, move || {
        let reactor = ReactorThread::spawn().unwrap();
        for place in places {
            let (answer, is_asked, is_cancelled) = promised::<u32>(reactor.handle());
            is_asked.recv().unwrap();
            place(polled(answer), reactor.handle());
            is_cancelled.recv().unwrap();
        }
    });
}

/// A waker that keeps what it wakes.
struct Holds(Mutex<Receiver<Eventual<u32>>>);

impl Wake for Holds {
    fn wake(self: Arc<Self>) {
        let held = self.0.lock().unwrap().try_recv();
        drop(held);
    }
}

/// The waker of the queued call drops it: in the middle of its own answer.
#[test]
fn i5_its_own_waker_may_drop_it() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let dropped = Drops::default();
        let witness = dropped.witness();
        let (holder, is_held) = channel();
        let waker = Waker::from(Arc::new(Holds(Mutex::new(is_held))));
        let mut answer = reactor.handle().eventually(move |_| {
            let _witness = &witness;
            Ok(3)
        });
        assert!(Pin::new(&mut answer).poll(&mut Context::from_waker(&waker)).is_pending());
        holder.send(answer).unwrap();
        drop(waker);
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!((dropped.count(), reactor.stats().panics), (1, 0));
        assert!(holder.send(reactor.handle().eventually(|_| Ok(4))).is_err(), "its waker is gone");
    });
}

#[test]
fn i4_it_may_be_dropped_when_the_reactor_has_stopped_and_when_it_is_gone() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let answers = [(); 2].map(|()| {
            polled(reactor.handle().eventually(|_| Deferred::<u32>::new().1.add_callback(Ok)))
        });
        let [first, second] = answers;
        reactor.stop();
        reactor.run().unwrap();
        drop(first);
        drop(reactor);
        drop(second);
        let reactor = Reactor::new().unwrap();
        let third = polled(reactor.handle().eventually(|_| Ok(3)));
        drop(reactor);
        drop(third);
    });
}

/// A canceller that panics is contained, as everywhere; the drop hears nothing of it.
#[test]
fn i3_a_waker_that_panics_when_it_goes_and_a_canceller_that_panics_do_not_reach_the_drop() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let ((asked, is_asked), (cancelled, was_cancelled)) = (channel(), channel());
        let mut answer = reactor.handle().eventually(move |reactor| {
            reactor.call_soon(move |_| asked.send(()).unwrap());
            unanswered::<u32>(reactor, move || {
                cancelled.send(()).unwrap();
                panic!("in a canceller");
            })
        });
        is_asked.recv().unwrap();
        struct Bomb(#[expect(dead_code, reason = "for its drop")] OnDrop<fn()>);
        impl Wake for Bomb {
            fn wake(self: Arc<Self>) {}
        }
        let waker = Waker::from(Arc::new(Bomb(OnDrop::new(|| panic!("in the drop of a waker")))));
        assert!(Pin::new(&mut answer).poll(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        assert!(catch_unwind(AssertUnwindSafe(move || drop(answer))).is_ok());
        was_cancelled.recv().unwrap();
        catch_up(reactor.handle());
    });
}
