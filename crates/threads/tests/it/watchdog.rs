//! A thread that names what blocks a reactor while it blocks, and the pools that are stalled.
//!
//! What is to be reported waits until it has been. Time is real, and a busy machine may block any
//! other callback too: so what is looked for is found by its line.

use crate::log;
use crate::support::{foreign, gated};
use ropewalk_reactor::{Interest, Phase, Reactor, SystemEvent};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::ThreadPool;
use ropewalk_threads::{
    BlockedCallback, HandleThreads as _, ReactorThread, ReactorThreads as _, Watchdog,
    WatchdogBuilder, WatchdogReport,
};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::panic::Location;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SOON: Duration = Duration::from_millis(1);

/// The reports of a watchdog, for who waits for one on the thread that it is about.
#[derive(Clone)]
pub(crate) struct Reports(Arc<Mutex<Receiver<WatchdogReport>>>);

impl Reports {
    /// The next report, other than by chance, in which there is what `find` finds.
    #[track_caller]
    pub(crate) fn wait<T>(&self, find: impl Fn(&WatchdogReport) -> Option<T>) -> T {
        let reports = self.0.lock().unwrap();
        loop {
            if let Some(found) = find(&reports.recv().unwrap()) {
                return found;
            }
        }
    }

    /// What blocks a reactor and was handed over in the line of the test file.
    #[track_caller]
    pub(crate) fn blocked_at(&self, line: u32) -> BlockedCallback {
        self.wait(|report| find(&report.blocked, line))
    }
}

fn find(callbacks: &[BlockedCallback], line: u32) -> Option<BlockedCallback> {
    let is_here = |at: &Location<'_>| at.file() == file!() && at.line() == line;
    callbacks.iter().find(|one| is_here(one.location)).cloned()
}

pub(crate) fn watchdog() -> (WatchdogBuilder, Reports) {
    let (sender, receiver) = channel();
    let hook = move |report: &WatchdogReport| drop(sender.send(report.clone()));
    let builder = Watchdog::builder().blocked_after(SOON).on_report(hook);
    (builder, Reports(Arc::new(Mutex::new(receiver))))
}

/// A callback that blocks until it has been reported, and notes what was said of it.
struct Blocking {
    reports: Reports,
    seen: Arc<Mutex<Vec<&'static str>>>,
}

impl Blocking {
    fn at(&self, line: u32) -> impl FnOnce() + Send + use<> {
        let (reports, seen) = (self.reports.clone(), Arc::clone(&self.seen));
        move || {
            let blocked = reports.blocked_at(line);
            assert!(blocked.age >= SOON);
            seen.lock().unwrap().push(blocked.kind);
        }
    }
}

#[test]
fn each_kind_of_callback_is_named_with_its_line_while_it_blocks() {
    within(DEADLINE, || {
        let (builder, reports) = watchdog();
        let reactor = Reactor::new().unwrap();
        let watchdog = builder.watch(&reactor.handle()).spawn().unwrap();
        let blocking = Blocking { reports, seen: Arc::default() };

        let block = blocking.at(line!() + 1);
        reactor.handle().call_from_thread(move |_| block()).unwrap();
        let block = blocking.at(line!() + 1);
        let timer = reactor.call_later(Duration::ZERO, |_| block());
        let block = blocking.at(line!() + 1);
        reactor.call_soon(|_| block());
        let block = blocking.at(line!() + 2);
        let (phase, event) = (Phase::Before, SystemEvent::Startup);
        reactor.add_system_event_trigger(phase, event, |_| block());
        // As a task in its executor: its own place, and not that of the callback around it.
        let (here, block) = (Location::caller(), blocking.at(line!()));
        reactor.call_soon(move |reactor| reactor.timed("task", here, block));

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        client.write_all(b"x").unwrap();
        let mut block = Some(blocking.at(line!() + 6));
        let readable = move |reactor: &Reactor, mut server: &TcpStream, _| {
            assert_eq!(server.read(&mut [0]).unwrap(), 1);
            (block.take().unwrap())();
            reactor.stop();
        };
        let registration = reactor.register(server, Interest::READABLE, readable).unwrap();
        reactor.run().unwrap();

        let seen = blocking.seen.lock().unwrap();
        assert_eq!(*seen, ["trigger", "call", "timer", "soon", "task", "source"]);
        assert_eq!(reactor.stats().panics, 0);
        drop((watchdog, registration, timer));
    });
}

