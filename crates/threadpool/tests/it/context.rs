//! What is current where a job is submitted, and where it runs.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{Builder, JobContext, JobState, SubmitErrorKind, ThreadPool, UnrunJob};

use crate::gate::Blocker;
use crate::log;

thread_local! {
    /// The number of the request that this thread works for.
    static REQUEST: Cell<u32> = const { Cell::new(0) };
}

/// Makes a number current.
struct Request(u32);

impl JobContext for Request {
    fn run(&self, job: &mut dyn FnMut()) {
        let before = REQUEST.replace(self.0);
        job();
        REQUEST.set(before);
    }
}

/// A builder whose pool carries the number along, unless it is 0.
fn carrying() -> Builder {
    let builder = ThreadPool::builder().min_threads(0).max_threads(1);
    builder.context(|| match REQUEST.get() {
        0 => None,
        number => Some(Box::new(Request(number))),
    })
}

/// Submits a job that tells what is current in it, and a callback that does.
fn submit_asking(pool: &ThreadPool, sender: &Sender<u32>) {
    let (job, callback) = (sender.clone(), sender.clone());
    let on_result = move |_: Result<(), _>| callback.send(REQUEST.get()).unwrap();
    pool.call_in_thread_with_callback(on_result, move || job.send(REQUEST.get()).unwrap()).unwrap();
}

/// A pool in whose context `run` stands around each job.
fn around(name: &str, run: impl Fn(&mut dyn FnMut()) + Copy + Send + Sync + 'static) -> ThreadPool {
    struct Context<F>(F);
    impl<F: Fn(&mut dyn FnMut()) + Send> JobContext for Context<F> {
        fn run(&self, job: &mut dyn FnMut()) {
            (self.0)(job);
        }
    }
    let builder = ThreadPool::builder().name(name).min_threads(0).max_threads(1);
    let pool = builder.context(move || Some(Box::new(Context(run)))).build().unwrap();
    pool.start().unwrap();
    pool
}

#[test]
fn w29_job_and_callback_run_in_the_context_of_the_submitter() {
    within(DEADLINE, || {
        let pool = carrying().build().unwrap();
        pool.start().unwrap();
        let (sender, receiver) = channel();
        for number in [7, 0, 8] {
            REQUEST.set(number);
            submit_asking(&pool, &sender);
            // The submitter's own may have changed by the time that the job runs.
            REQUEST.set(9);
        }
        drop(sender);
        pool.stop();
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [7, 7, 0, 0, 8, 8]);
        assert_eq!(pool.stats().completed, 3);
    });
}

#[test]
fn w29_every_way_into_the_pool_captures_it() {
    within(DEADLINE, || {
        let pool = carrying().queue_limit(5).build().unwrap();
        let (sender, receiver) = channel();
        let ask = |number| {
            REQUEST.set(number);
            let sender = sender.clone();
            move || sender.send(REQUEST.get()).unwrap()
        };
        pool.call_in_thread(ask(1)).unwrap();
        pool.try_call_in_thread(ask(2)).unwrap();
        pool.call_in_thread_when_room(ask(3)).unwrap();
        pool.call_in_thread_within(DEADLINE, ask(4)).unwrap();
        let job = ask(5);
        pool.try_call_in_thread_with_callback(|_| (), job).unwrap();
        REQUEST.set(0);
        drop(sender);
        pool.stop();
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    });
}

#[test]
fn w29_a_manual_pool_restores_what_the_test_had() {
    let manual = carrying().manual().unwrap();
    manual.pool().start().unwrap();
    let (sender, receiver) = channel();
    REQUEST.set(1);
    let (nested, inner) = (manual.clone(), sender.clone());
    let outer = move || {
        inner.send(REQUEST.get()).unwrap();
        assert!(nested.run_next());
        inner.send(REQUEST.get()).unwrap();
    };
    manual.pool().call_in_thread(outer).unwrap();
    REQUEST.set(2);
    manual.pool().call_in_thread(move || sender.send(REQUEST.get()).unwrap()).unwrap();
    REQUEST.set(3);
    assert_eq!(manual.run_all(), 1);
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [1, 2, 1]);
    assert_eq!(REQUEST.take(), 3);
}

#[test]
fn w29_a_job_handed_back_runs_in_it_too() {
    let pool = carrying().build().unwrap();
    let (sender, receiver) = channel();
    REQUEST.set(5);
    submit_asking(&pool, &sender);
    pool.call_in_thread(|| panic!("in a job handed back")).unwrap();
    REQUEST.set(6);
    drop(sender);
    for job in pool.stop_now() {
        job.run();
    }
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [5, 5]);
    assert_eq!(REQUEST.take(), 6);
}

