//! The resolver that asks the system, which blocks: so it does in threads of its own (W24).
//!
//! The shutdown does not wait for the system's answer: its pool is closed, not joined, and whoever
//! waited has been told.

use super::question::{Ask, Question, UnderWay};
use super::{NameQuery, Resolver, system};
use crate::error::ResolveError;
use ropewalk_deferred::Deferred;
use ropewalk_reactor::Reactor;
use ropewalk_threadpool::ThreadPool;
use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

/// Names that are looked up at the same time; the others wait.
const THREADS: usize = 4;

/// How long a thread waits for another name.
const IDLE: Duration = Duration::from_secs(10);

/// Asks the system. Its pool is made with the first name.
pub(crate) struct Threaded {
    ask: Ask,
    pool: RefCell<Option<ThreadPool>>,
    under_way: Rc<UnderWay>,
}

impl Threaded {
    pub(crate) fn new() -> Self {
        Self::asking(Arc::new(system::look_up))
    }

    fn asking(ask: Ask) -> Self {
        Self { ask, pool: RefCell::default(), under_way: Rc::default() }
    }

    fn pool(&self) -> io::Result<ThreadPool> {
        if let Some(pool) = &*self.pool.borrow() {
            return Ok(pool.clone());
        }
        let pool = ThreadPool::builder()
            .name("ropewalk-resolver")
            .min_threads(0)
            .max_threads(THREADS)
            .idle_timeout(IDLE)
            .stall_after(None)
            .build()
            .map_err(io::Error::other)?;
        pool.start().map_err(io::Error::other)?;
        self.pool.replace(Some(pool.clone()));
        Ok(pool)
    }
}

impl Resolver for Threaded {
    fn resolve(&self, reactor: &Reactor, query: &NameQuery<'_>) -> Deferred<Vec<SocketAddr>> {
        let key = (query.name().to_owned(), query.family());
        let question = self.under_way.borrow().get(&key).and_then(Weak::upgrade);
        if let Some(question) = question {
            return question.join();
        }
        let pool = match self.pool() {
            Ok(pool) => pool,
            Err(error) => return Deferred::fail(ResolveError::new(query.name(), error.into())),
        };
        let question = Question::new(key, Rc::clone(&self.under_way));
        let answer = question.join();
        // Between two runs no answer could come in, also if somebody turns the loop by hand: then
        // the question waits for the next one.
        if reactor.handle().accepts_calls() {
            question.put(reactor, &pool, &self.ask);
        } else {
            let ask = Arc::clone(&self.ask);
            reactor.call_when_running(move |reactor| question.put(reactor, &pool, &ask));
        }
        answer
    }

    fn stopped(&self) {
        let (pool, under_way) = (self.pool.borrow_mut().take(), self.under_way.take());
        if let Some(pool) = pool {
            pool.close(|| ());
        }
        drop(under_way);
    }
}

#[cfg(test)]
mod tests {
    use super::{THREADS, Threaded};
    use crate::resolver::question::Question;
    use crate::{ReactorNet as _, ResolveError, ResolveErrorKind};
    use ropewalk_deferred::{Cancelled, Deferred};
    use ropewalk_reactor::Reactor;
    use ropewalk_testing::{DEADLINE, EventLog, failure_as, success_of, within};
    use std::collections::HashMap;
    use std::net::SocketAddr;
    use std::rc::Weak;
    use std::sync::{Arc, Condvar, Mutex};
    use std::time::Duration;

    /// A system that answers when it is told to, and logs what it is asked.
    #[derive(Clone, Default)]
    struct Slow {
        asked: EventLog,
        open: Arc<(Mutex<bool>, Condvar)>,
    }

    impl Slow {
        fn install(&self, reactor: &Reactor) {
            let slow = self.clone();
            let _ = reactor.install_resolver(Threaded::asking(Arc::new(move |name, _| {
                slow.asked.add(name);
                let (open, opened) = &*slow.open;
                drop(opened.wait_while(open.lock().unwrap(), |open| !*open).unwrap());
                Ok(vec![([127, 0, 0, 1], 0).into()])
            })));
        }

        fn answer(&self) {
            let (open, opened) = &*self.open;
            *open.lock().unwrap() = true;
            opened.notify_all();
        }
    }

    /// So that no thread is left when a test fails.
    impl Drop for Slow {
        fn drop(&mut self) {
            self.answer();
        }
    }

    fn finish(reactor: &Reactor, lookup: Deferred<Vec<SocketAddr>>) -> Vec<SocketAddr> {
        let log = EventLog::<()>::default();
        let done = log.clone();
        let lookup = lookup.map(move |addresses| {
            done.add(());
            addresses
        });
        while log.is_empty() {
            reactor.turn(Some(Duration::from_millis(20))).unwrap();
        }
        success_of(lookup)
    }

