//! Several reactors in one process, that call each other.

use ropewalk_reactor::{Reactor, ReactorHandle};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threads::{HandleThreads as _, ReactorThread, ReactorThreads as _};
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

const REACTORS: usize = 4;

type Handles = Arc<[ReactorHandle]>;

fn several() -> (Vec<ReactorThread>, Handles) {
    let threads: Vec<_> = (0..REACTORS).map(|_| ReactorThread::spawn().unwrap()).collect();
    let handles = threads.iter().map(|thread| thread.handle().clone()).collect();
    (threads, handles)
}

/// What one reactor has been told: by whom, and which of his words.
#[derive(Default)]
struct Told(RefCell<Vec<(usize, usize)>>);

/// I8, W30 and W35: from each to each, itself included, all at once; and each knows itself.
#[test]
fn i8_w30_w35_calls_among_all_reactors_arrive_in_the_order_of_each_caller() {
    const CALLS: usize = 1000;
    within(DEADLINE, || {
        let (threads, handles) = several();
        let (done, all_done) = channel();
        for from in 0..REACTORS {
            let (to_all, done) = (Arc::clone(&handles), done.clone());
            let speaks = move |_: &Reactor| {
                for number in 0..CALLS {
                    for to in &*to_all {
                        let hears = hear(from, number, to.clone(), done.clone());
                        to.call_from_thread(hears).unwrap();
                    }
                }
            };
            handles[from].call_from_thread(speaks).unwrap();
        }
        (0..REACTORS * REACTORS).for_each(|_| all_done.recv().unwrap());
        for handle in &*handles {
            let told =
                handle.blocking_call_from_thread(|reactor| Ok(reactor.local::<Told>().0.take()));
            let told = told.unwrap();
            assert_eq!(told.len(), REACTORS * CALLS);
            for from in 0..REACTORS {
                let of_one = told.iter().filter(|(by, _)| *by == from).map(|(_, number)| *number);
                assert!(of_one.eq(0..CALLS), "what {from} has said");
            }
        }
        threads.into_iter().for_each(|thread| drop(thread.join().unwrap()));

        /// Notes a call, and says so at the last one.
        fn hear(
            from: usize,
            number: usize,
            own: ReactorHandle,
            done: Sender<()>,
        ) -> impl FnOnce(&Reactor) + Send {
            move |reactor| {
                assert!(own.is_reactor_thread());
                reactor.local::<Told>().0.borrow_mut().push((from, number));
                if number == CALLS - 1 {
                    done.send(()).unwrap();
                }
            }
        }
    });
}

/// W30: a token that goes round a thousand times, through reactors and workers.
#[test]
fn w30_reactors_and_their_pools_hand_on_to_each_other() {
    const ROUNDS: usize = 1000;
    within(DEADLINE, || {
        let (threads, handles) = several();
        let (done, is_done) = channel();
        hand_on(&handles, 0, done);
        assert_eq!(is_done.recv().unwrap(), ROUNDS * REACTORS);
        // Each has the one pool that is its own.
        let pools: Vec<_> = handles.iter().map(|handle| handle.thread_pool()).collect();
        threads.into_iter().for_each(|thread| drop(thread.join().unwrap()));
        let completed = pools.iter().map(|pool| pool.stats().completed);
        assert_eq!(completed.collect::<Vec<_>>(), [ROUNDS as u64; REACTORS]);

        fn hand_on(handles: &Handles, step: usize, done: Sender<usize>) {
            if step == ROUNDS * REACTORS {
                done.send(step).unwrap();
                return;
            }
            let (own, all) = (handles[step % REACTORS].clone(), Arc::clone(handles));
            let arrives = move |reactor: &Reactor| {
                let works = move || hand_on(&all, step + 1, done);
                reactor.call_in_thread(works).unwrap();
            };
            own.call_from_thread(arrives).unwrap();
        }
    });
}

/// W30: the end of one is nobody else's.
#[test]
fn w30_a_reactor_that_has_stopped_leaves_the_others_running() {
    within(DEADLINE, || {
        let (mut threads, handles) = several();
        threads.remove(0).join().unwrap();
        assert!(handles[0].call_from_thread(|_| ()).is_err());
        let stopped = handles[0].clone();
        for handle in &handles[1..] {
            let stopped = stopped.clone();
            let refused = handle.blocking_call_from_thread(move |reactor| {
                assert!(reactor.running());
                Ok(stopped.call_from_thread(|_| ()).is_err())
            });
            assert!(refused.unwrap());
        }
        threads.into_iter().for_each(|thread| drop(thread.join().unwrap()));
    });
}
