//! One item of each crate, through the facade: what a program that depends on it alone can reach.

use ropewalk::deferred::{Cancelled, Panicked, maybe_deferred};
use ropewalk::reactor::{Phase, ReactorStopped, RunError, RunReport, SystemEvent};
use ropewalk::task::{DeferredTimeout as _, ReactorTask as _};
use ropewalk::threadpool::{CancelHook, CancelToken, JobState, SubmitErrorKind, ThreadPool};
use ropewalk::threads::{Eventual, JoinError, ReactorThread, WouldDeadlock};
use ropewalk_testing::{DEADLINE, within};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// The names that stand in the root are those of the crates.
#[test]
fn the_root_has_what_the_first_page_uses() {
    fn same<T>(_: fn(T), _: fn(T)) {}
    same::<ropewalk::Reactor>(|_| (), |_: ropewalk::reactor::Reactor| ());
    same::<ropewalk::ReactorHandle>(|_| (), |_: ropewalk::reactor::ReactorHandle| ());
    same::<ropewalk::Deferred<u8>>(|_| (), |_: ropewalk::deferred::Deferred<u8>| ());
    same::<ropewalk::Failure>(|_| (), |_: ropewalk::deferred::Failure| ());
    same::<ropewalk::Result<u8>>(|_| (), |_: ropewalk::deferred::Result<u8>| ());
}

#[test]
fn deferred() {
    let deferred = maybe_deferred(|| -> ropewalk::Result<u8> { Err(Cancelled.into()) });
    let seen = Rc::new(Cell::new(false));
    let flag = Rc::clone(&seen);
    deferred.map(|_| ()).add_errback(move |failure| flag.set(failure.is::<Cancelled>())).detach();
    assert!(seen.get());
}

#[test]
fn deferred_collections() {
    use ropewalk::deferred::{DeferredList, FirstError, gather_results, join, race};
    let list = |n: u8| DeferredList::new([ropewalk::Deferred::succeed(n)]).into_deferred();
    let seen = Rc::new(Cell::new(0));
    let place = Rc::clone(&seen);
    join((race([list(1)]), gather_results([list(2)])))
        .add_callback(move |((index, _), lists)| place.set(index + lists.len()))
        .on_failure(|failure| assert!(failure.is::<FirstError>()));
    assert_eq!(seen.get(), 1);
}

#[test]
fn deferred_diagnosis() {
    use ropewalk::deferred::{clear_context_hook, debugging, live_deferreds};
    clear_context_hook();
    assert!(!debugging() && live_deferreds().is_empty());
}

#[test]
fn deferred_coordination() {
    use ropewalk::deferred::{DeferredEvent, DeferredLock, DeferredQueue, DeferredSemaphore};
    let semaphore = DeferredSemaphore::new(1).unwrap();
    let lock = DeferredLock::with_value(7);
    let (queue, event) = (DeferredQueue::with_limits(Some(1), None), DeferredEvent::new());
    let results = queue.clone();
    let job = move || lock.acquire().map(move |guard| results.put(*guard).is_ok());
    event.wait().add_callback(move |()| semaphore.run(job)).on_failure(drop);
    event.set();
    assert_eq!(queue.try_get(), Some(7));
}

#[test]
fn threadpool() {
    let pool = ThreadPool::builder().build().unwrap();
    pool.stop();
    assert_eq!(pool.call_in_thread(|| ()).unwrap_err().kind(), SubmitErrorKind::Stopped);
    let hook: CancelHook = CancelToken::current().on_cancel(|| unreachable!("this is no job"));
    drop(hook);
}

