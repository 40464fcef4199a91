//! Answers that others cancel than those who wait for them.

use crate::support::{Drops, Witness, foreign, gated, must_not_run};
use pollster::block_on;
use ropewalk_deferred::{Cancelled, Deferred, Result};
use ropewalk_reactor::{Phase, Reactor, ReactorStopped, SystemEvent};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threads::{Eventual, EventualCancelHandle, HandleThreads as _, ReactorThread};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

/// Never fires by itself.
fn pending() -> Deferred<u32> {
    let (promise, deferred) = Deferred::new();
    deferred.add_both(move |result| {
        drop(promise);
        result
    })
}

/// One whose `Deferred` is waited for by now.
fn waiting(reactor: &ReactorThread) -> Eventual<u32> {
    let (sender, receiver) = channel();
    let answer = reactor.handle().eventually(move |reactor| {
        // The closure has returned when the next turn comes.
        reactor.call_soon(move |_| sender.send(()).unwrap());
        pending()
    });
    receiver.recv().unwrap();
    answer
}

#[track_caller]
fn is_cancelled<T>(result: Result<T>) -> bool {
    result.err().expect("a failure").is::<Cancelled>()
}

#[test]
fn whoever_waits_for_a_deferred_hears_of_it() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let answer = waiting(&reactor);
        let canceller = answer.canceller();
        let waits = foreign(move || answer.wait());
        canceller.cancel();
        assert!(is_cancelled(waits.join().unwrap()));
        // With a limit,
        let answer = waiting(&reactor);
        let canceller = answer.canceller();
        let waits = foreign(move || answer.wait_timeout(2 * DEADLINE).unwrap());
        canceller.cancel();
        assert!(is_cancelled(waits.join().unwrap()));
        // and in a future.
        let answer = waiting(&reactor);
        let canceller = answer.canceller();
        let awaits = foreign(move || block_on(answer));
        canceller.cancel();
        assert!(is_cancelled(awaits.join().unwrap()));
    });
}

#[test]
fn i2_a_call_in_the_queue_never_runs_and_whoever_waits_hears_when_it_is_dropped() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let dropped = Arc::new(Drops::default());
        let witness = dropped.witness();
        let answer = reactor.handle().eventually(move |_| must_not_run(&witness));
        let canceller = answer.canceller();
        let waits = foreign({
            let dropped = Arc::clone(&dropped);
            move || (answer.wait(), dropped.count())
        });
        canceller.cancel();
        reactor.call_soon(Reactor::stop);
        reactor.run().unwrap();
        let (result, count) = waits.join().unwrap();
        assert!(is_cancelled(result));
        assert_eq!((count, reactor.stats().panics), (1, 0));
    });
}

#[test]
fn a_closure_that_runs_is_not_interrupted() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let handle = reactor.handle();
        for defers in [false, true] {
            let (gate, wait) = gated();
            let answer = handle.eventually(move |_| {
                wait();
                if defers { pending() } else { Deferred::succeed(3) }
            });
            let canceller = answer.canceller();
            let waits = foreign(move || answer.wait());
            gate.started.recv().unwrap();
            canceller.cancel();
            drop(gate);
            let result = waits.join().unwrap();
            assert!(if defers { is_cancelled(result) } else { result.unwrap() == 3 });
        }
    });
}

#[test]
fn after_the_answer_it_does_nothing_and_keeps_no_value() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let (handle, dropped) = (reactor.handle(), Drops::default());
        let ask = || {
            let witness = dropped.witness();
            handle.eventually(move |_| Ok(witness))
        };
        let catch_up = || handle.blocking_call_from_thread(|_| ()).unwrap();
        // Taken after it was cancelled too late,
        let answer = ask();
        let first = answer.canceller();
        catch_up();
        first.cancel();
        drop::<Witness>(answer.wait().unwrap());
        assert_eq!(dropped.count(), 1);
        // dropped with its answer,
        let answer = ask();
        let second = answer.canceller();
        catch_up();
        drop(answer);
        assert_eq!(dropped.count(), 2);
        // and answered when nobody is there any more.
        let (gate, wait) = gated();
        handle.call_from_thread(|_| wait()).unwrap();
        let answer = ask();
        let third = answer.canceller();
        answer.detach();
        drop(gate);
        catch_up();
        assert_eq!(dropped.count(), 3);
        reactor.join().unwrap();
        [first, second, third].iter().for_each(EventualCancelHandle::cancel);
    });
}

/// It stands for the call, not for who wants to know.
#[test]
fn i2_a_call_that_was_detached_is_called_off() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let dropped = Drops::default();
        let (witness, (gate, wait)) = (dropped.witness(), gated());
        reactor.handle().call_from_thread(|_| wait()).unwrap();
        let answer = reactor.handle().eventually(move |_| must_not_run(&witness));
        let canceller = answer.canceller();
        answer.detach();
        canceller.cancel();
        drop(gate);
        reactor.handle().blocking_call_from_thread(|_| ()).unwrap();
        assert_eq!(dropped.count(), 1);

        let (sender, receiver) = channel();
        let answer = reactor.handle().eventually(move |_| {
            pending().add_both(move |result| Ok(sender.send(result.is_err())?))
        });
        let canceller = answer.canceller();
        answer.detach();
        canceller.cancel();
        // An error: the call had not begun.
        assert!(receiver.recv().unwrap_or(true));
    });
}

