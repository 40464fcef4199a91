//! Hooks that are called when a running job is cancelled: when, where, how often, and what they may do.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{
    CancelHook, CancelToken, JobHandle, JobState, SubmitErrorKind, ThreadPool, WouldDeadlock,
};

use crate::gate::{started, until};
use crate::log;

fn thread_id() -> ThreadId {
    thread::current().id()
}

/// A job that sets hooks and then waits until one of them, or the test, lets it go.
struct Waiting {
    handle: JobHandle,
    release: Sender<()>,
}

/// Returns when the hooks are set.
fn waiting(
    pool: &ThreadPool,
    set: impl FnOnce(&CancelToken, Sender<()>) -> Vec<CancelHook> + Send + 'static,
) -> Waiting {
    let ((release, released), (ready, is_ready)) = (channel(), channel());
    let releases = release.clone();
    let job = move || {
        let hooks = set(&CancelToken::current(), releases);
        ready.send(()).unwrap();
        let _ = released.recv();
        drop(hooks);
    };
    let handle = pool.call_in_thread(job).unwrap();
    is_ready.recv().unwrap();
    Waiting { handle, release }
}

/// A hook that says something.
fn says<T: Send + 'static>(sender: &Sender<T>, what: T) -> impl FnOnce() + Send + 'static {
    let sender = sender.clone();
    move || sender.send(what).unwrap()
}

fn all<T>(receiver: &Receiver<T>) -> Vec<T> {
    receiver.try_iter().collect()
}

#[test]
fn w9_a_job_that_blocks_is_interrupted_by_its_hook() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let job = waiting(&pool, |token, release| {
            vec![token.on_cancel(move || release.send(()).unwrap())]
        });
        assert!(!job.handle.cancel(), "it runs, and is told");
        assert_eq!(job.handle.wait(), Ok(JobState::Finished));
    });
}

#[test]
fn it_is_called_once_on_the_thread_that_cancels_before_that_goes_on() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let (sender, receiver) = channel();
        let job = waiting(&pool, move |token, _| {
            let hook = move || sender.send((thread_id(), token_is_set())).unwrap();
            vec![token.on_cancel(hook)]
        });
        job.handle.cancel();
        // That of the thread, which is in no job; the job itself is cancelled.
        assert_eq!(all(&receiver), [(thread_id(), false)]);
        job.handle.cancel();
        assert_eq!(pool.stop_now().len(), 0);
        assert_eq!(all(&receiver), []);
        job.release.send(()).unwrap();
    });
}

fn token_is_set() -> bool {
    CancelToken::current().is_cancelled()
}

#[test]
fn stop_now_calls_those_of_all_running_jobs_and_no_lock_is_held() {
    within(DEADLINE, || {
        let pool = started(3, 3);
        let (sender, receiver) = channel();
        let jobs = [1, 2].map(|number| {
            let (sender, asks) = (sender.clone(), pool.clone());
            waiting(&pool, move |token, release| {
                let hook = move || {
                    sender.send((number, asks.stats().queued, thread_id())).unwrap();
                    release.send(()).unwrap();
                };
                vec![token.on_cancel(hook)]
            })
        });
        assert_eq!(pool.stop_now().len(), 0);
        let mut called = all(&receiver);
        called.sort_by_key(|&(number, ..)| number);
        assert_eq!(called, [(1, 0, thread_id()), (2, 0, thread_id())]);
        assert!(jobs.iter().all(|job| job.handle.wait() == Ok(JobState::Finished)));
        pool.stop();
    });
}

#[test]
fn a_stop_that_drains_calls_none() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let (sender, receiver) = channel();
        let job = waiting(&pool, move |token, _| vec![token.on_cancel(says(&sender, ()))]);
        pool.close(|| ());
        job.release.send(()).unwrap();
        pool.stop();
        assert_eq!(all(&receiver), []);
    });
}

/// Runs a job that has its own handle, and awaits its end.
fn run_with_own_handle(pool: &ThreadPool, work: impl FnOnce(JobHandle) + Send + 'static) {
    let (handles, handle) = channel();
    let job = pool.call_in_thread(move || work(handle.recv().unwrap())).unwrap();
    handles.send(job.clone()).unwrap();
    job.wait().unwrap();
}