/// Waiting, looking and stopping, in the double: nothing of it needs a thread.
#[test]
fn threadpool_by_hand() {
    use ropewalk::threadpool::{
        Bucket, Histogram, JobContext, ManualPool, PoolReport, PoolState, UnrunJob, WeakPool,
        WorkerReport, blocking,
    };
    struct Plain;
    impl JobContext for Plain {
        fn run(&self, job: &mut dyn FnMut()) {
            job();
        }
    }
    let builder = ThreadPool::builder().context(|| Some(Box::new(Plain)));
    let manual: ManualPool = builder.manual().unwrap();
    let pool = manual.pool().clone();
    pool.start().unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    let own = pool.clone();
    let job = move || sender.send(blocking(|| own.report())).unwrap();
    let ran = pool.call_in_thread(job).unwrap();
    // The pool's own: `threads::WouldDeadlock` is that of the reactor thread.
    let refused: ropewalk::threadpool::WouldDeadlock = ran.wait().unwrap_err();
    assert!(!ropewalk::Failure::new(refused).is::<WouldDeadlock>());
    let left = pool.call_in_thread(|| unreachable!("it is handed back")).unwrap();
    assert!(manual.run(&ran));
    let report: PoolReport = receiver.try_recv().unwrap();
    let workers: &[WorkerReport] = &report.workers;
    let weak: WeakPool = pool.downgrade();
    assert_eq!(weak.upgrade().map(|pool| pool.state()), Some(PoolState::Running));
    assert!(workers[0].job.as_ref().unwrap().blocked.is_some());
    let run_time: Histogram = pool.stats().run_time;
    let buckets: Vec<Bucket> = run_time.buckets().collect();
    assert_eq!(buckets.iter().map(|bucket| bucket.count).sum::<u64>(), 1);
    let unrun: Vec<UnrunJob> = pool.stop_now();
    assert_eq!((unrun.len(), left.state()), (1, JobState::Returned));
}

#[test]
fn reactor() {
    within(DEADLINE, || {
        let reactor = ropewalk::Reactor::new().unwrap();
        reactor.add_system_event_trigger(Phase::After, SystemEvent::Startup, |reactor| {
            assert!(matches!(reactor.run(), Err(RunError::AlreadyRunning)));
            reactor.stop();
        });
        reactor.run().unwrap();
        assert_eq!(reactor.stats().panics, 0);
        let _closure = reactor.handle().call_from_thread(|_| ()).unwrap_err().into_inner();
    });
}

#[test]
fn the_pool_of_a_reactor() {
    use ropewalk::threads::{InstallError, ReactorThreads as _};
    within(DEADLINE, || {
        let (one, two) = (ropewalk::Reactor::new().unwrap(), ropewalk::Reactor::new().unwrap());
        let refused: InstallError = one.install_thread_pool(two.thread_pool()).unwrap_err();
        one.share_thread_pool(&refused.into_pool()).unwrap();
    });
}

#[test]
fn threads() {
    use ropewalk::threads::{HandleThreads as _, RemoteThreads as _};
    within(DEADLINE, || {
        let (reactor, three) = ReactorThread::spawn_sharing(|_| Ok(Cell::new(3))).unwrap();
        assert_eq!(three.blocking_call_from_thread(|three, _| Ok(three.get())).unwrap(), 3);
        let answer: Eventual<u8> = reactor.handle().eventually(|_| Ok(3));
        assert_eq!(answer.wait().unwrap(), 3);
        let inside = reactor.handle().clone();
        let failure = reactor
            .handle()
            .blocking_call_from_thread(move |_| inside.blocking_call_from_thread(|_| Ok(3)));
        assert!(failure.unwrap_err().is::<WouldDeadlock>());
        let handle = reactor.handle().clone();
        let joined: Result<RunReport, JoinError> = reactor.join();
        joined.unwrap();
        let failure = handle.blocking_call_from_thread(|_| ()).unwrap_err();
        assert!(failure.is::<ReactorStopped>() && !failure.is::<Panicked>());
    });
}

#[test]
fn threads_progress() {
    use ropewalk::threads::{ReactorThreads as _, ReportingJob};
    within(DEADLINE, || {
        let reactor = ropewalk::Reactor::new().unwrap();
        let heard = Rc::new(Cell::new(0));
        let last = Rc::clone(&heard);
        let job = |job: &ReportingJob<u8>| {
            job.check_cancelled()?;
            Ok(job.report(3) && !job.cancel_token().is_cancelled())
        };
        let deferred = reactor.defer_to_thread_with(move |_, step| last.set(step), job);
        let handle = reactor.handle();
        let deferred = deferred.map(move |was_heard| {
            handle.stop();
            was_heard
        });
        reactor.run().unwrap();
        assert_eq!((deferred.try_take().unwrap().unwrap(), heard.get()), (true, 3));
    });
}

