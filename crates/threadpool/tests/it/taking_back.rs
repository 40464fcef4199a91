//! Cancel hooks that are taken back, and those that are left when their job is over.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, Weak};
use std::thread;

use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{CancelHook, CancelToken, JobHandle, JobState, ThreadPool};

use crate::gate::{Blocker, started, until};
use crate::log;

/// Something to capture, and how to see that it is gone.
fn captured() -> (Arc<()>, Weak<()>) {
    let captured = Arc::new(());
    let weak = Arc::downgrade(&captured);
    (captured, weak)
}

/// A job that hands a hook out, which it leaves behind, or hands to the test.
fn leaves_behind(
    pool: &ThreadPool,
    hook: impl FnOnce() + Send + 'static,
) -> (JobHandle, CancelToken, CancelHook) {
    let (sender, receiver) = channel();
    let job = move || {
        let token = CancelToken::current();
        let set = token.on_cancel(hook);
        sender.send((token, set)).unwrap();
    };
    let job = pool.call_in_thread(job).unwrap();
    job.wait().unwrap();
    let (token, set) = receiver.recv().unwrap();
    (job, token, set)
}

#[test]
fn it_is_dropped_there_and_not_called_any_more() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let (captured, weak) = captured();
        let (ready, is_ready) = channel();
        let (release, released) = channel::<()>();
        let job = move || {
            let hook = CancelToken::current().on_cancel(move || panic!("{captured:?}"));
            assert!(weak.upgrade().is_some());
            drop(hook);
            assert!(weak.upgrade().is_none());
            ready.send(()).unwrap();
            let _ = released.recv();
        };
        let job = pool.call_in_thread(job).unwrap();
        is_ready.recv().unwrap();
        job.cancel();
        drop(release);
        assert_eq!(job.wait(), Ok(JobState::Finished));
    });
}

/// Cancels a job when it says that it is ready, and awaits its end.
fn cancelled_when_ready(pool: &ThreadPool, work: impl FnOnce(Sender<()>) + Send + 'static) {
    let (ready, is_ready) = channel();
    let job = pool.call_in_thread(move || work(ready)).unwrap();
    is_ready.recv().unwrap();
    job.cancel();
    assert_eq!(job.wait(), Ok(JobState::Finished));
}

/// The wait is seen from the hook: the pool counts the worker as blocked.
#[test]
fn i2_who_drops_it_waits_until_a_call_is_over() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let (enters, entered) = channel();
        let is_over = Arc::new(AtomicBool::new(false));
        let (ends, asks) = (Arc::clone(&is_over), pool.clone());
        cancelled_when_ready(&pool, move |ready| {
            let hook = CancelToken::current().on_cancel(move || {
                enters.send(()).unwrap();
                until(&asks, |stats| stats.blocked == 1);
                ends.store(true, Ordering::Relaxed);
            });
            ready.send(()).unwrap();
            entered.recv().unwrap();
            drop(hook);
            assert!(is_over.load(Ordering::Relaxed), "it still runs");
        });
    });
}

/// In a pool of one thread: that one waits, and is made up for.
#[test]
fn w6_meanwhile_the_hook_may_wait_for_another_job() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let (enters, entered) = channel();
        let asks = pool.clone();
        cancelled_when_ready(&pool, move |ready| {
            let hook = CancelToken::current().on_cancel(move || {
                enters.send(()).unwrap();
                let other = asks.call_in_thread(|| ()).unwrap();
                assert_eq!(other.wait(), Ok(JobState::Finished));
                enters.send(()).unwrap();
            });
            ready.send(()).unwrap();
            entered.recv().unwrap();
            drop(hook);
            entered.recv().unwrap();
        });
    });
}

/// Hooks that the test, or one of them, may drop.
type Slot = Arc<Mutex<Vec<CancelHook>>>;

fn empty(slot: &Slot) {
    let hooks = std::mem::take(&mut *slot.lock().unwrap());
    drop(hooks);
}

/// A job that sets these hooks, the last one last, puts them into the slot, and ends when the sender
/// is gone.
fn with_hooks(
    pool: &ThreadPool,
    slot: &Slot,
    hooks: Vec<Box<dyn FnOnce() + Send>>,
) -> (JobHandle, Sender<()>) {
    let ((release, released), (ready, is_ready)) = (channel(), channel());
    let slot = Arc::clone(slot);
    let job = move || {
        let token = CancelToken::current();
        slot.lock().unwrap().extend(hooks.into_iter().map(|hook| token.on_cancel(hook)));
        ready.send(()).unwrap();
        let _ = released.recv();
    };
    let job = pool.call_in_thread(job).unwrap();
    is_ready.recv().unwrap();
    (job, release)
}

