//! Jobs that hand over what came out of them as the last thing that they do.

use std::sync::mpsc::{Receiver, Sender, channel};

use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{CancelToken, JobContext, JobHandle, JobState, ThreadPool};

use crate::gate::{Blocker, started, thread_name, until, until_asleep};

/// A pool of two threads that both sleep.
fn two_asleep() -> ThreadPool {
    let pool = started(2, 2);
    two_fall_asleep(&pool);
    pool
}

fn two_fall_asleep(pool: &ThreadPool) {
    let both = [Blocker::on(pool), Blocker::on(pool)];
    both.into_iter().for_each(Blocker::release);
    until_asleep(pool, 2);
}

/// A thread that is held up, in the middle of a job or at the end of one.
struct HeldUp {
    name: String,
    release: Sender<()>,
    handle: JobHandle,
}

/// What holds up the thread that calls it, and what it says to the other one.
fn hold_up() -> (impl FnOnce() + Send + 'static, Receiver<String>, Sender<()>) {
    let ((release, released), (says, said)) = (channel(), channel());
    let hold = move || {
        says.send(thread_name()).unwrap();
        released.recv().unwrap();
    };
    (hold, said, release)
}

/// The handing over is held up.
fn handing_over(pool: &ThreadPool) -> HeldUp {
    let (hold, said, release) = hold_up();
    let hand_over = move |_| {
        hold();
        Ok::<(), ()>(())
    };
    let handle = pool.try_call_in_thread_handing_over::<(), _, _, _, _>(hand_over, || ()).unwrap();
    HeldUp { name: said.recv().unwrap(), release, handle }
}

/// Submits a job; on which thread it runs, once it does.
fn submit(pool: &ThreadPool) -> Receiver<String> {
    let (sender, receiver) = channel();
    pool.call_in_thread(move || sender.send(thread_name()).unwrap()).unwrap();
    receiver
}

/// A value that waits, when it is dropped, until a job of `pool` has been run.
struct Needs(ThreadPool);

impl Drop for Needs {
    fn drop(&mut self) {
        submit(&self.0).recv().unwrap();
    }
}

#[test]
fn what_is_submitted_for_a_result_waits_for_the_thread_that_has_handed_it_over() {
    within(DEADLINE, || {
        let pool = two_asleep();
        let first = handing_over(&pool);
        let second = submit(&pool);
        assert_eq!(pool.stats().idle, 1, "nobody was woken");
        first.release.send(()).unwrap();
        assert_eq!(second.recv().unwrap(), first.name);
        assert_eq!(first.handle.wait(), Ok(JobState::Finished));
        pool.stop();
    });
}

#[test]
fn one_job_waits_for_it_and_the_next_one_gets_another_thread() {
    within(DEADLINE, || {
        let pool = two_asleep();
        let first = handing_over(&pool);
        let (hold, said, release) = hold_up();
        pool.call_in_thread(hold).unwrap();
        let third = submit(&pool);
        first.release.send(()).unwrap();
        assert_eq!(said.recv().unwrap(), first.name);
        assert_ne!(third.recv().unwrap(), first.name);
        release.send(()).unwrap();
        pool.stop();
    });
}

#[test]
fn a_thread_that_has_another_job_in_its_batch_is_not_waited_for() {
    within(DEADLINE, || {
        let pool = started(2, 2);
        let [one, other] = [Blocker::on(&pool), Blocker::on(&pool)];
        let hand_over = |_| Ok::<(), ()>(());
        pool.try_call_in_thread_handing_over::<(), _, _, _, _>(hand_over, || ()).unwrap();
        let (hold, said, release) = hold_up();
        pool.call_in_thread(hold).unwrap();
        one.release();
        said.recv().unwrap();
        other.release();
        until_asleep(&pool, 1);
        submit(&pool).recv().unwrap();
        release.send(()).unwrap();
        pool.stop();
    });
}

#[test]
fn i5_what_could_not_be_handed_over_may_wait_for_a_job() {
    within(DEADLINE, || {
        let pool = two_asleep();
        let (needs, (hold, said, release)) = (Needs(pool.clone()), hold_up());
        let hand_over = move |_| {
            hold();
            Err(needs)
        };
        let handle = pool.try_call_in_thread_handing_over::<(), _, _, _, _>(hand_over, || ());
        let first = said.recv().unwrap();
        // Submitted in the meantime: it counts on the thread that is about to wait.
        let second = submit(&pool);
        release.send(()).unwrap();
        assert_ne!(second.recv().unwrap(), first);
        assert_eq!(handle.unwrap().wait(), Ok(JobState::Finished));
        pool.stop();
    });
}

#[test]
fn i5_what_a_hook_owns_may_wait_for_a_job() {
    within(DEADLINE, || {
        let pool = two_asleep();
        let needs = Needs(pool.clone());
        let (hold, said, release) = hold_up();
        let hand_over = move |_| {
            hold();
            Ok::<(), ()>(())
        };
        // Kept by somebody else, and so still set when the job is over.
        let (keeps, kept) = channel();
        let job =
            move || keeps.send(CancelToken::current().on_cancel(move || drop(needs))).unwrap();
        let handle =
            pool.try_call_in_thread_handing_over::<(), _, _, _, _>(hand_over, job).unwrap();
        let first = said.recv().unwrap();
        let second = submit(&pool);
        release.send(()).unwrap();
        assert_ne!(second.recv().unwrap(), first);
        handle.wait().unwrap();
        drop(kept);
        pool.stop();
    });
}

#[test]
fn i5_after_a_panic_nobody_waits_for_the_thread() {
    within(DEADLINE, || {
        let pool = two_asleep();
        let (hold, said, release) = hold_up();
        let hand_over = move |result: Result<(), _>| {
            assert!(result.is_err());
            hold();
            Ok::<(), ()>(())
        };
        let handle = pool
            .try_call_in_thread_handing_over::<(), _, _, _, _>(hand_over, || panic!("on purpose"))
            .unwrap();
        let first = said.recv().unwrap();
        assert_ne!(submit(&pool).recv().unwrap(), first);
        release.send(()).unwrap();
        assert_eq!(handle.wait(), Ok(JobState::Panicked));
        pool.stop();
    });
}

#[test]
fn i5_a_handing_over_that_panics_holds_up_nobody() {
    within(DEADLINE, || {
        let pool = two_asleep();
        let (hold, said, release) = hold_up();
        let hand_over = move |_| -> Result<(), ()> {
            hold();
            panic!("on purpose")
        };
        let handle = pool.try_call_in_thread_handing_over::<(), _, _, _, _>(hand_over, || ());
        said.recv().unwrap();
        let second = submit(&pool);
        release.send(()).unwrap();
        second.recv().unwrap();
        assert_eq!(handle.unwrap().wait(), Ok(JobState::Panicked));
        until(&pool, |stats| stats.idle == 2);
        pool.stop();
    });
}

/// What comes after the job in a context is the user's.
#[test]
fn a_job_in_a_context_has_not_come_to_its_end_when_it_hands_over() {
    struct Plain;
    impl JobContext for Plain {
        fn run(&self, job: &mut dyn FnMut()) {
            job();
        }
    }
    within(DEADLINE, || {
        let builder = ThreadPool::builder().min_threads(2).max_threads(2);
        let pool = builder.context(|| Some(Box::new(Plain))).build().unwrap();
        pool.start().unwrap();
        two_fall_asleep(&pool);
        let first = handing_over(&pool);
        assert_ne!(submit(&pool).recv().unwrap(), first.name);
        first.release.send(()).unwrap();
        pool.stop();
    });
}
