//! The pool without threads, whose jobs run when a test says so.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{JobHandle, JobState, ManualPool, SubmitErrorKind, ThreadPool, blocking};

/// A started pool, and jobs that say their number.
struct Double {
    manual: ManualPool,
    said: Arc<Mutex<Vec<usize>>>,
}

impl Double {
    fn new() -> Self {
        Self { manual: ThreadPool::manual(), said: Arc::default() }
    }

    fn pool(&self) -> &ThreadPool {
        self.manual.pool()
    }

    /// Submits as many jobs.
    fn submit(&self, jobs: usize) -> Vec<JobHandle> {
        (0..jobs).map(|number| self.pool().call_in_thread(self.saying(number)).unwrap()).collect()
    }

    fn saying(&self, number: usize) -> impl FnOnce() + Send + use<> {
        let said = Arc::clone(&self.said);
        move || said.lock().unwrap().push(number)
    }

    fn said(&self) -> Vec<usize> {
        std::mem::take(&mut *self.said.lock().unwrap())
    }
}

/// Each order of the numbers below `n`.
fn permutations(n: usize) -> Vec<Vec<usize>> {
    let Some(last) = n.checked_sub(1) else { return vec![Vec::new()] };
    let insert = |order: &Vec<usize>, place: usize| {
        let mut order = order.clone();
        order.insert(place, last);
        order
    };
    let shorter = permutations(last);
    shorter.iter().flat_map(|order| (0..n).map(move |place| insert(order, place))).collect()
}

#[test]
fn b40_jobs_only_queue_and_each_call_runs_one_in_order() {
    let double = Double::new();
    let jobs = double.submit(3);
    assert_eq!(double.said(), []);
    assert_eq!(jobs[0].state(), JobState::Queued);
    for (number, job) in jobs.iter().enumerate() {
        assert!(double.manual.run_next());
        assert_eq!((double.said(), job.state()), (vec![number], JobState::Finished));
    }
    assert!(!double.manual.run_next());
}

#[test]
fn b41_after_the_stop_what_was_queued_can_be_run_and_nothing_else_comes_in() {
    let double = Double::new();
    double.submit(2);
    let (sender, receiver) = channel();
    double.pool().close(move || sender.send(()).unwrap());
    let refused = double.pool().call_in_thread(|| ()).unwrap_err();
    assert_eq!(refused.kind(), SubmitErrorKind::Stopped);
    assert!(double.pool().start().is_err());
    assert!(double.manual.run_next());
    assert!(receiver.try_recv().is_err(), "one is left");
    assert_eq!(double.manual.run_all(), 1);
    assert_eq!(receiver.try_iter().count(), 1, "told once");
    assert!(!double.manual.run_next());
    assert_eq!(double.said(), [0, 1]);
    double.pool().stop();
}

#[test]
fn b41_a_stop_runs_the_rest_in_order() {
    for stop in [ThreadPool::stop, |pool: &ThreadPool| pool.stop_within(DEADLINE).unwrap()] {
        let double = Double::new();
        let jobs = double.submit(4);
        assert!(double.manual.run(&jobs[2]) && jobs[1].cancel());
        stop(double.pool());
        assert_eq!(double.said(), [2, 0, 3]);
        assert!(!double.pool().started());
        stop(double.pool());
    }
}

#[test]
fn w10_a_stop_that_has_no_time_names_what_waits() {
    let double = Double::new();
    double.submit(2);
    let still = double.pool().stop_within(Duration::ZERO).unwrap_err();
    assert_eq!((still.queued, still.jobs.len(), still.threads), (2, 0, 0));
    double.pool().stop_within(DEADLINE).unwrap();
    double.pool().stop_within(Duration::ZERO).unwrap();
    assert_eq!(double.said(), [0, 1]);
}

#[test]
fn a_job_that_stops_its_pool_closes_it_and_the_rest_still_runs() {
    let double = Double::new();
    let (pool, (sender, receiver)) = (double.pool().clone(), channel());
    let job = move || {
        pool.stop();
        let still = pool.stop_within(DEADLINE).unwrap_err();
        sender.send((still.jobs.len(), still.queued)).unwrap();
    };
    double.pool().call_in_thread(job).unwrap();
    double.submit(2);
    assert!(double.manual.run_next());
    assert_eq!((receiver.try_recv().unwrap(), double.said()), ((1, 2), vec![]));
    assert_eq!(double.manual.run_all(), 2);
}

#[test]
fn nothing_runs_before_the_start() {
    let manual = ThreadPool::builder().manual().unwrap();
    let job = manual.pool().call_in_thread(|| ()).unwrap();
    assert!(job.waits_for_start());
    assert_eq!(manual.queued().len(), 1);
    manual.pool().start().unwrap();
    assert!(manual.run(&job));
    assert_eq!(job.state(), JobState::Finished);
}

/// `assert!(!manual.run_next())` is to say that nothing is left, and not that nobody called `start`.
#[test]
fn to_run_jobs_of_a_pool_that_was_never_started_is_a_mistake() {
    let manual = ThreadPool::builder().name("asleep").manual().unwrap();
    let elsewhere = ThreadPool::manual();
    let other = elsewhere.pool().call_in_thread(|| ()).unwrap();
    assert!(!manual.run_next() && !manual.run(&other), "none waits here");
    assert_eq!(manual.run_all(), 0);
    let cancelled = manual.pool().call_in_thread(|| ()).unwrap();
    assert!(cancelled.cancel());
    assert!(!manual.run_next() && !manual.run(&cancelled));

    let job = manual.pool().call_in_thread(|| ()).unwrap();
    let text = |mistake: &dyn Fn()| {
        let payload = catch_unwind(AssertUnwindSafe(mistake)).unwrap_err();
        payload.downcast_ref::<String>().unwrap().clone()
    };
    let mistakes: [&dyn Fn(); 3] =
        [&|| _ = manual.run_next(), &|| _ = manual.run_all(), &|| _ = manual.run(&job)];
    for mistake in mistakes {
        let text = text(mistake);
        assert!(text.contains("the start of the pool asleep"), "{text}");
    }
    manual.pool().stop();
    assert_eq!(job.state(), JobState::Finished, "nothing is broken");
}