#[test]
fn w29_a_panic_of_the_job_does_not_reach_the_context() {
    within(DEADLINE, || {
        let pool = carrying().build().unwrap();
        pool.start().unwrap();
        REQUEST.set(4);
        let job = pool.call_in_thread(|| panic!("in a job with context")).unwrap();
        REQUEST.set(0);
        assert_eq!(job.wait(), Ok(JobState::Panicked));
        let (sender, receiver) = channel();
        pool.call_in_thread(move || sender.send(REQUEST.get()).unwrap()).unwrap();
        assert_eq!(receiver.recv().unwrap(), 0, "the context was left in order");
    });
}

#[test]
fn i5_the_hook_runs_on_the_submitter_and_may_call_the_pool() {
    within(DEADLINE, || {
        thread_local! {
            static POOL: RefCell<Option<ThreadPool>> = const { RefCell::new(None) };
        }
        let (sender, receiver) = channel();
        let builder = ThreadPool::builder().min_threads(0).max_threads(1);
        let builder = builder.context(move || {
            // Present on the submitting thread only. Taken out: the job submitted here has none.
            let pool = POOL.take();
            let seen = pool.map(|pool| {
                pool.call_in_thread(|| ()).unwrap();
                pool.stats().queued
            });
            sender.send(seen).unwrap();
            None
        });
        let pool = builder.build().unwrap();
        POOL.set(Some(pool.clone()));
        pool.call_in_thread(|| ()).unwrap();
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [None, Some(1)]);
        pool.stop();
        assert_eq!(pool.stats().completed, 2);
    });
}

#[test]
fn i3_a_hook_that_panics_is_logged_and_the_job_runs_without() {
    log::keep();
    within(DEADLINE, || {
        let builder = ThreadPool::builder().name("contextless");
        let pool = builder.context(|| panic!("in the context hook")).build().unwrap();
        let before = log::lines("ERROR", "the context hook of a pool panicked").len();
        let job = pool.call_in_thread(|| ()).unwrap();
        let logged = log::lines("ERROR", "the context hook of a pool panicked").len();
        assert_eq!(logged - before, 1);
        pool.stop();
        assert_eq!(job.state(), JobState::Finished);
    });
}

#[test]
fn a_context_that_does_not_run_the_job_counts_as_a_panic_and_is_reported() {
    log::keep();
    within(DEADLINE, || {
        let pool = around("context-idle", |_| ());
        let captured = Arc::new(());
        let weak = Arc::downgrade(&captured);
        let on_result = move |_| drop(captured);
        let job = pool.call_in_thread_with_callback(on_result, || ()).unwrap();
        assert_eq!(job.wait(), Ok(JobState::Panicked));
        assert!(weak.upgrade().is_none());
        assert_eq!((pool.stats().panicked, pool.stats().completed), (1, 0));
        let lines = log::lines("ERROR", "context-idle");
        assert!(lines.len() == 1 && lines[0].contains(file!()), "{lines:?}");
    });
}

#[test]
fn a_context_that_calls_twice_runs_the_job_once() {
    within(DEADLINE, || {
        let pool = around("context-twice", |job| {
            job();
            job();
        });
        let (sender, receiver) = channel();
        let job = pool.call_in_thread(move || sender.send(()).unwrap()).unwrap();
        let broken = pool.call_in_thread(|| panic!("once is enough")).unwrap();
        assert_eq!(job.wait(), Ok(JobState::Finished));
        assert_eq!(broken.wait(), Ok(JobState::Panicked));
        assert_eq!(receiver.iter().count(), 1);
    });
}

#[test]
fn i3_a_context_that_panics_is_reported_and_harms_no_other_job() {
    log::keep();
    within(DEADLINE, || {
        let before = |_: &mut dyn FnMut()| panic!("before the job");
        let after = |job: &mut dyn FnMut()| {
            job();
            panic!("after the job");
        };
        for (name, calls) in [("context-before", 0), ("context-after", 1)] {
            let pool = if calls == 0 { around(name, before) } else { around(name, after) };
            let (sender, receiver) = channel();
            let again = sender.clone();
            let job = pool.call_in_thread(move || sender.send(()).unwrap()).unwrap();
            let other = pool.call_in_thread(move || again.send(()).unwrap()).unwrap();
            assert_eq!(job.wait(), Ok(JobState::Panicked));
            assert_eq!(other.wait(), Ok(JobState::Panicked));
            assert_eq!((receiver.iter().count(), pool.stats().panicked), (2 * calls, 2));
            assert_eq!(log::lines("ERROR", name).len(), 2, "{:?}", log::lines("ERROR", name));
            assert_eq!(pool.stats().threads, 1, "the same worker for both");
        }
    });
}

