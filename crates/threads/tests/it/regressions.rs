//! Programs that hang with others, by the issue that tells of them.

use crate::support::{Drops, Witness, foreign, must_not_run, peek, run_for, taken};
use pollster::block_on;
use ropewalk_deferred::{Deferred, Failure, Result};
use ropewalk_reactor::{Phase, Reactor, ReactorHandle, ReactorStopped, SystemEvent};
use ropewalk_testing::{DEADLINE, EventLog, within};
use ropewalk_threadpool::ThreadPool;
use ropewalk_threads::{Eventual, HandleThreads as _, ReactorThreads as _, WouldDeadlock};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// What the job waits for.
type Ask = Box<dyn FnOnce(&Reactor) -> Deferred<u32> + Send>;

/// How the job waits.
type Wait = fn(&ReactorHandle, Ask) -> Result<u32>;

const WAITS: [Wait; 5] = [
    |handle, ask| handle.blocking_call_from_thread(ask),
    |handle, ask| handle.blocking_call_from_thread_timeout(HOUR, ask),
    |handle, ask| handle.eventually(ask).wait(),
    |handle, ask| handle.eventually(ask).wait_timeout(HOUR).unwrap_or_else(Eventual::wait),
    |handle, ask| block_on(handle.eventually(ask)),
];

/// A deferred that nobody fires while the reactor runs.
fn never(reactor: &Reactor) -> Deferred<u32> {
    let (promise, deferred) = Deferred::new();
    reactor.local::<RefCell<Vec<_>>>().borrow_mut().push(promise);
    deferred
}

/// One that a timer fires, long after the stop.
fn much_later(reactor: &Reactor) -> Deferred<u32> {
    let (promise, deferred) = Deferred::new();
    reactor.call_later(HOUR, |_| promise.callback(3));
    deferred
}

/// One whose callback waits for another.
fn in_two_steps(_: &Reactor) -> Deferred<u32> {
    Deferred::succeed(()).add_callback(|()| Reactor::with_current(never).unwrap())
}

/// Runs `job` in a pool of so many threads, from the moment at which `stop` may stop the reactor:
/// when the sender that the job is given is used, or dropped. The job has to end, and with it the
/// run, without the shutdown deadline.
fn twisted_10124(
    threads: usize,
    job: impl FnOnce(&ReactorHandle, Sender<()>) -> Result<u32> + Send + 'static,
    stop: impl FnOnce(&ReactorHandle) + Send + 'static,
) {
    let reactor = Reactor::new().unwrap();
    reactor.suggest_thread_pool_size(threads).unwrap();
    let (handle, stopping) = (reactor.handle(), reactor.handle());
    let (sender, waits) = channel();
    let place = peek(reactor.defer_to_thread(move || job(&handle, sender)));
    let stopper = foreign(move || {
        let _ = waits.recv();
        stop(&stopping);
    });
    reactor.run().unwrap();
    stopper.join().unwrap();
    let failure = taken(&place).unwrap_err();
    assert!(failure.is::<ReactorStopped>(), "{failure:?}");
}

/// Twisted #10124: the reactor joins its pool in its own thread, a job of which waits for the
/// reactor. Ctrl-C does not end it.
#[test]
fn i4_w3_twisted_10124_a_job_waits_for_the_reactor_that_another_thread_stops() {
    within(DEADLINE, || {
        for wait in WAITS {
            for ask in [never, much_later, in_two_steps] {
                let job = move |handle: &ReactorHandle, waits: Sender<()>| {
                    let ask = move |reactor: &Reactor| {
                        let deferred = ask(reactor);
                        waits.send(()).unwrap();
                        deferred
                    };
                    wait(handle, Box::new(ask))
                };
                twisted_10124(1, job, ReactorHandle::stop);
            }
        }
    });
}

/// Twisted #10124: the second Ctrl-C comes while the first one is dealt with.
#[test]
fn i4_w3_w17_twisted_10124_stopped_twice() {
    within(DEADLINE, || {
        for wait in WAITS {
            let job = move |handle: &ReactorHandle, waits: Sender<()>| {
                let ask = move |reactor: &Reactor| {
                    waits.send(()).unwrap();
                    never(reactor)
                };
                wait(handle, Box::new(ask))
            };
            twisted_10124(1, job, |handle| {
                handle.stop();
                handle.stop();
            });
        }
    });
}

/// Twisted #10124: stopped by the job, or by what it waits for, before it waits.
#[test]
fn i4_w3_twisted_10124_a_job_waits_when_the_stop_was_asked_for() {
    within(DEADLINE, || {
        for wait in WAITS {
            let by_the_job = move |handle: &ReactorHandle, _: Sender<()>| {
                handle.stop();
                wait(handle, Box::new(never))
            };
            twisted_10124(1, by_the_job, |_| ());
            let by_the_call = move |handle: &ReactorHandle, _: Sender<()>| {
                let ask = |reactor: &Reactor| {
                    reactor.stop();
                    much_later(reactor)
                };
                wait(handle, Box::new(ask))
            };
            twisted_10124(1, by_the_call, |_| ());
        }
    });
}

