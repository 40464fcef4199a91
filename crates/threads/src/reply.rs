//! The reactor's side of a question: it is asked, answered, or called off.

use crate::bridge::Bridge;
use crate::ledger::{Key, Party};
use crate::slot::{Filler, Slot};
use ropewalk_deferred::{CancelHandle, Cancelled, Failure, Outcome, Panicked, Result};
use ropewalk_reactor::{Reactor, ReactorHandle};
use std::any::Any;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};

/// How far a question has come. It lies beside the answer, for both ends to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// The closure waits for its turn, or runs.
    Open,
    /// The closure has returned a `Deferred`, which answers; and under this key it is cancelled.
    Waiting(Key),
    /// Nobody wants the answer any more. The reactor sees it before it calls the closure, and when
    /// that has returned a `Deferred`.
    Cancelled,
}

impl Question {
    fn wait(self, key: Key) -> Self {
        if self == Self::Open { Self::Waiting(key) } else { self }
    }

    fn cancel(self) -> Self {
        if self == Self::Open { Self::Cancelled } else { self }
    }
}

/// Calls off what has not been answered, and has a `Deferred` cancelled where it lives.
pub(crate) fn cancel<T>(
    slot: &Slot<T, Question>,
    handle: &ReactorHandle,
    location: &'static Location<'static>,
) {
    if let Some(key) = call_off(slot) {
        // A reactor that has stopped has answered already, or is about to.
        let _ = handle.call_from_thread_at(location, move |reactor| cancel_chain(reactor, key));
    }
}

/// Notes that nobody wants the answer. What it gives is the key of a `Deferred` that has to be
/// cancelled on the reactor thread; in all other cases the reactor sees to it by itself.
fn call_off<T>(slot: &Slot<T, Question>) -> Option<Key> {
    match slot.note_if_open(Question::cancel) {
        Some(Question::Waiting(key)) => Some(key),
        _ => None,
    }
}

fn is_called_off<T>(filler: &Filler<T, Question>) -> bool {
    filler.note(|question| question) == Some(Question::Cancelled)
}

/// Notes that a `Deferred` answers; `true` if it has to be cancelled at once.
fn wait_for<T>(filler: &Filler<T, Question>, key: Key) -> bool {
    filler.note(|question| question.wait(key)) == Some(Question::Cancelled)
}

/// What answers once the closure has returned a `Deferred`.
struct Reply<T>(Filler<Result<T>, Question>);

/// One of whatever type.
pub(crate) trait AnyReply {
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

impl<T: 'static> AnyReply for Reply<T> {
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

impl Party<CancelHandle> for Box<dyn AnyReply> {
    fn reactor_stopped(self, _chain: Option<CancelHandle>) {
        // An empty answer means just this.
        drop(self);
    }
}

/// Hands in the question. The filler answers in any case, at the latest by its drop.
#[track_caller]
pub(crate) fn send<F, R>(handle: &ReactorHandle, filler: Filler<Result<R::Value>, Question>, f: F)
where
    F: FnOnce(&Reactor) -> R + Send + 'static,
    R: Outcome<Value: Send>,
{
    let location = Location::caller();
    // A refused call is dropped here, and its filler with it: that answers.
    let _refused = handle.call_from_thread_at(location, move |reactor| {
        if !is_called_off(&filler) {
            return answer(reactor, filler, location, f);
        }
        // What it has captured goes before who waits hears of it, as with a call that has run.
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(f)));
        give(filler, Err(Failure::new(Cancelled)));
        if let Err(payload) = dropped {
            // The loop reports it, as that of any call.
            resume_unwind(payload);
        }
    });
}

/// Answers; what nobody waits for any more is dropped here.
fn give<T>(filler: Filler<Result<T>, Question>, answer: Result<T>) {
    drop(filler.fill(answer));
}

