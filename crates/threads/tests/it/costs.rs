//! What a round trip costs, as far as it can be counted: allocations and turns.

use allocation_counter::measure;
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threads::{HandleThreads as _, ReactorThread, ReactorThreads as _};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::time::Duration;

const JOBS: usize = 100;

/// The `Deferred`: the cell of the job, with its closure, is that of an earlier one, if the worker has
/// left it already. Now and then something grows.
#[test]
fn a_deferred_job_is_one_allocation() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let counts = Rc::new(RefCell::new(Vec::new()));
        let seen = Rc::clone(&counts);
        reactor.call_when_running(move |reactor| round_trip(reactor, seen, JOBS));
        reactor.run().unwrap();
        let counts = counts.take();
        assert_eq!(counts.len(), JOBS);
        let more_than = |limit| counts.iter().filter(|&&count| count > limit).count();
        assert!(more_than(1) < JOBS / 2 && more_than(2) < JOBS / 10, "{counts:?}");
    });
}

/// Counts what it costs this thread to defer a job, and does so again with the result.
fn round_trip(reactor: &Reactor, counts: Rc<RefCell<Vec<u64>>>, left: usize) {
    if left == 0 {
        return reactor.stop();
    }
    let mut deferred = None;
    let cost = measure(|| deferred = Some(reactor.defer_to_thread(move || Ok(left))));
    counts.borrow_mut().push(cost.count_total);
    let next = move |left: usize| {
        Reactor::with_current(|reactor| round_trip(reactor, counts, left - 1));
    };
    if let Some(deferred) = deferred {
        deferred.add_callback(next).detach();
    }
}

/// Who waits makes the slot, and the reactor nothing.
#[test]
fn a_blocking_call_is_one_allocation() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let ask = || {
            let handle = reactor.handle();
            let (mut here, mut there) = (0, None);
            // The queue of the reactor may grow in here, once in a while.
            let cost = measure(|| {
                there = Some(handle.blocking_call_from_thread(|_| Ok(measure(|| ()).count_total)));
            });
            here += cost.count_total;
            here + there.unwrap().unwrap()
        };
        let costs: Vec<_> = (0..JOBS).map(|_| ask()).collect();
        let dear = costs.iter().filter(|&&cost| cost > 1).count();
        assert!(dear < JOBS / 10, "{costs:?}");
    });
}

/// And whoever wants to cancel it from elsewhere the handle, which all its clones share.
#[test]
fn a_canceller_is_one_allocation_of_who_asks_for_it() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let answer = reactor.handle().eventually(|_| Ok([0_u8; 64]));
        let mut canceller = None;
        let cost = measure(|| canceller = Some(answer.canceller()));
        let clones = measure(|| drop(canceller.clone()));
        assert_eq!((cost.count_total, clones.count_total), (1, 0));
    });
}

/// I7: those that are there are delivered together, up to the budget.
#[test]
fn results_that_are_there_are_delivered_in_one_turn() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().time_budget(Duration::MAX).build().unwrap();
        let turns = Rc::new(RefCell::new(Vec::new()));
        let seen = Rc::clone(&turns);
        reactor.call_when_running(move |reactor| {
            let count_turn = move |_| {
                Reactor::with_current(|reactor| {
                    seen.borrow_mut().push(reactor.stats().turns);
                    if seen.borrow().len() == JOBS {
                        reactor.stop();
                    }
                });
            };
            let (sender, receiver) = channel();
            for _ in 0..JOBS {
                let sender = sender.clone();
                let job = move || Ok(sender.send(())?);
                reactor.defer_to_thread(job).add_callback(count_turn.clone()).detach();
            }
            // The loop is kept from turning until the jobs have run and are booked, which they are
            // after their results were sent.
            receiver.iter().take(JOBS).for_each(drop);
            let pool = reactor.thread_pool();
            while pool.stats().completed < JOBS as u64 {
                std::thread::yield_now();
            }
        });
        reactor.run().unwrap();
        let turns = turns.take();
        assert_eq!((turns.len(), turns.first()), (JOBS, turns.last()));
    });
}