    #[test]
    fn w23_a_queued_name_that_nobody_wants_is_forgotten() {
        within(DEADLINE, || {
            let (reactor, slow) = (Reactor::new().unwrap(), Slow::default());
            slow.install(&reactor);
            let names: Vec<_> = (0..THREADS).map(|n| format!("name-{n}.example")).collect();
            let mut lookups: Vec<_> = names.iter().map(|name| reactor.resolve(name, 80)).collect();
            slow.asked.wait_for_len(THREADS, DEADLINE);
            let unwanted = reactor.resolve("unwanted.example", 80);
            let wanted = reactor.resolve("wanted.example", 80);
            unwanted.cancel();
            let _: Cancelled = failure_as(unwanted);
            slow.answer();
            lookups.push(wanted);
            for lookup in lookups {
                assert_eq!(finish(&reactor, lookup), ["127.0.0.1:80".parse().unwrap()]);
            }
            let mut asked = slow.asked.take();
            asked.sort();
            assert_eq!(asked, [&names[..], &["wanted.example".to_owned()]].concat());
        });
    }

    #[test]
    fn w24_who_asks_again_waits_for_the_answer_that_is_under_way() {
        within(DEADLINE, || {
            let (reactor, slow) = (Reactor::new().unwrap(), Slow::default());
            slow.install(&reactor);
            for _ in 0..2 * THREADS {
                let impatient = reactor.resolve("slow.example", 80);
                slow.asked.wait_for_len(1, DEADLINE);
                impatient.cancel();
                let _: Cancelled = failure_as(impatient);
            }
            let patient = reactor.resolve("slow.example", 80);
            let other = reactor.resolve("other.example", 80);
            slow.asked.wait_for("other.example", DEADLINE);
            slow.answer();
            finish(&reactor, patient);
            finish(&reactor, other);
            assert_eq!(slow.asked.take(), ["slow.example", "other.example"]);
            finish(&reactor, reactor.resolve("slow.example", 80));
            assert_eq!(slow.asked.take(), ["slow.example"], "an answer is not kept");
        });
    }

    /// I9: the shutdown does not wait for the system. What was under way is no use to the next run.
    #[test]
    fn i9_a_stop_in_the_middle_of_a_lookup_is_not_held_up() {
        within(DEADLINE, || {
            let (reactor, slow) = (Reactor::new().unwrap(), Slow::default());
            slow.install(&reactor);
            let lookup = reactor.resolve("slow.example", 80);
            slow.asked.wait_for_len(1, DEADLINE);
            reactor.call_soon(Reactor::stop);
            reactor.run().unwrap();
            let error: ResolveError = failure_as(lookup);
            assert!(matches!(error.kind(), ResolveErrorKind::Stopped));

            let lookup = reactor.resolve("slow.example", 80);
            let (slow, stop) = (slow, reactor.handle());
            let lookup = lookup.map(move |addresses| {
                stop.stop();
                addresses
            });
            let asked = slow.asked.clone();
            reactor.call_when_running(move |_| {
                asked.wait_for_len(2, DEADLINE);
                slow.answer();
            });
            reactor.run().unwrap();
            assert_eq!(success_of(lookup).len(), 1);
        });
    }

    /// An answer that comes between two runs has no way back; one that comes later has it in the next
    /// run. Who waits is told in either case.
    #[test]
    fn w23_a_lookup_that_a_crash_interrupts_ends() {
        within(DEADLINE, || {
            let (reactor, slow) = (Reactor::new().unwrap(), Slow::default());
            slow.install(&reactor);
            let lookup = reactor.resolve("slow.example", 80);
            let (asked, answers) = (slow.asked.clone(), slow.clone());
            reactor.call_when_running(move |reactor| {
                asked.wait_for_len(1, DEADLINE);
                reactor.crash();
            });
            reactor.run().unwrap();
            slow.answer();
            let stop = reactor.handle();
            let lookup = lookup.add_both(move |result| {
                stop.stop();
                drop(answers);
                result
            });
            reactor.run().unwrap();
            match lookup.try_take().unwrap() {
                Ok(addresses) => assert_eq!(addresses.len(), 1),
                Err(failure) => {
                    let error: ResolveError = failure.downcast().unwrap();
                    assert!(matches!(error.kind(), ResolveErrorKind::Resolver(_)), "{error}");
                }
            }
        });
    }

    #[test]
    fn w23_a_name_that_nobody_wants_any_more_is_not_asked_for_in_the_next_run() {
        within(DEADLINE, || {
            let (reactor, slow) = (Reactor::new().unwrap(), Slow::default());
            slow.install(&reactor);
            slow.answer();
            reactor.stop();
            reactor.run().unwrap();
            let unwanted = reactor.resolve("unwanted.example", 80);
            unwanted.cancel();
            let _: Cancelled = failure_as(unwanted);
            let stop = reactor.handle();
            let wanted = reactor.resolve("wanted.example", 80).map(move |_| stop.stop());
            reactor.run().unwrap();
            success_of(wanted);
            assert_eq!(slow.asked.take(), ["wanted.example"]);
        });
    }

    #[test]
    fn nothing_is_listed_when_everything_is_answered() {
        within(DEADLINE, || {
            let (reactor, slow) = (Reactor::new().unwrap(), Slow::default());
            slow.install(&reactor);
            let threaded = std::rc::Rc::new(Threaded::new());
            let listed = std::rc::Rc::clone(&threaded.under_way);
            let _ = reactor.install_resolver(threaded);
            finish(&reactor, reactor.resolve("localhost", 80));
            let left: HashMap<_, Weak<Question>> = listed.take();
            assert!(left.is_empty());
        });
    }
}
