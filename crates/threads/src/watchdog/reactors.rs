//! One reactor under watch.
//!
//! A reactor at rest is not looked at: it calls at its next callback. One that moves is looked at
//! now and then, and not called by in between, so that a callback costs it at most one call for
//! each such look, however many others are watched.

use super::report::BlockedCallback;
use crate::reactor_pool::ReactorPool;
use crate::waits;
use ropewalk_reactor::{ReactorHandle, ReactorWatch, RunningCallback};
use ropewalk_threadpool::ThreadPool;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// When something is too long, and how often one looks.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    pub(super) blocked_after: Duration,
    pub(super) step: Duration,
}

impl Pace {
    pub(super) fn new(blocked_after: Duration) -> Self {
        // However long a callback may take: a reactor may get a pool, or be dropped, meanwhile.
        let step = (blocked_after / 4).clamp(Duration::from_millis(1), Duration::from_millis(250));
        Self { blocked_after, step }
    }
}

pub(super) struct ReactorPost {
    watch: ReactorWatch,
    thread: Arc<str>,
    pool: Weak<ReactorPool>,
    /// Which of its pools has been seen.
    pool_number: Option<u64>,
    /// How many changes there had been at the last look.
    seen: Option<u64>,
    /// The callback that ran then.
    stay: Option<Stay>,
    /// It calls at the next change.
    calls: bool,
    /// When to look at it, whether it has called or not.
    next: Option<Instant>,
    is_gone: bool,
}

/// A callback that has been seen running.
struct Stay {
    callback: RunningCallback,
    since: Instant,
    told: bool,
    /// When it is to be reported next.
    due: Option<Instant>,
    /// It is a reason for a report now.
    is_due: bool,
}

impl ReactorPost {
    pub(super) fn new(handle: &ReactorHandle, alarm: Arc<dyn Fn() + Send + Sync>) -> Self {
        let watch = handle.watch(alarm);
        let thread = waits::name(watch.thread()).into();
        Self {
            watch,
            thread,
            pool: Arc::downgrade(&handle.shared::<ReactorPool>()),
            pool_number: None,
            seen: None,
            stay: None,
            calls: false,
            next: None,
            is_gone: false,
        }
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.watch.is_same(&other.watch)
    }

    /// The reactor has been dropped, and its last callback is over.
    pub(super) fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// When to look again; `None`: when it calls.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// The reactor's pool, if it has got another one since this was asked.
    pub(super) fn new_pool(&mut self) -> Option<ThreadPool> {
        let (number, pool) = self.pool.upgrade()?.present()?;
        (self.pool_number.replace(number) != Some(number)).then_some(pool)
    }

    /// Looks, if it is time to. What it gives was reported, and has ended.
    pub(super) fn look(&mut self, now: Instant, pace: Pace) -> Option<BlockedCallback> {
        let is_early = self.seen.is_some() && self.next.is_none_or(|next| next > now);
        if is_early && !self.calls {
            return None;
        }
        let glance = self.watch.look();
        if self.seen.replace(glance.changes) == Some(glance.changes) {
            if !is_early {
                self.stays(glance.changes, now, pace);
            }
            return None;
        }
        let over = self.stay.take().filter(|stay| stay.told);
        self.is_gone = glance.gone && glance.running.is_none();
        self.stay = glance.running.map(|callback| Stay {
            callback,
            since: now,
            told: false,
            due: now.checked_add(pace.blocked_after),
            is_due: false,
        });
        self.calls = false;
        self.next = self.next_look(now, pace);
        over.map(|stay| self.describe(&stay, now))
    }

    /// Nothing has changed since the last look: it rests, or is in the same callback.
    fn stays(&mut self, changes: u64, now: Instant, pace: Pace) {
        if let Some(stay) = &mut self.stay {
            if stay.due.is_none_or(|due| due > now) {
                self.next = self.next_look(now, pace);
                return;
            }
            (stay.told, stay.is_due) = (true, true);
            // After twice the time, and again after twice that.
            let age = now.saturating_duration_since(stay.since);
            stay.due = now.checked_add(age.max(pace.step));
        }
        self.calls = self.watch.wait_for_change(changes);
        // If a change has come since, there is something to see now.
        let due = self.stay.as_ref().and_then(|stay| stay.due);
        self.next = if self.calls { due } else { Some(now) };
    }

    fn next_look(&self, now: Instant, pace: Pace) -> Option<Instant> {
        let due = self.stay.as_ref().and_then(|stay| stay.due);
        [due, now.checked_add(pace.step)].into_iter().flatten().min()
    }

    /// Whether what it runs is a reason for a report.
    pub(super) fn is_due(&self) -> bool {
        self.stay.as_ref().is_some_and(|stay| stay.is_due)
    }

    /// What blocks it, for the report that is made now.
    pub(super) fn report(&mut self, now: Instant) -> Option<BlockedCallback> {
        let stay = self.stay.as_ref().filter(|stay| stay.told)?;
        let blocked = self.describe(stay, now);
        if let Some(stay) = &mut self.stay {
            stay.is_due = false;
        }
        Some(blocked)
    }

    fn describe(&self, stay: &Stay, now: Instant) -> BlockedCallback {
        let RunningCallback { kind, location } = stay.callback;
        BlockedCallback {
            thread: Arc::clone(&self.thread),
            kind,
            location,
            age: now.saturating_duration_since(stay.since),
            waits_for: waits::of(self.watch.thread().id()).map(Arc::from),
            is_due: stay.is_due,
        }
    }
}