/// At `blocked_after`, and after twice, four times, eight times its age; and when it is over.
#[test]
fn what_stays_blocked_is_reported_again_at_intervals_that_double() {
    within(DEADLINE, || {
        let (builder, reports) = watchdog();
        let reactor = Reactor::new().unwrap();
        let watchdog = builder.watch(&reactor.handle()).spawn().unwrap();
        let line = line!() + 1;
        reactor.call_soon(move |reactor| {
            let ages: Vec<_> = (0..5).map(|_| reports.blocked_at(line).age).collect();
            assert!(ages.windows(2).all(|pair| pair[1] >= 2 * pair[0]), "{ages:?}");
            assert!(ages[0] >= SOON);
            let waiter = foreign(move || reports.wait(|report| find(&report.ended, line)));
            let age = ages[4];
            reactor.call_soon(move |reactor| {
                let ended = waiter.join().unwrap();
                assert!(ended.age >= age && ended.kind == "soon");
                reactor.stop();
            });
        });
        reactor.run().unwrap();
        assert_eq!(reactor.stats().panics, 0);
        drop(watchdog);
    });
}

#[test]
fn two_reactors_are_in_one_report_by_the_names_of_their_threads() {
    within(DEADLINE, || {
        let (builder, reports) = watchdog();
        let other = ReactorThread::spawn().unwrap();
        // Once more changes nothing.
        let builder = builder.watch(other.handle()).watch(other.handle());
        let reactor = Reactor::new().unwrap();
        let watchdog = builder.spawn().unwrap();
        watchdog.watch(&reactor.handle());
        watchdog.watch(&reactor.handle());
        let (gate, block) = gated();
        let first = line!() + 1;
        other.handle().call_from_thread(move |_| block()).unwrap();
        let second = line!() + 1;
        reactor.call_soon(move |reactor| {
            let report = reports.wait(|report| {
                find(&report.blocked, first).and(find(&report.blocked, second))?;
                Some(report.clone())
            });
            assert_eq!(report.blocked.len(), 2);
            assert_eq!(&*find(&report.blocked, first).unwrap().thread, "reactor");
            let text = report.to_string();
            for (kind, line) in [("call", first), ("soon", second)] {
                let place = format!("({kind}) handed over at {}:{line}:", file!());
                assert_eq!(text.matches(&place).count(), 1, "{text}");
            }
            assert!(text.starts_with("the reactor of thread reactor is blocked by a callback"));
            gate.open.send(()).unwrap();
            reactor.stop();
        });
        reactor.run().unwrap();
        assert_eq!(reactor.stats().panics, 0);
        drop(watchdog);
    });
}

/// A callback that waits for another reactor is at that wait, wherever it was handed over.
#[test]
fn a_callback_that_waits_for_another_reactor_says_so() {
    within(DEADLINE, || {
        for limit in [None, Some(DEADLINE)] {
            let (builder, reports) = watchdog();
            let watchdog = builder.spawn().unwrap();
            let asking = ReactorThread::builder().name("asking").spawn().unwrap();
            let asked = ReactorThread::builder().name("asked").spawn().unwrap();
            watchdog.watch(asking.handle());
            let (gate, job) = gated();
            let other = asked.handle().clone();
            let answer = asking.handle().eventually(move |_| {
                let busy = move |_: &Reactor| job();
                let answer = other.eventually(busy);
                let line = line!() + 2;
                match limit {
                    Some(limit) => answer.wait_timeout(limit).unwrap()?,
                    None => answer.wait()?,
                }
                Ok(line)
            });
            let waits_for = reports.wait(|report| {
                let mut callbacks = report.blocked.iter();
                callbacks.find_map(|one| one.waits_for.clone().zip(Some(one.to_string())))
            });
            drop(gate);
            let line = answer.wait().unwrap() + u32::from(limit.is_none());
            let expected = format!("asked at {}:{line}:", file!());
            assert!(waits_for.0.starts_with(&expected), "{waits_for:?}, not {expected}");
            assert!(waits_for.1.ends_with(&format!("; it waits for {}", waits_for.0)));
            drop(watchdog);
        }
    });
}

fn stalling(name: &str) -> ThreadPool {
    ThreadPool::builder().name(name).max_threads(1).stall_after(SOON).build().unwrap()
}

