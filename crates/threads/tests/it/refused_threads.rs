//! A system that gives the pool of a reactor no thread: it is asked again, for as long as the run lasts.

use crate::log;
use ropewalk_reactor::{Reactor, ReactorHandle};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{JobState, ThreadPool};
use ropewalk_threads::{JobDropped, ReactorThreads as _};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn refusal() -> io::Error {
    io::Error::from(io::ErrorKind::WouldBlock)
}

/// A reactor whose pool gets no thread from the system, until it has asked `refusals` times; what
/// comes at the third time, and how often it has asked.
fn refused(
    name: &str,
    refusals: usize,
    at_third: fn(&ReactorHandle),
) -> (Reactor, Arc<AtomicUsize>) {
    let reactor = Reactor::new().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let (handle, count) = (reactor.handle(), Arc::clone(&asked));
    let builder = ThreadPool::builder().name(name).watch_gate(|| Err(refusal()));
    let builder = builder.thread_gate(move || {
        let now = count.fetch_add(1, Ordering::SeqCst) + 1;
        if now == 3 {
            at_third(&handle);
        }
        if now > refusals { Ok(()) } else { Err(refusal()) }
    });
    reactor.install_thread_pool(builder.build().unwrap()).unwrap();
    (reactor, asked)
}

#[test]
fn w21_the_system_is_asked_no_longer_than_the_run_lasts() {
    log::keep();
    within(DEADLINE, || {
        let (reactor, asked) = refused("w21-never", usize::MAX, ReactorHandle::stop);
        let job = reactor.defer_to_thread(|| Ok(7));
        reactor.run().unwrap();
        assert!(job.try_take().unwrap().unwrap_err().is::<JobDropped>());
        assert!(asked.load(Ordering::SeqCst) >= 3);
        assert_eq!(reactor.delayed_calls().len(), 0, "nothing is left over");
        let started = log::lines("DEBUG", "w21-never");
        let started = started.iter().filter(|line| line.contains("is started")).count();
        assert_eq!(started, 1, "told once, not each time");
    });
}

/// I2: the pool lives on, and what it has taken is done in the next run.
#[test]
fn w21_i2_after_a_crash_the_next_run_asks_again() {
    within(DEADLINE, || {
        let crash = |handle: &ReactorHandle| handle.call_from_thread(Reactor::crash).unwrap();
        let (reactor, asked) = refused("w21-crash", 5, crash);
        let handle = reactor.handle();
        let job = reactor.call_in_thread(move || handle.stop()).unwrap();
        reactor.run().unwrap();
        assert!(asked.load(Ordering::SeqCst) < 6);
        assert_eq!(reactor.delayed_calls().len(), 0, "nothing is left over");
        reactor.run().unwrap();
        assert_eq!(job.wait(), Ok(JobState::Finished));
    });
}