#[test]
fn i5_one_that_drops_itself_goes_on_and_one_that_drops_another_keeps_it_from_being_called() {
    log::keep();
    within(DEADLINE, || {
        let pool = started(1, 1);
        let (sender, receiver) = channel();
        let slot = Slot::default();
        let drops = Arc::clone(&slot);
        let (job, release) = with_hooks(
            &pool,
            &slot,
            vec![
                Box::new(|| panic!("taken back")),
                Box::new(move || {
                    empty(&drops);
                    sender.send("goes on").unwrap();
                }),
            ],
        );
        job.cancel();
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), ["goes on"]);
        drop(release);
        assert_eq!(job.wait(), Ok(JobState::Finished));
        assert_eq!(log::lines("ERROR", "taken back"), [""; 0]);
    });
}

/// The call is under way further down on this very thread.
#[test]
fn i5_one_inside_of_another_may_drop_both() {
    within(DEADLINE, || {
        let pool = started(2, 2);
        let (sender, receiver) = channel();
        let [outer, inner] = [Slot::default(), Slot::default()];
        let slots = [Arc::clone(&outer), Arc::clone(&inner)];
        let (told, release_inner) = with_hooks(
            &pool,
            &inner,
            vec![Box::new(move || {
                slots.iter().for_each(empty);
                sender.send(()).unwrap();
            })],
        );
        let (job, release) = with_hooks(
            &pool,
            &outer,
            vec![Box::new(move || {
                told.cancel();
            })],
        );
        job.cancel();
        assert_eq!(receiver.try_iter().count(), 1);
        drop((release, release_inner));
    });
}

#[test]
fn a_job_that_panics_takes_its_hooks_back() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let (captured, weak) = captured();
        let job = move || {
            let _hook = CancelToken::current().on_cancel(move || drop(captured));
            panic!("with a hook set");
        };
        let job = pool.call_in_thread(job).unwrap();
        assert_eq!(job.wait(), Ok(JobState::Panicked));
        assert!(weak.upgrade().is_none());
    });
}

/// A circle, too: the hook holds the token, and the token the job with its hooks.
#[test]
fn i2_one_that_is_left_behind_is_dropped_uncalled_when_the_job_is_over() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let (captured, weak) = captured();
        let (sender, receiver) = channel();
        let job = move || {
            let token = CancelToken::current();
            let own = token.clone();
            let hook = token.on_cancel(move || panic!("{own:?} {captured:?}"));
            sender.send(hook).unwrap();
        };
        let job = pool.call_in_thread(job).unwrap();
        let hook = receiver.recv().unwrap();
        until(&pool, |stats| stats.completed == 1);
        // Behind it on the same thread.
        pool.call_in_thread(|| ()).unwrap().wait().unwrap();
        assert!(weak.upgrade().is_none(), "while the hook is held");
        job.cancel();
        drop(hook);
    });
}

#[test]
fn it_harms_no_job_that_comes_after_its_own() {
    log::keep();
    within(DEADLINE, || {
        let pool = started(1, 1);
        let (job, _, hook) = leaves_behind(&pool, || panic!("left behind"));
        let next = Blocker::on(&pool);
        next.handle.cancel();
        job.cancel();
        drop(hook);
        assert_eq!(log::lines("ERROR", "left behind"), [""; 0]);
        next.release();
    });
}

#[test]
fn i3_a_panic_of_what_is_dropped_at_the_end_of_the_job_harms_nobody() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("a bomb");
        }
    }
    within(DEADLINE, || {
        let pool = started(1, 1);
        let bomb = Bomb;
        let (job, _, hook) = leaves_behind(&pool, move || drop(bomb));
        assert_eq!(job.state(), JobState::Finished);
        pool.call_in_thread(|| ()).unwrap().wait().unwrap();
        drop(hook);
        assert_eq!(pool.stats().threads, 1);
    });
}

#[test]
fn after_the_end_of_the_job_it_is_dropped_at_once_or_called_if_the_job_was_cancelled() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let (job, token, _) = leaves_behind(&pool, || ());
        let (value, weak) = captured();
        let hook = token.on_cancel(move || panic!("{value:?}"));
        assert!(weak.upgrade().is_none());
        drop(hook);
        job.cancel();
        assert!(token.is_cancelled());
        let (sender, receiver) = channel();
        let hook = token.on_cancel(move || sender.send(thread::current().id()).unwrap());
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [thread::current().id()]);
        drop(hook);
    });
}

#[test]
fn outside_of_a_job_it_is_dropped_at_once() {
    let (captured, weak) = captured();
    let hook = CancelToken::current().on_cancel(move || panic!("{captured:?}"));
    assert!(weak.upgrade().is_none());
    assert_eq!(format!("{hook:?}"), "CancelHook { .. }");
}
