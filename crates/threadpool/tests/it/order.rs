//! First in, first out; the worker that fell idle last comes first.

use std::sync::mpsc::channel;

use ropewalk_testing::{DEADLINE, within};

use crate::gate::{Blocker, started, until_asleep};

#[test]
fn i8_jobs_start_in_the_order_of_submission() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let (sender, receiver) = channel();
        let blocker = Blocker::on(&pool);
        let mut handles = Vec::new();
        for number in 0..1000 {
            let sender = sender.clone();
            handles.push(pool.call_in_thread(move || sender.send(number).unwrap()).unwrap());
        }
        // Places that cancelled jobs leave are used again and must not change the order.
        for handle in handles.iter().skip(1).step_by(3) {
            assert!(handle.cancel());
        }
        for number in 1000..1500 {
            let sender = sender.clone();
            pool.call_in_thread(move || sender.send(number).unwrap()).unwrap();
        }
        drop(sender);
        blocker.release();
        let numbers: Vec<i32> = receiver.iter().collect();
        let expected: Vec<i32> = (0..1500).filter(|it| *it >= 1000 || it % 3 != 1).collect();
        assert_eq!(numbers, expected);
    });
}

#[test]
fn w8_a_new_worker_takes_the_oldest_job() {
    within(DEADLINE, || {
        let pool = started(0, 1);
        let blocker = Blocker::on(&pool);
        let (sender, receiver) = channel();
        let oldest = sender.clone();
        pool.call_in_thread(move || oldest.send("oldest").unwrap()).unwrap();
        pool.set_max_threads(2).unwrap();
        pool.call_in_thread(move || sender.send("newest").unwrap()).unwrap();
        assert_eq!(receiver.iter().collect::<Vec<_>>(), ["oldest", "newest"]);
        blocker.release();
    });
}

#[test]
fn the_worker_that_fell_idle_last_is_woken_and_no_other() {
    within(DEADLINE, || {
        let pool = started(3, 3);
        let (cold, warm, hot) = (Blocker::on(&pool), Blocker::on(&pool), Blocker::on(&pool));
        let hot_thread = hot.thread.clone();
        let warm_thread = warm.thread.clone();
        for (asleep, blocker) in [(1, cold), (2, warm), (3, hot)] {
            blocker.release();
            until_asleep(&pool, asleep);
        }
        for _ in 0..5 {
            let blocker = Blocker::on(&pool);
            assert_eq!(blocker.thread, hot_thread);
            blocker.release();
            until_asleep(&pool, 3);
        }
        let (first, second) = (Blocker::on(&pool), Blocker::on(&pool));
        assert_eq!((&first.thread, &second.thread), (&hot_thread, &warm_thread));
    });
}