#[test]
fn it_is_called_here_and_now_if_the_job_has_been_cancelled() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let (sender, receiver) = channel();
        run_with_own_handle(&pool, move |own| {
            own.cancel();
            let called_by = says(&sender, Some(thread_id()));
            let hook = CancelToken::current().on_cancel(called_by);
            sender.send(None).unwrap();
            drop(hook);
        });
        let called = all(&receiver);
        assert!(matches!(called[..], [Some(by), None] if by != thread_id()), "{called:?}");
    });
}

#[test]
fn a_job_may_cancel_itself_and_calls_its_hook_itself() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let (sender, receiver) = channel();
        run_with_own_handle(&pool, move |own| {
            let waits = own.clone();
            let asks = move || sender.send((token_is_set(), waits.wait())).unwrap();
            let hook = CancelToken::current().on_cancel(asks);
            own.cancel();
            drop(hook);
        });
        assert_eq!(all(&receiver), [(true, Err(WouldDeadlock::default()))]);
    });
}

#[test]
fn the_last_one_set_is_the_first_one_called() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let (sender, receiver) = channel();
        let job = waiting(&pool, move |token, _| {
            let hooks = (0..5).map(|number| token.on_cancel(says(&sender, number)));
            let mut hooks: Vec<_> = hooks.collect();
            // From the middle, and from the end.
            drop((hooks.remove(1), hooks.pop()));
            hooks
        });
        job.handle.cancel();
        assert_eq!(all(&receiver), [3, 2, 0]);
        job.release.send(()).unwrap();
    });
}

/// Also if one of them cancels again: the others wait for their turn.
#[test]
fn only_one_is_called_at_a_time() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let (sender, receiver) = channel();
        let slot = Arc::new(Mutex::new(None::<JobHandle>));
        let own = Arc::clone(&slot);
        let job = waiting(&pool, move |token, _| {
            let last = token.on_cancel(says(&sender, "last"));
            let first = token.on_cancel(move || {
                let own = own.lock().unwrap().take().unwrap();
                let cancels = thread::Builder::new().spawn(move || own.cancel()).unwrap();
                assert!(!cancels.join().unwrap());
                sender.send("first").unwrap();
            });
            vec![last, first]
        });
        *slot.lock().unwrap() = Some(job.handle.clone());
        job.handle.cancel();
        assert_eq!(all(&receiver), ["first", "last"]);
        job.release.send(()).unwrap();
    });
}

#[test]
fn i3_a_panic_is_logged_once_and_the_others_are_called() {
    log::keep();
    within(DEADLINE, || {
        let pool = ThreadPool::builder().name("i3-hook").build().unwrap();
        pool.start().unwrap();
        let (sender, receiver) = channel();
        let line = line!() + 4;
        let job = waiting(&pool, move |token, _| {
            let last = token.on_cancel(says(&sender, "called"));
            let unloggable = token.on_cancel(|| panic!("{}", log::UNLOGGABLE));
            let first = token.on_cancel(|| panic!("what went wrong"));
            vec![last, unloggable, first]
        });
        // A subscriber that has panicked on a thread is in no state for what is logged next on it.
        let cancels = job.handle.clone();
        let cancels = thread::Builder::new().spawn(move || cancels.cancel()).unwrap();
        assert!(!cancels.join().unwrap());
        assert_eq!(all(&receiver), ["called"]);
        let lines = log::lines("ERROR", "i3-hook");
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("what went wrong"), "{lines:?}");
        assert!(lines[0].contains(&format!("{}:{line}:", file!())), "{lines:?}");
        job.release.send(()).unwrap();
        assert_eq!(job.handle.wait(), Ok(JobState::Finished));
        assert_eq!(pool.stats().panicked, 0);
    });
}

#[test]
fn i3_a_panic_in_one_that_is_called_at_once_does_not_hit_the_job() {
    log::keep();
    within(DEADLINE, || {
        let pool = ThreadPool::builder().name("i3-late").build().unwrap();
        pool.start().unwrap();
        let (handles, handle) = channel::<JobHandle>();
        let job = move || {
            handle.recv().unwrap().cancel();
            drop(CancelToken::current().on_cancel(|| panic!("too late")));
        };
        let job = pool.call_in_thread(job).unwrap();
        handles.send(job.clone()).unwrap();
        assert_eq!(job.wait(), Ok(JobState::Finished));
        assert_eq!(log::lines("ERROR", "i3-late").len(), 1);
    });
}

