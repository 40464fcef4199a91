//! Subscribers of `tracing` events that panic: what is told of goes on all the same (I3).

use ropewalk_reactor::{Phase, Reactor, ReactorStopped, SystemEvent};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::ThreadPool;
use ropewalk_threads::{HandleThreads as _, ReactorThreads as _, WouldDeadlock};
use std::io::{self, Write};
use std::sync::mpsc::channel;

struct Spiteful;

impl Write for Spiteful {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        panic!("a subscriber that panics");
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Calls `body` on this thread, each of whose events makes the subscriber panic.
fn with_spite<T>(body: impl FnOnce() -> T) -> T {
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
    let subscriber = subscriber.with_writer(|| Spiteful).finish();
    tracing::subscriber::with_default(subscriber, body)
}

#[test]
fn w9_i3_the_shutdown_waits_for_the_jobs_of_the_pool() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (sender, ran) = channel();
        for _ in 0..2 {
            let (sender, (gate, gated)) = (sender.clone(), channel());
            let job = move || {
                gated.recv().unwrap();
                sender.send(()).unwrap();
            };
            reactor.call_in_thread(job).unwrap();
            // The drain is well on its way when the job may end.
            reactor.add_system_event_trigger(Phase::Before, SystemEvent::Drain, move |reactor| {
                reactor.call_soon(move |_| gate.send(()).unwrap());
            });
            reactor.call_soon(|reactor| reactor.stop());
            with_spite(|| reactor.run()).unwrap();
            ran.try_recv().unwrap();
            reactor.accept_calls();
        }
    });
}

#[test]
fn i3_jobs_that_cannot_run_are_dropped() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (sender, receiver) = channel::<()>();
        let unstarted = ThreadPool::builder().build().unwrap();
        let job = move || {
            drop(sender);
            Ok(())
        };
        let deferred = reactor.defer_to_thread_pool(&unstarted, job);
        reactor.call_soon(|reactor| reactor.stop());
        with_spite(|| reactor.run()).unwrap();
        let failure = deferred.try_take().unwrap().unwrap_err();
        assert!(failure.is::<ReactorStopped>(), "{failure:?}");
        receiver.try_recv().unwrap_err();
        assert_eq!(unstarted.stats().cancelled, 1);
    });
}

#[test]
fn i3_a_pool_takes_the_place_of_another() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (sender, receiver) = channel();
        reactor.call_in_thread(move || sender.send(7).unwrap()).unwrap();
        let pool = ThreadPool::builder().name("next").build().unwrap();
        with_spite(|| reactor.install_thread_pool(pool)).unwrap();
        assert_eq!(reactor.thread_pool().name(), "next");
        reactor.call_soon(|reactor| reactor.stop());
        reactor.run().unwrap();
        assert_eq!(receiver.try_recv().unwrap(), 7);
    });
}

#[test]
fn i3_what_is_refused_is_an_error() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let circle = with_spite(|| reactor.handle().blocking_call_from_thread(|_| Ok(())));
        assert!(circle.unwrap_err().is::<WouldDeadlock>());
        reactor.stop();
        reactor.run().unwrap();
        let late = with_spite(|| reactor.defer_to_thread(|| Ok(7)));
        let failure = late.try_take().unwrap().unwrap_err();
        assert!(failure.is::<ReactorStopped>(), "{failure:?}");
    });
}
