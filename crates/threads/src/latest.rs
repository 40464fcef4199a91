//! Where the progress of a job passes from its worker to the reactor thread.
//!
//! It holds one value, the latest: whoever puts in another takes the one before it out. Only who
//! finds it empty has to send a call for it, so that at most one call is on its way, however much a
//! job reports. **Lock rule:** values are dropped after the lock is released (I5).

use crate::sync::{Mutex, lock};

pub(crate) struct Latest<T>(Mutex<State<T>>);

enum State<T> {
    /// The call for it, if there was one, has taken it.
    Empty,
    /// A call for it is on its way, and will find this value or a later one.
    Put(T),
    /// Nobody wants to know any more.
    Closed,
}

/// What has become of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// It needs a call.
    First,
    /// The call for the one before it is on its way.
    Newer,
    /// It was dropped.
    Refused,
}

impl<T> Latest<T> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State::Empty))
    }

    pub(crate) fn put(&self, value: T) -> Put {
        let mut state = lock(&self.0);
        if matches!(*state, State::Closed) {
            drop(state);
            return Put::Refused;
        }
        let before = std::mem::replace(&mut *state, State::Put(value));
        drop(state);
        // The value before this one is dropped with the match, after the lock.
        match before {
            State::Put(_) => Put::Newer,
            State::Empty | State::Closed => Put::First,
        }
    }

    /// Takes the value out, if there is one; the next one needs a call again.
    pub(crate) fn take(&self) -> Option<T> {
        let mut state = lock(&self.0);
        if matches!(*state, State::Closed) {
            return None;
        }
        match std::mem::replace(&mut *state, State::Empty) {
            State::Put(value) => Some(value),
            State::Empty | State::Closed => None,
        }
    }

    /// Refuses all further values; gives the one that nobody has taken, for the caller to drop.
    pub(crate) fn close(&self) -> Option<T> {
        let before = std::mem::replace(&mut *lock(&self.0), State::Closed);
        match before {
            State::Put(value) => Some(value),
            State::Empty | State::Closed => None,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        !matches!(*lock(&self.0), State::Closed)
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::{Latest, Put};
    use loom::sync::{Arc, Condvar, Mutex};
    use loom::thread;
    use std::collections::VecDeque;

    #[derive(Debug, PartialEq, Eq)]
    enum Message {
        /// Look into the slot.
        Call,
        /// The job is over.
        Result,
    }

    /// The way to the reactor, of loom's parts: in order, and it loses nothing.
    #[derive(Default)]
    struct Calls {
        queue: Mutex<VecDeque<Message>>,
        arrived: Condvar,
    }

    impl Calls {
        fn send(&self, message: Message) {
            self.queue.lock().unwrap().push_back(message);
            self.arrived.notify_one();
        }

        /// The next message; if a call that should come does not, loom reports a deadlock. Tells
        /// how many calls are behind it.
        fn next(&self) -> (Message, usize) {
            let mut queue = self.queue.lock().unwrap();
            loop {
                if let Some(message) = queue.pop_front() {
                    let calls = queue.iter().filter(|&other| *other == Message::Call).count();
                    return (message, calls);
                }
                queue = self.arrived.wait(queue).unwrap();
            }
        }
    }

    fn report(latest: &Latest<u32>, calls: &Calls, value: u32) {
        match latest.put(value) {
            Put::First => calls.send(Message::Call),
            Put::Newer => {}
            Put::Refused => unreachable!("nobody has closed it"),
        }
    }

    /// What the reactor hears until the job is over.
    fn hear(latest: &Latest<u32>, calls: &Calls) -> Vec<u32> {
        let mut heard = Vec::new();
        loop {
            let (message, behind) = calls.next();
            if message == Message::Result {
                return heard;
            }
            assert_eq!(behind, 0, "at most one call is on its way");
            heard.push(latest.take().expect("each call finds a value"));
        }
    }

    #[test]
    fn loom_the_last_value_is_heard_before_the_result_and_all_in_order() {
        loom::model(|| {
            let (latest, calls) = (Arc::new(Latest::new()), Arc::new(Calls::default()));
            let worker = {
                let (latest, calls) = (Arc::clone(&latest), Arc::clone(&calls));
                thread::spawn(move || {
                    (1..=3).for_each(|value| report(&latest, &calls, value));
                    calls.send(Message::Result);
                })
            };
            let heard = hear(&latest, &calls);
            assert_eq!(heard.last(), Some(&3));
            assert!(heard.is_sorted_by(|one, next| one < next), "{heard:?}");
            worker.join().unwrap();
        });
    }

    #[test]
    fn loom_the_reports_of_two_threads_of_a_job_share_one_call() {
        loom::model(|| {
            let (latest, calls) = (Arc::new(Latest::new()), Arc::new(Calls::default()));
            let reporter = |value| {
                let (latest, calls) = (Arc::clone(&latest), Arc::clone(&calls));
                thread::spawn(move || report(&latest, &calls, value))
            };
            let one = reporter(1);
            let worker = {
                let (latest, calls) = (Arc::clone(&latest), Arc::clone(&calls));
                thread::spawn(move || {
                    report(&latest, &calls, 2);
                    one.join().unwrap();
                    calls.send(Message::Result);
                })
            };
            let heard = hear(&latest, &calls);
            assert!(matches!(heard[..], [1] | [2] | [1, 2] | [2, 1]), "{heard:?}");
            assert_eq!(latest.take(), None, "the result came after all of them");
            worker.join().unwrap();
        });
    }

    #[test]
    fn loom_what_is_put_while_it_is_closed_is_dropped_once_and_not_heard() {
        loom::model(|| {
            let latest = Arc::new(Latest::new());
            let values = std::sync::Arc::new(());
            let worker = {
                let (latest, values) = (Arc::clone(&latest), std::sync::Arc::clone(&values));
                thread::spawn(move || {
                    let refused = (0..2)
                        .map(|_| latest.put(std::sync::Arc::clone(&values)))
                        .filter(|&put| put == Put::Refused)
                        .count();
                    (refused, latest.is_open())
                })
            };
            drop(latest.close());
            assert!(latest.take().is_none() && !latest.is_open());
            let (refused, open) = worker.join().unwrap();
            assert!(!open || refused == 0, "what was put before the end was accepted");
            assert_eq!(latest.put(std::sync::Arc::clone(&values)), Put::Refused);
            assert_eq!(std::sync::Arc::strong_count(&values), 1);
        });
    }
}