#[cfg(all(test, not(loom)))]
#[expect(clippy::unwrap_used, reason = "what goes wrong in a scene fails its test")]
mod tests {
    use super::{Pace, ReactorPost};
    use ropewalk_reactor::Reactor;
    use std::panic::Location;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    /// A reactor that runs what a test says, on time that the test tells.
    struct Scene {
        reactor: Option<Reactor>,
        post: ReactorPost,
        calls: Arc<AtomicUsize>,
        zero: Instant,
        pace: Pace,
    }

    impl Scene {
        fn new() -> Self {
            let reactor = Reactor::new().unwrap();
            let calls = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&calls);
            let alarm = move || {
                counted.fetch_add(1, Ordering::Relaxed);
            };
            let post = ReactorPost::new(&reactor.handle(), Arc::new(alarm));
            let pace = Pace::new(Duration::from_millis(40));
            Self { reactor: Some(reactor), post, calls, zero: Instant::now(), pace }
        }

        fn run<R>(&mut self, code: impl FnOnce(&mut Self) -> R) -> R {
            let reactor = self.reactor.take().unwrap();
            let result = reactor.timed("call", Location::caller(), || code(self));
            self.reactor = Some(reactor);
            result
        }

        fn at(&self, ms: u64) -> Instant {
            self.zero + Duration::from_millis(ms)
        }

        /// Looks at that time: the age of what has ended.
        fn look(&mut self, ms: u64) -> Option<Duration> {
            self.post.look(self.at(ms), self.pace).map(|ended| ended.age)
        }

        fn next(&self) -> Option<u64> {
            let next = self.post.next()?.saturating_duration_since(self.zero);
            u64::try_from(next.as_millis()).ok()
        }

        /// The age of what is to be reported now.
        fn report(&mut self, ms: u64) -> Option<Duration> {
            let now = self.at(ms);
            self.post.is_due().then(|| self.post.report(now).unwrap().age)
        }

        fn calls(&self) -> usize {
            self.calls.load(Ordering::Relaxed)
        }
    }

    /// However many callbacks there are, and however often others call.
    #[test]
    fn i6_a_reactor_calls_once_for_each_look_at_it() {
        let mut scene = Scene::new();
        scene.look(0);
        assert_eq!(scene.next(), Some(10));
        scene.look(10);
        assert_eq!((scene.next(), scene.calls()), (None, 0), "it rests");
        (0..3).for_each(|_| scene.run(|_| ()));
        assert_eq!(scene.calls(), 1);
        scene.look(100);
        assert_eq!(scene.next(), Some(110));
        for ms in 101..110 {
            scene.run(|_| ());
            scene.look(ms);
        }
        assert_eq!((scene.next(), scene.calls()), (Some(110), 1));
        scene.look(110);
        assert_eq!(scene.next(), Some(120), "it has moved");
        scene.look(120);
        assert_eq!((scene.next(), scene.calls()), (None, 1));
        scene.run(|_| ());
        assert_eq!(scene.calls(), 2);
    }

    #[test]
    fn what_runs_is_due_when_it_has_been_seen_for_long_enough_and_then_at_twice_its_age() {
        let mut scene = Scene::new();
        let ms = Duration::from_millis;
        scene.run(|scene| {
            scene.look(5);
            assert_eq!((scene.next(), scene.report(5)), (Some(15), None));
            for at in [15, 25, 35] {
                assert_eq!((scene.look(at), scene.report(at)), (None, None));
                assert_eq!(scene.next(), Some(at + 10));
            }
            scene.look(45);
            assert_eq!((scene.report(45), scene.next()), (Some(ms(40)), Some(85)));
            scene.look(60);
            assert_eq!(scene.report(60), None);
            scene.look(85);
            assert_eq!((scene.report(85), scene.next()), (Some(ms(80)), Some(165)));
            assert_eq!(scene.post.report(scene.at(90)).unwrap().age, ms(85), "others are due");
            assert_eq!(scene.calls(), 0);
        });
        assert_eq!(scene.calls(), 1, "at its end");
        assert_eq!(scene.look(100), Some(ms(95)));
        assert_eq!((scene.look(110), scene.next()), (None, None));
    }

    /// Its pool may be made at any time, and is found by looking.
    #[test]
    fn where_no_callback_is_too_long_one_looks_all_the_same() {
        let mut scene = Scene::new();
        scene.pace = Pace::new(Duration::MAX);
        scene.run(|scene| {
            for at in [5, 255, 505] {
                assert_eq!((scene.look(at), scene.report(at)), (None, None));
                assert_eq!(scene.next(), Some(at + 250));
            }
        });
        assert_eq!((scene.look(755), scene.next()), (None, Some(1005)));
        assert_eq!((scene.look(1005), scene.next()), (None, None), "it rests, and calls");
    }

    /// Short callbacks that follow upon one another are not one long callback.
    #[test]
    fn a_reactor_that_gets_on_is_not_blocked() {
        let mut scene = Scene::new();
        for at in (0..400).step_by(10) {
            let seen = scene.run(|scene| (scene.look(at), scene.report(at)));
            assert_eq!(seen, (None, None));
        }
        assert_eq!(scene.look(400), None, "nor has one of them been");
    }

    #[test]
    fn a_reactor_is_gone_when_its_last_callback_is_over() {
        let mut scene = Scene::new();
        let reactor = scene.reactor.take().unwrap();
        let weak = reactor.downgrade();
        weak.with(|lent| {
            lent.timed("call", Location::caller(), || {
                drop(reactor);
                scene.look(10);
                assert!(!scene.post.is_gone());
            });
        });
        scene.look(20);
        assert!(scene.post.is_gone());
    }
}