#[test]
fn a_callback_of_the_reactor_cancels_what_waits_and_what_is_queued() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let dropped = Drops::default();
        let (witness, handle) = (dropped.witness(), reactor.handle().clone());
        let waiting = waiting(&reactor);
        let canceller = waiting.canceller();
        let waits = foreign(move || waiting.wait());
        let queued = reactor.handle().blocking_call_from_thread(move |_| {
            let queued = handle.eventually(move |_| must_not_run(&witness));
            queued.canceller().cancel();
            canceller.cancel();
            canceller.cancel();
            Ok(queued)
        });
        assert!(is_cancelled(queued.unwrap().wait()));
        assert!(is_cancelled(waits.join().unwrap()));
        assert_eq!(dropped.count(), 1);
    });
}

#[test]
fn i4_when_the_reactor_stops_that_is_the_answer() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let answer = waiting(&reactor);
        let (canceller, later) = (answer.canceller(), answer.canceller());
        let waits = foreign(move || answer.wait());
        let trigger = move |reactor: &Reactor| {
            let cancel = move |_: &Reactor| later.cancel();
            reactor.add_system_event_trigger(Phase::During, SystemEvent::Shutdown, cancel);
            Ok(())
        };
        reactor.handle().blocking_call_from_thread(trigger).unwrap();
        reactor.join().unwrap();
        assert!(waits.join().unwrap().unwrap_err().is::<ReactorStopped>());
        canceller.cancel();

        // One that has never run, and is dropped with the call.
        let reactor = Reactor::new().unwrap();
        let answer = reactor.handle().eventually(|_| Ok(3));
        let canceller = answer.canceller();
        drop(reactor);
        canceller.cancel();
        assert!(answer.wait().unwrap_err().is::<ReactorStopped>());
    });
}

#[test]
fn two_cancel_at_once_and_its_own_canceller_is_asked_once() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let (asked, (sender, receiver)) = (Arc::<AtomicUsize>::default(), channel());
        let count = Arc::clone(&asked);
        let answer = reactor.handle().eventually(move |reactor| {
            let (promise, deferred) = Deferred::<u32>::with_canceller(move || {
                count.fetch_add(1, Ordering::SeqCst);
            });
            reactor.call_soon(move |_| sender.send(()).unwrap());
            let kept = Rc::new(RefCell::new(Some(promise)));
            deferred.add_both(move |result| {
                kept.take();
                result
            })
        });
        receiver.recv().unwrap();
        let first = answer.canceller();
        let second = first.clone();
        let cancel = foreign(move || first.cancel());
        second.cancel();
        cancel.join().unwrap();
        assert!(is_cancelled(answer.wait()));
        reactor.join().unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn i2_against_the_answer_there_is_one_outcome() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let dropped = Drops::default();
        for n in 0..500 {
            let witness = dropped.witness();
            let answer = reactor.handle().eventually(move |reactor| {
                let (promise, deferred) = Deferred::new();
                match n % 3 {
                    0 => promise.callback(witness),
                    1 => reactor.call_soon(move |_| promise.callback(witness)),
                    _ => drop(reactor.call_later(Duration::from_micros(50), move |_| {
                        promise.callback(witness);
                    })),
                }
                deferred
            });
            let canceller = answer.canceller();
            let cancel = foreign(move || canceller.cancel());
            let result = if n % 2 == 0 { answer.wait() } else { block_on(answer) };
            assert!(result.map_or_else(|failure| failure.is::<Cancelled>(), |_| true));
            cancel.join().unwrap();
        }
        reactor.join().unwrap();
        assert_eq!(dropped.count(), 500);
    });
}

#[test]
fn their_texts_say_where_it_was_asked_and_whether_it_is_answered() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (line, answer) = (line!(), reactor.handle().eventually(|_| Ok(3)));
        let canceller = answer.canceller();
        let place = format!("{{ asked_at: {}:{line}:", file!());
        let texts = || (format!("{answer:?}"), format!("{canceller:?}"));
        let (eventual, handle) = texts();
        assert!(eventual.starts_with(&format!("Eventual {place}")), "{eventual}");
        assert!(handle.starts_with(&format!("EventualCancelHandle {place}")), "{handle}");
        assert!(eventual.ends_with("answered: false }") && handle.ends_with("answered: false }"));
        reactor.stop();
        reactor.run().unwrap();
        let (eventual, handle) = texts();
        assert!(eventual.ends_with("answered: true }") && handle.ends_with("answered: true }"));
    });
}