#[test]
fn i3_a_context_that_panics_around_a_job_handed_back_is_contained() {
    log::keep();
    let builder = ThreadPool::builder().name("context-unrun");
    let pool = builder.context(|| Some(Box::new(Broken))).build().unwrap();
    pool.call_in_thread(|| unreachable!("the context does not run it")).unwrap();
    let mut unrun = pool.stop_now();
    unrun.remove(0).run();
    assert_eq!(log::lines("ERROR", "context-unrun").len(), 1);
}

struct Broken;

impl JobContext for Broken {
    fn run(&self, _job: &mut dyn FnMut()) {
        panic!("around a job handed back");
    }
}

/// Asks the pool when it is dropped, which no lock of the pool survives, and counts.
struct Dropped(ThreadPool, Arc<AtomicUsize>);

impl JobContext for Dropped {
    fn run(&self, job: &mut dyn FnMut()) {
        job();
    }
}

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.stats();
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn i5_each_context_is_dropped_once_and_outside_of_any_lock() {
    within(DEADLINE, || {
        let (own, drops) = (Arc::new(OnceLock::<ThreadPool>::new()), Arc::new(AtomicUsize::new(0)));
        let (seen, count) = (Arc::clone(&own), Arc::clone(&drops));
        let builder = ThreadPool::builder().min_threads(0).max_threads(1).queue_limit(1);
        let pool = builder
            .context(move || {
                Some(Box::new(Dropped(seen.get().unwrap().clone(), Arc::clone(&count))))
            })
            .build()
            .unwrap();
        own.set(pool.clone()).unwrap();
        let dropped = || drops.swap(0, Ordering::SeqCst);

        let cancelled = pool.call_in_thread(|| ()).unwrap();
        assert_eq!((dropped(), cancelled.cancel(), dropped()), (0, true, 1));
        let run = pool.call_in_thread(|| ()).unwrap();
        assert_eq!(pool.try_call_in_thread(|| ()).unwrap_err().kind(), SubmitErrorKind::Full);
        assert_eq!(dropped(), 1);
        let refused = pool.call_in_thread_within(Duration::ZERO, || ()).unwrap_err();
        assert_eq!((refused.kind(), dropped()), (SubmitErrorKind::TimedOut, 1));
        pool.start().unwrap();
        run.wait().unwrap();
        assert_eq!(dropped(), 1, "it does not wait for the handle");
        // One job is in the context when the pool is stopped, two are handed back.
        let blocker = Blocker::on(&pool);
        let handles = [(); 2].map(|()| pool.call_in_thread(|| ()).unwrap());
        let mut unrun = pool.stop_now();
        assert_eq!((unrun.len(), dropped()), (2, 0));
        unrun.remove(0).run();
        assert_eq!(dropped(), 1);
        drop(unrun);
        assert_eq!(dropped(), 1);
        assert_eq!(pool.call_in_thread(|| ()).unwrap_err().kind(), SubmitErrorKind::Stopped);
        assert_eq!(dropped(), 1);
        blocker.release();
        pool.stop();
        assert_eq!(dropped(), 1);
        drop((handles, cancelled, run, pool));
        assert_eq!(dropped(), 0);
    });
}

/// The jobs log; the lines tell in which span.
fn in_span(span: &'static str, submit: impl FnOnce(&'static str)) {
    tracing::info_span!("submitter", span).in_scope(|| submit(span));
}

#[test]
fn b13_the_span_travels_with_a_hook_and_without_by_every_way() {
    log::keep();
    within(DEADLINE, || {
        for (hook, real, manual, unrun) in
            [(false, "b13-a", "b13-b", "b13-c"), (true, "b13-d", "b13-e", "b13-f")]
        {
            let builder = || {
                let builder = ThreadPool::builder();
                if hook { builder.context(|| Some(Box::new(Request(1)))) } else { builder }
            };
            let submit = |pool: &ThreadPool, text: &'static str| {
                in_span(text, |text| {
                    let on_result = move |_: Result<(), _>| tracing::info!("{text} callback");
                    let job = move || tracing::info!("{text} job");
                    pool.call_in_thread_with_callback(on_result, job).unwrap();
                });
                pool.call_in_thread(move || tracing::info!("{text} stranger")).unwrap();
            };
            let pool = builder().build().unwrap();
            submit(&pool, real);
            pool.stop();

            let double = builder().manual().unwrap();
            submit(double.pool(), manual);
            double.pool().stop();

            let pool = builder().build().unwrap();
            submit(&pool, unrun);
            pool.stop_now().into_iter().for_each(UnrunJob::run);

            for text in [real, manual, unrun] {
                let inside = |what: &str| {
                    let lines = log::lines("INFO", &format!("{text} {what}"));
                    assert_eq!(lines.len(), 1, "{lines:?}");
                    lines[0].contains(&format!("submitter{{span=\"{text}\"}}"))
                };
                assert_eq!((inside("job"), inside("callback")), (true, true), "{text}");
                assert!(!inside("stranger"), "{text}");
            }
        }
    });
}