/// Runs the call on the reactor thread and sees to its answer.
fn answer<F, R>(
    reactor: &Reactor,
    filler: Filler<Result<R::Value>, Question>,
    location: &'static Location<'static>,
    f: F,
) where
    F: FnOnce(&Reactor) -> R,
    R: Outcome,
    R::Value: Send,
{
    let deferred = match catch_unwind(AssertUnwindSafe(|| f(reactor))) {
        Ok(outcome) => outcome.into_deferred().try_take(),
        Err(payload) => Ok(Err(Failure::new(Panicked::from_payload(payload, location)))),
    };
    let deferred = match deferred {
        // The usual case: nothing to wait for, so nothing to keep account of.
        Ok(result) => return give(filler, result),
        Err(deferred) => deferred,
    };
    let bridge = Bridge::of(reactor);
    let (key, cancelled) = bridge.replies.open(|key| {
        let cancelled = wait_for(&filler, key);
        (Box::new(Reply(filler)) as Box<dyn AnyReply>, cancelled)
    });
    let weak = reactor.downgrade();
    let answered = deferred.add_both(move |result: Result<R::Value>| {
        let entry = weak.with(|reactor| Bridge::of(reactor).replies.close(key)).flatten();
        let reply = entry.and_then(|entry| entry.party.into_any().downcast().ok());
        if let Some(Reply(filler)) = reply.map(|reply| *reply) {
            give(filler, result);
        }
    });
    bridge.replies.set_work(key, answered.canceller());
    // Somebody waits for it. So this drop must not cancel it, even if it is one whose drop does.
    answered.detach();
    if cancelled {
        cancel_chain(reactor, key);
    }
    if reactor.stopping() {
        // The shutdown waits for nobody's Deferred.
        if let Some(entry) = bridge.replies.close(key) {
            entry.party.reactor_stopped(entry.work);
        }
    }
}