#[test]
fn i5_a_hook_may_cancel_submit_and_stop_the_pool() {
    within(DEADLINE, || {
        let pool = ThreadPool::builder().max_threads(1).queue_limit(1).build().unwrap();
        pool.start().unwrap();
        let (sender, receiver) = channel();
        let (inner, slot) = (pool.clone(), Arc::new(Mutex::new(None::<JobHandle>)));
        let own = Arc::clone(&slot);
        let job = waiting(&pool, move |token, release| {
            let token_again = token.clone();
            let hook = move || {
                let own = own.lock().unwrap().take().unwrap();
                assert!(!own.cancel());
                let late = token_again.on_cancel(says(&sender, "called at once"));
                drop(late);
                assert_eq!(own.wait(), Err(WouldDeadlock::default()));
                let queued = inner.call_in_thread(says(&sender, "ran after all")).unwrap();
                let full = inner.call_in_thread_when_room(|| ()).unwrap_err();
                assert_eq!(full.kind(), SubmitErrorKind::WouldDeadlock);
                assert!(inner.is_worker());
                inner.stop();
                inner.stop_within(DEADLINE).unwrap_err();
                assert_eq!(queued.state(), JobState::Queued);
                sender.send("to the end").unwrap();
                release.send(()).unwrap();
            };
            vec![token.on_cancel(hook)]
        });
        *slot.lock().unwrap() = Some(job.handle.clone());
        job.handle.cancel();
        // The job that waits may have run already: it was released last.
        let of_the_hook = [(); 2].map(|()| receiver.recv().unwrap());
        assert_eq!(of_the_hook, ["called at once", "to the end"]);
        assert!(!pool.is_worker());
        pool.stop();
        assert_eq!(all(&receiver), ["ran after all"]);
    });
}

#[test]
fn a_hook_of_another_pool_is_called_in_a_job_which_stays_where_it_is() {
    within(DEADLINE, || {
        let (pool, other) = (started(1, 1), started(1, 1));
        let (sender, receiver) = channel();
        let told = waiting(&other, {
            let (pool, other, sender) = (pool.clone(), other.clone(), sender.clone());
            move |token, _| {
                let hook = move || {
                    sender.send((pool.is_worker(), other.is_worker(), token_is_set())).unwrap();
                };
                vec![token.on_cancel(hook)]
            }
        });
        let (tells, asks) = (told.handle.clone(), [pool.clone(), other.clone()]);
        let job = move || {
            tells.cancel();
            let [pool, other] = &asks;
            sender.send((pool.is_worker(), other.is_worker(), token_is_set())).unwrap();
        };
        pool.call_in_thread(job).unwrap().wait().unwrap();
        assert_eq!(all(&receiver), [(true, true, false), (true, false, false)]);
        told.release.send(()).unwrap();
        until(&other, |stats| stats.completed == 1);
    });
}

#[test]
fn a_token_that_went_to_another_thread_sets_hooks_as_well() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let (tokens, token) = channel();
        let job = waiting(&pool, move |token, _| {
            tokens.send(token.clone()).unwrap();
            Vec::new()
        });
        let (sender, receiver) = channel();
        let hook = token.recv().unwrap().on_cancel(says(&sender, ()));
        job.handle.cancel();
        assert_eq!(all(&receiver), [()]);
        drop(hook);
        job.release.send(()).unwrap();
    });
}

/// On one thread, one inside of the other.
#[test]
fn a_job_of_a_manual_pool_is_interrupted_by_one_inside_of_it() {
    let manual = ThreadPool::manual();
    let (sender, receiver) = channel();
    let (handles, handle) = channel::<JobHandle>();
    let nested = manual.clone();
    let job = move || {
        let (pool, own) = (nested.pool().clone(), handle.recv().unwrap());
        let says_where = says(&sender, "called");
        let token = CancelToken::current();
        let hook = token.on_cancel(move || {
            assert!(pool.is_worker());
            assert_eq!(own.wait(), Err(WouldDeadlock::default()));
            says_where();
        });
        assert!(nested.run_next());
        sender.send("after").unwrap();
        assert!(token.is_cancelled());
        drop(hook);
    };
    let job = manual.pool().call_in_thread(job).unwrap();
    handles.send(job.clone()).unwrap();
    let told = job.clone();
    manual.pool().call_in_thread(move || assert!(!told.cancel())).unwrap();
    assert_eq!(manual.run_all(), 1);
    assert_eq!((job.state(), all(&receiver)), (JobState::Finished, vec!["called", "after"]));
    assert_eq!((manual.pool().stats().panicked, manual.pool().is_worker()), (0, false));
}