#[test]
fn w6_a_stalled_pool_is_reported_with_its_jobs() {
    within(DEADLINE, || {
        let (builder, reports) = watchdog();
        let pool = stalling("stalls");
        pool.start().unwrap();
        let watchdog = builder.watch_pool(&pool).watch_pool(&pool).spawn().unwrap();
        for _ in 0..2 {
            let (gate, job) = gated();
            let line = line!() + 1;
            pool.call_in_thread(job).unwrap();
            gate.started.recv().unwrap();
            let waiting = pool.call_in_thread(|| ()).unwrap();
            for _ in 0..2 {
                // It is reported again as long as it lasts.
                let report = reports.wait(|report| Some(report.clone()));
                assert_eq!((report.stalled.len(), report.blocked.len()), (1, 0));
                assert_eq!(report.stalled[0].jobs[0].location.line(), line);
                assert!(report.to_string().starts_with("pool stalls is stalled: 1 job waits"));
            }
            drop(gate);
            waiting.wait().unwrap();
        }
        drop(watchdog);
        pool.stop();
    });
}

/// The reactor waits for the pool, and the pool for a thread: one report says so of both.
#[test]
fn w6_a_blocked_reactor_and_its_stalled_pool_are_in_one_report() {
    within(DEADLINE, || {
        let (builder, reports) = watchdog();
        let reactor = Reactor::new().unwrap();
        let watchdog = builder.watch(&reactor.handle()).spawn().unwrap();
        reactor.install_thread_pool(stalling("own")).unwrap();
        let (gate, job) = gated();
        reactor.call_in_thread(job).unwrap();
        reactor.call_in_thread(|| ()).unwrap();
        let line = line!() + 1;
        reactor.call_later(Duration::ZERO, move |reactor| {
            let report = reports.wait(|report| {
                let is_both = find(&report.blocked, line).is_some() && !report.stalled.is_empty();
                is_both.then(|| report.clone())
            });
            assert_eq!(&*report.stalled[0].pool, "own");
            let lines = report.to_string();
            let mut lines = lines.lines();
            assert!(lines.next().unwrap().contains("is blocked by a callback (timer)"));
            assert!(lines.next().unwrap().starts_with("pool own is stalled: 1 job waits"));
            drop(gate);
            reactor.stop();
        });
        reactor.run().unwrap();
        assert_eq!(reactor.stats().panics, 0);
        drop(watchdog);
    });
}

/// A pool is found while the watch goes on, however long a callback may take.
#[test]
fn the_pool_of_a_later_run_is_watched() {
    within(DEADLINE, || {
        for blocked_after in [SOON, Duration::MAX] {
            let (builder, reports) = watchdog();
            let reactor = Reactor::new().unwrap();
            let builder = builder.blocked_after(blocked_after).watch(&reactor.handle());
            let watchdog = builder.spawn().unwrap();
            for name in ["first", "second"] {
                reactor.accept_calls();
                reactor.install_thread_pool(stalling(name)).unwrap();
                let (gate, job) = gated();
                reactor.call_in_thread(job).unwrap();
                reactor.call_in_thread(|| ()).unwrap();
                let (handle, there) = (reactor.handle(), reports.clone());
                let waiter = foreign(move || {
                    let is_it = |report: &WatchdogReport| {
                        report.stalled.iter().find(|one| *one.pool == *name).map(drop)
                    };
                    there.wait(is_it);
                    drop(gate);
                    handle.stop();
                });
                reactor.run().unwrap();
                waiter.join().unwrap();
            }
            drop(watchdog);
        }
    });
}

#[test]
fn without_a_hook_it_is_logged_when_it_blocks_and_when_it_is_over() {
    log::keep();
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let builder = Watchdog::builder().blocked_after(SOON);
        let watchdog = builder.watch(reactor.handle()).spawn().unwrap();
        let (gate, block) = gated();
        let place = format!("{}:{}:", file!(), line!() + 1);
        reactor.handle().call_from_thread(move |_| block()).unwrap();
        let logged = |message| log::wait_for("WARN", &[message, &place, "kind=\"call\""]);
        let line = logged("a callback blocks its reactor thread=\"reactor\"");
        assert!(line.contains(" age="), "{line}");
        gate.open.send(()).unwrap();
        logged("a callback blocks its reactor no more");
        drop(watchdog);
        reactor.join().unwrap();
    });
}

/// What it costs not to be watched is one comparison; so is what it costs no more.
#[test]
fn i6_after_the_watch_the_reactor_leaves_no_more_word() {
    within(DEADLINE, || {
        let (builder, _reports) = watchdog();
        let reactor = Reactor::new().unwrap();
        assert!(!reactor.times_callbacks());
        let watchdog = builder.watch(&reactor.handle()).spawn().unwrap();
        assert!(reactor.times_callbacks());
        watchdog.stop();
        assert!(!reactor.times_callbacks());
        let answer = ReactorThread::spawn().unwrap();
        let asked = answer
            .handle()
            .blocking_call_from_thread(|reactor: &Reactor| Ok(reactor.times_callbacks()));
        assert!(!asked.unwrap());
    });
}