/// A task is named by the line of its `spawn`, and not as a part of the turn that polls it.
#[test]
fn threads_watchdog() {
    use ropewalk::threads::{BlockedCallback, Watchdog, WatchdogBuilder, WatchdogReport};
    within(DEADLINE, || {
        let (sender, reports) = std::sync::mpsc::channel();
        let hook = move |report: &WatchdogReport| drop(sender.send(report.clone()));
        let builder: WatchdogBuilder = Watchdog::builder().on_report(hook);
        let reactor = ropewalk::Reactor::new().unwrap();
        let builder = builder.blocked_after(Duration::from_millis(1)).watch(&reactor.handle());
        let watchdog: Watchdog = builder.spawn().unwrap();
        let line = line!() + 1;
        let spawned = reactor.spawn(async move {
            let is_here = |one: &BlockedCallback| one.location.line() == line;
            Ok(reports.iter().find_map(|report| report.blocked.into_iter().find(is_here)))
        });
        let blocked = reactor.run_until(spawned).unwrap().unwrap();
        assert_eq!((blocked.kind, blocked.location.file()), ("task", file!()));
        watchdog.stop();
    });
}

#[test]
fn task() {
    within(DEADLINE, || {
        let reactor = ropewalk::Reactor::new().unwrap();
        let slept = reactor.sleep(Duration::from_millis(1));
        let awaited = reactor.spawn(async { slept.await.map(|()| 3) });
        let limited = awaited.timeout(&reactor, DEADLINE);
        let handle = reactor.handle();
        let seen = Rc::new(Cell::new(0));
        let place = Rc::clone(&seen);
        limited
            .add_both(move |result| {
                place.set(result.unwrap_or(0));
                handle.stop();
            })
            .detach();
        reactor.run().unwrap();
        assert_eq!(seen.get(), 3);
    });
}

#[test]
fn task_slices_and_hooks() {
    use ropewalk::deferred::TimedOut;
    use ropewalk::task::{Cooperator, TaskFailed};
    within(DEADLINE, || {
        let builder = ropewalk::Reactor::builder().slow_callback(Duration::from_secs(60));
        let reactor = builder.build().unwrap();
        let reported = Rc::new(Cell::new(false));
        let flag = Rc::clone(&reported);
        reactor.set_unhandled_hook(move |unhandled| {
            flag.set(unhandled.failure().is::<TaskFailed>());
        });
        drop(Cooperator::new(&reactor).cooperate([Err(TimedOut.into())]));
        reactor.run_until(reactor.coiterate([(), ()])).unwrap();
        assert!(reported.get());
        assert_eq!(reactor.stats().slow_callbacks, 0);
    });
}

#[test]
fn react() {
    use ropewalk::task::{ExitWith, LoopingCall, react_on};
    use std::process::ExitCode;
    within(DEADLINE, || {
        let reactor = ropewalk::Reactor::new().unwrap();
        let mut left = 3;
        let ticker = LoopingCall::new(move |_| {
            left -= 1;
            if left > 0 { Ok(()) } else { Err(ExitWith(3).into()) }
        });
        let code = react_on(&reactor, move |reactor| {
            ticker.start(reactor, Duration::from_millis(1)).unwrap().map(drop)
        });
        assert_eq!(code, ExitCode::from(3));
        reactor.run_until(reactor.sleep(Duration::ZERO)).unwrap();
    });
}

#[cfg(feature = "net")]
#[test]
fn net() {
    use ropewalk::net::{ListenErrorKind, Protocol, ReactorNet as _, Transport};

    struct Silent;
    impl Protocol for Silent {
        fn data_received(&mut self, _: &Transport, _: &[u8]) {}
    }
    let reactor = ropewalk::Reactor::new().unwrap();
    let port = reactor.listen_tcp("127.0.0.1:0", |_| Silent).unwrap();
    assert_ne!(port.address().port(), 0);
    let refused = reactor.listen_tcp("not an address", |_| Silent).unwrap_err();
    assert!(matches!(refused.error().kind(), ListenErrorKind::Address));
}

#[cfg(all(feature = "signals", unix))]
#[test]
fn signals() {
    use ropewalk::reactor::signal::SIGWINCH;
    let reactor = ropewalk::Reactor::new().unwrap();
    let listening = reactor.on_signal(SIGWINCH, |_| ()).unwrap();
    assert_eq!(listening.signal(), SIGWINCH);
}