#[test]
fn every_order_of_the_ends_of_four_jobs_can_be_had() {
    let orders = permutations(4);
    assert_eq!(orders.len(), 24);
    for order in orders {
        let double = Double::new();
        let jobs = double.submit(4);
        for (ran, &number) in order.iter().enumerate() {
            assert!(double.manual.run(&jobs[number]));
            assert!(!double.manual.run(&jobs[number]), "once");
            let waiting = |job: &&JobHandle| job.state() == JobState::Queued;
            assert_eq!(jobs.iter().filter(waiting).count(), 3 - ran);
        }
        assert_eq!(double.said(), order);
    }
}

#[test]
fn the_jobs_that_wait_are_listed_in_the_order_of_submission() {
    let double = Double::new();
    let mut jobs = double.submit(300);
    assert!(double.manual.run(&jobs[200]) && jobs[100].cancel() && double.manual.run_next());
    for gone in [200, 100, 0] {
        jobs.remove(gone);
    }
    let listed = double.manual.queued();
    double.said();
    // The handles are of the very same jobs.
    listed.iter().rev().for_each(|job| assert!(double.manual.run(job)));
    assert!(jobs.iter().all(|job| job.state() == JobState::Finished));
    let expected: Vec<usize> = (1..300).rev().filter(|n| ![100, 200].contains(n)).collect();
    assert_eq!(double.said(), expected);
}

#[test]
fn a_job_that_does_not_wait_here_is_not_run() {
    let (double, other) = (Double::new(), Double::new());
    let jobs = double.submit(3);
    assert!(!other.manual.run(&jobs[0]));
    assert!(jobs[0].cancel());
    assert!(!double.manual.run(&jobs[0]), "cancelled, with others behind it");
    assert_eq!(double.manual.run_all(), 2);
    assert!(!double.manual.run(&jobs[1]), "over");
    let stats = double.pool().stats();
    assert_eq!((double.said(), stats.completed, stats.cancelled), (vec![1, 2], 2, 1));
}

#[test]
fn jobs_run_on_the_thread_that_says_so() {
    within(DEADLINE, || {
        let double = Double::new();
        let (sender, receiver) = channel();
        for _ in 0..2 {
            let sender = sender.clone();
            let on_result = move |id: Result<_, _>| {
                sender.send((id.unwrap(), thread::current().id())).unwrap();
            };
            let job = || thread::current().id();
            double.pool().call_in_thread_with_callback(on_result, job).unwrap();
        }
        let own = thread::current().id();
        assert!(double.manual.run_next());
        assert_eq!(receiver.try_recv().unwrap(), (own, own));
        let manual = double.manual;
        let other = thread::Builder::new().spawn(move || manual.run_next()).unwrap();
        let id = other.thread().id();
        assert!(other.join().unwrap());
        assert_eq!(receiver.try_recv().unwrap(), (id, id));
    });
}

#[test]
fn jobs_that_submit_jobs_run_with_the_rest() {
    fn countdown(pool: &ThreadPool, left: u32) {
        let again = pool.clone();
        let job = move || {
            if left > 0 {
                countdown(&again, left - 1);
            }
        };
        pool.call_in_thread(job).unwrap();
    }
    let double = Double::new();
    countdown(double.pool(), 9);
    double.submit(1);
    assert_eq!(double.manual.run_all(), 11);
    assert_eq!(double.pool().stats().completed, 11);
}

#[test]
fn what_can_be_asked_inside_of_a_job_is_as_on_a_worker() {
    let double = Double::new();
    let (pool, (sender, receiver)) = (double.pool().clone(), channel());
    let job = move || {
        let counts = |pool: &ThreadPool| {
            let stats = pool.stats();
            (stats.threads, stats.busy, stats.idle, stats.blocked, stats.queued)
        };
        sender.send((pool.is_worker(), counts(&pool))).unwrap();
        blocking(|| sender.send((pool.is_worker(), counts(&pool))).unwrap());
        let running = pool.running_jobs();
        assert_eq!((running.len(), running[0].location.file()), (1, file!()));
        let report = blocking(|| pool.report().to_string());
        assert!(report.contains(": blocked for") && report.contains(file!()), "{report}");
    };
    let handle = double.pool().call_in_thread(job).unwrap();
    double.submit(1);
    assert!(!double.pool().is_worker());
    assert!(double.manual.run_next());
    assert_eq!(handle.state(), JobState::Finished);
    assert_eq!(
        receiver.try_iter().collect::<Vec<_>>(),
        [(true, (1, 1, 0, 0, 1)), (true, (1, 1, 0, 1, 1)),]
    );
    let stats = double.pool().stats();
    assert_eq!((double.pool().is_worker(), stats.threads, stats.busy), (false, 0, 0));
    assert_eq!((stats.queue_wait.count(), stats.run_time.count()), (1, 1));
    assert!(double.pool().running_jobs().is_empty() && double.pool().report().workers.is_empty());
}