/// Twisted #10124: the job waits in the drain, again and again.
#[test]
fn i4_w3_twisted_10124_a_job_does_not_give_up() {
    within(DEADLINE, || {
        for wait in WAITS {
            let job = move |handle: &ReactorHandle, waits: Sender<()>| {
                waits.send(()).unwrap();
                // The reactor tells it so each time, and each time at once.
                let tries: Result<Vec<_>> = (0..100)
                    .map(|_| match wait(handle, Box::new(never)) {
                        Err(failure) if failure.is::<ReactorStopped>() => Ok(failure),
                        other => Err(Failure::msg(format!("{other:?}"))),
                    })
                    .collect();
                tries.and_then(|mut failures| failures.pop().map_or(Ok(0), Err))
            };
            twisted_10124(1, job, ReactorHandle::stop);
        }
    });
}

/// Twisted #10124: the job waits for the reactor, which waits for a job, which waits for the reactor.
#[test]
fn i4_w3_w6_twisted_10124_through_jobs_that_wait_for_jobs() {
    within(DEADLINE, || {
        fn descend(depth: u32, handle: &ReactorHandle, waits: Sender<()>) -> Result<u32> {
            let own = handle.clone();
            handle.blocking_call_from_thread(move |reactor| {
                if depth == 0 {
                    waits.send(()).unwrap();
                    return never(reactor);
                }
                reactor.defer_to_thread(move || descend(depth - 1, &own, waits))
            })
        }
        for threads in [1, 10] {
            let job = |handle: &ReactorHandle, waits: Sender<()>| descend(10, handle, waits);
            twisted_10124(threads, job, ReactorHandle::stop);
        }
    });
}

/// A call that is to be refused on the reactor thread, and the log of what became of it.
#[derive(Clone)]
struct Refusal {
    handle: ReactorHandle,
    log: EventLog,
    dropped: Rc<Drops>,
}

impl Refusal {
    /// Waits for the reactor, on its own thread.
    fn wait(&self, place: &str) {
        for wait in &WAITS[..4] {
            let witness: Witness = self.dropped.witness();
            let ask = move |_: &Reactor| -> Deferred<u32> {
                must_not_run(&witness);
                Deferred::succeed(0)
            };
            let failure = wait(&self.handle, Box::new(ask)).unwrap_err();
            if failure.is::<WouldDeadlock>() {
                self.log.add(place);
            }
        }
    }
}

/// W1: from whatever callback, a wait for the reactor is refused, and the reactor goes on. Twisted
/// waits for itself, for ever.
#[test]
fn i4_w1_twisted_blocks_for_ever_in_a_callback_that_waits_for_the_reactor() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let refusal =
            Refusal { handle: reactor.handle(), log: EventLog::new(), dropped: Rc::default() };
        let at = |place: &'static str| {
            let refusal = refusal.clone();
            move || refusal.wait(place)
        };
        let (call, soon, timer, trigger) = (at("call"), at("soon"), at("timer"), at("trigger"));
        reactor.call_when_running(move |reactor| {
            reactor.call_soon(move |_| soon());
        });
        reactor.call_later(Duration::from_millis(1), move |_| timer());
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |_| trigger());
        // The closures are not `Send`: a call finds its own on the reactor thread.
        let here = reactor.share(RefCell::new(Some(call)));
        let calls = move || here.call_from_thread(|call, _| call.take().unwrap()()).unwrap();
        foreign(calls).join().unwrap();

        let (callback, errback, progress) = (at("callback"), at("errback"), at("progress"));
        let deferred = reactor
            .defer_to_thread_with(
                move |_, ()| progress(),
                |job| {
                    job.report(());
                    Ok(())
                },
            )
            .add_callback(move |()| {
                callback();
                Err::<(), _>(Failure::msg("to the errback"))
            })
            .add_errback(move |_| errback());
        let (canceller, canceled) = (at("canceller"), at("callback of a cancel"));
        let (_promise, cancelled) = Deferred::<()>::with_canceller(canceller);
        let later = cancelled.add_errback(move |_| canceled());
        let both = deferred.add_callback(move |()| later.cancel());
        // The timer, too, comes before the stop.
        let (promise, end) = Deferred::new();
        reactor.call_later(Duration::from_millis(2), |_| promise.callback(()));
        run_for(&reactor, both.add_callback(move |()| end)).unwrap();

        let mut places = refusal.log.take();
        assert_eq!(places.len(), refusal.dropped.count());
        places.sort_unstable();
        places.dedup();
        let all = [
            "call",
            "callback",
            "callback of a cancel",
            "canceller",
            "errback",
            "progress",
            "soon",
            "timer",
            "trigger",
        ];
        assert_eq!(places, all);
        assert_eq!(refusal.dropped.count(), 4 * all.len());
        assert_eq!(reactor.stats().panics, 0);
    });
}

/// W1: a job that a test runs by hand is on the reactor thread, even if it does not know it.
#[test]
fn i4_w1_twisted_blocks_for_ever_in_a_job_that_is_run_by_hand() {
    within(DEADLINE, || {
        let (reactor, manual) = (Reactor::new().unwrap(), ThreadPool::manual());
        reactor.install_thread_pool(manual.pool().clone()).unwrap();
        let waits = WAITS[..4].iter().map(|&wait| {
            let handle = reactor.handle();
            peek(reactor.defer_to_thread(move || wait(&handle, Box::new(never))))
        });
        let places: Vec<_> = waits.collect();
        // In a timer, a job of the pool waits for the reactor whose timer it is.
        reactor.call_later(Duration::from_millis(1), move |reactor| {
            assert_eq!(manual.run_all(), 4);
            reactor.stop();
        });
        reactor.run().unwrap();
        assert!(places.iter().all(|place| taken(place).unwrap_err().is::<WouldDeadlock>()));
        assert_eq!(reactor.stats().panics, 0);
    });
}