fn cancel_chain(reactor: &Reactor, key: Key) {
    // The chain answers by itself: with `Cancelled`, or with what its canceller makes of it.
    if let Some(chain) = Bridge::of(reactor).replies.take_work(key) {
        chain.cancel();
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::{Question, call_off, is_called_off, wait_for};
    use crate::ledger::{Key, Ledger};
    use crate::slot::{Filler, SharedSlot, slot};
    use loom::sync::{Arc, Condvar, Mutex};
    use loom::thread;

    /// The calls that cancel a `Deferred`, on their way to the reactor.
    #[derive(Default)]
    struct Calls {
        keys: Mutex<Vec<Key>>,
        arrived: Condvar,
    }

    impl Calls {
        fn send(&self, key: Key) {
            self.keys.lock().unwrap().push(key);
            self.arrived.notify_one();
        }

        /// Waits for one; if none comes, loom reports a deadlock.
        fn next(&self) -> Key {
            let mut keys = self.keys.lock().unwrap();
            loop {
                match keys.pop() {
                    Some(key) => return key,
                    None => keys = self.arrived.wait(keys).unwrap(),
                }
            }
        }
    }

    #[derive(Debug, PartialEq, Eq)]
    enum Answer {
        NotCalled,
        /// By whoever has opened the account of the `Deferred`.
        CancelledAtOnce,
        CancelledByCall,
        Result,
    }

    /// What the reactor does with a question whose closure returns a `Deferred`. One that fires
    /// answers by itself; another one has to be cancelled first.
    fn serve(filler: Filler<Answer, Question>, calls: &Calls, fires: bool) -> Option<Answer> {
        if is_called_off(&filler) {
            return filler.fill(Answer::NotCalled).err();
        }
        let (key, cancelled) = Ledger::<(), ()>::default().open(|key| ((), wait_for(&filler, key)));
        let answer = if cancelled {
            Answer::CancelledAtOnce
        } else if fires {
            Answer::Result
        } else {
            assert_eq!(calls.next(), key);
            Answer::CancelledByCall
        };
        filler.fill(answer).err()
    }

    /// However far the reactor has come, a `Deferred` that nothing else ends is cancelled.
    #[test]
    fn loom_no_cancellation_of_a_question_is_lost() {
        loom::model(|| {
            let ((filler, taker), calls) = (slot(Question::Open), Arc::new(Calls::default()));
            let heard = Arc::clone(&calls);
            let reactor = thread::spawn(move || serve(filler, &heard, false));
            let key = call_off(taker.slot());
            if let Some(key) = key {
                calls.send(key);
            }
            let answer = taker.wait().unwrap();
            assert_eq!(answer == Answer::CancelledByCall, key.is_some());
            assert_eq!(reactor.join().unwrap(), None);
        });
    }

    /// Dropped after it: the same, and the answer goes back to the reactor or with the question.
    #[test]
    fn loom_a_question_that_is_called_off_and_dropped_is_not_forgotten() {
        loom::model(|| {
            let ((filler, taker), calls) = (slot(Question::Open), Arc::new(Calls::default()));
            let heard = Arc::clone(&calls);
            let reactor = thread::spawn(move || serve(filler, &heard, false));
            if let Some(key) = call_off(taker.slot()) {
                calls.send(key);
            }
            drop(taker);
            reactor.join().unwrap();
        });
    }

    /// Who calls it off before there is an answer does not get the result, unless the `Deferred` is
    /// waited for: then that decides.
    #[test]
    fn loom_a_cancellation_against_the_answer() {
        loom::model(|| {
            let ((filler, taker), calls) = (slot(Question::Open), Arc::new(Calls::default()));
            let heard = Arc::clone(&calls);
            let reactor = thread::spawn(move || serve(filler, &heard, true));
            let waited_for = call_off(taker.slot()).is_some();
            match taker.try_take() {
                Some(answer) => assert!(!waited_for || answer == Some(Answer::Result)),
                None => assert_eq!(taker.wait() == Some(Answer::Result), waited_for),
            }
            assert_eq!(reactor.join().unwrap(), None);
        });
    }

    /// By a third one, while the taker waits.
    #[test]
    fn loom_a_question_that_is_waited_for_is_called_off() {
        loom::model(|| {
            let ((filler, taker), calls) = (slot(Question::Open), Arc::new(Calls::default()));
            let (heard, slot) = (Arc::clone(&calls), SharedSlot::clone(taker.slot()));
            let reactor = thread::spawn(move || serve(filler, &heard, false));
            let canceller = thread::spawn(move || call_off(&slot).map(|key| calls.send(key)));
            let answer = taker.wait().unwrap();
            let waited_for = canceller.join().unwrap().is_some();
            assert_eq!(answer == Answer::CancelledByCall, waited_for);
            assert_eq!(reactor.join().unwrap(), None);
        });
    }

    /// By a third one, whether the taker is still there or not.
    #[test]
    fn loom_a_question_whose_taker_goes_is_called_off() {
        loom::model(|| {
            let ((filler, taker), calls) = (slot(Question::Open), Arc::new(Calls::default()));
            let (heard, slot) = (Arc::clone(&calls), SharedSlot::clone(taker.slot()));
            let reactor = thread::spawn(move || serve(filler, &heard, false));
            let canceller = thread::spawn(move || call_off(&slot).map(|key| calls.send(key)));
            drop(taker);
            let waited_for = canceller.join().unwrap().is_some();
            let answer = reactor.join().unwrap();
            assert!(answer.is_none_or(|it| (it == Answer::CancelledByCall) == waited_for));
        });
    }

    /// Two of them, for a question that nobody takes: one of them is the first.
    #[test]
    fn loom_two_call_off_one_question() {
        loom::model(|| {
            let ((filler, taker), calls) = (slot(Question::Open), Arc::new(Calls::default()));
            let (heard, slot) = (Arc::clone(&calls), SharedSlot::clone(taker.slot()));
            let reactor = thread::spawn(move || serve(filler, &heard, false));
            let other = Arc::clone(&calls);
            let canceller = thread::spawn(move || call_off(&slot).map(|key| other.send(key)));
            if let Some(key) = call_off(taker.slot()) {
                calls.send(key);
            }
            assert_ne!(taker.wait().unwrap(), Answer::Result);
            canceller.join().unwrap();
            assert_eq!(reactor.join().unwrap(), None);
        });
    }
}
