//! The timers held against a sorted map.

use super::{Due, LEFT, TimerKey, Timers};
use crate::storage::KEPT;
use proptest::collection::vec;
use proptest::prelude::{
    ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use proptest::test_runner::TestCaseResult;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

#[derive(Clone, Debug)]
enum Step {
    Insert(Place),
    /// Many with deadlines close to each other.
    InsertMany(Place, u16),
    Remove(usize),
    /// All but every so many.
    RemoveMost(usize),
    Move(usize, Place),
    /// At most so many; after each another timer may be set, moved or removed.
    Fire(usize, Vec<Self>),
    Pass(u64),
    /// To the first deadline, or short of it.
    PassToFirst(u64),
}

/// Where a deadline lies.
#[derive(Clone, Copy, Debug)]
enum Place {
    After(u64),
    Before(u64),
    /// Where a slot of that level begins, or one nanosecond before it.
    AtEdge(u32, u64, bool),
    At(u64),
}

fn delay() -> impl Strategy<Value = u64> {
    // As often around a nanosecond as around a year.
    (0..62_u32, any::<u64>()).prop_map(|(bits, number)| number & ((1 << bits) - 1))
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        6 => delay().prop_map(Place::After),
        2 => (0..4_u64).prop_map(Place::After),
        2 => delay().prop_map(Place::Before),
        3 => (0..8_u32, 0..130_u64, any::<bool>())
            .prop_map(|(level, slots, before)| Place::AtEdge(level, slots, before)),
        1 => (u64::MAX - 3..=u64::MAX).prop_map(Place::At),
    ]
}

fn inner_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => place().prop_map(Step::Insert),
        2 => any::<usize>().prop_map(Step::Remove),
        2 => (any::<usize>(), place()).prop_map(|(which, to)| Step::Move(which, to)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => inner_step(),
        1 => (place(), 1..300_u16).prop_map(|(place, count)| Step::InsertMany(place, count)),
        1 => (2..50_usize).prop_map(Step::RemoveMost),
        4 => (prop_oneof![1..10_usize, 300..1000_usize], vec(inner_step(), 0..4))
            .prop_map(|(limit, steps)| Step::Fire(limit, steps)),
        2 => delay().prop_map(Step::Pass),
        3 => (0..3_u64).prop_map(Step::PassToFirst),
    ]
}

/// What is in place of a closure.
#[derive(Debug, PartialEq)]
struct Numbered {
    due: u64,
    number: usize,
}

impl Due for Numbered {
    fn due(&self) -> u64 {
        self.due
    }

    fn set_due(&mut self, due: u64) {
        self.due = due;
    }
}

fn numbered(number: usize) -> Numbered {
    Numbered { due: 0, number }
}

/// The timers, and what should be in them.
struct Model {
    base: Instant,
    /// Never the last nanosecond of all, which is never.
    now: u64,
    timers: Timers<Numbered>,
    /// By deadline and order of setting, the number of the timer.
    order: BTreeMap<(u64, u64), usize>,
    /// By number.
    all: Vec<(TimerKey, u64, u64)>,
    last: u64,
}

impl Model {
    fn new() -> Self {
        let base = Instant::now();
        let (order, all) = (BTreeMap::new(), Vec::new());
        Self { base, now: 0, timers: Timers::new(base), order, all, last: 0 }
    }

    fn at(&self, nanos: u64) -> Instant {
        self.base + Duration::from_nanos(nanos)
    }

    fn pass_to(&mut self, time: u64) {
        self.now = time.clamp(self.now, u64::MAX - 1);
    }

    fn find(&self, place: Place) -> u64 {
        match place {
            Place::After(by) => self.now.saturating_add(by),
            Place::Before(by) => self.now.saturating_sub(by),
            Place::AtEdge(level, slots, before) => {
                let width = 20 + 6 * level;
                let edge = ((self.now >> width) + slots).min(u64::MAX >> width) << width;
                edge.saturating_sub(u64::from(before))
            }
            Place::At(deadline) => deadline,
        }
    }

    fn insert(&mut self, deadline: u64) {
        self.last += 1;
        let number = self.all.len();
        let from = if deadline < self.now { 0 } else { self.now };
        let delay = Duration::from_nanos(deadline - from);
        let key = self.timers.insert(self.at(from), delay, numbered(number));
        self.all.push((key, deadline, self.last));
        self.order.insert((deadline, self.last), number);
    }

    fn remove(&mut self, number: usize) -> TestCaseResult {
        let (key, deadline, order) = self.all[number];
        let expected = self.order.remove(&(deadline, order));
        prop_assert_eq!(self.timers.remove(key).map(|timer| timer.number), expected);
        prop_assert_eq!(self.timers.deadline(key), None);
        Ok(())
    }

    fn set_deadline(&mut self, number: usize, to: u64) -> TestCaseResult {
        let (key, deadline, order) = self.all[number];
        let pending = self.order.remove(&(deadline, order)).is_some();
        prop_assert_eq!(self.timers.deadline(key), pending.then(|| self.at(deadline)));
        let moved = self.timers.set_deadline(key, self.base, Duration::from_nanos(to));
        prop_assert_eq!(moved.is_some(), pending);
        if let Some(new) = moved {
            prop_assert_eq!(self.timers.deadline(key), None, "its old name");
            prop_assert_eq!(self.timers.deadline(new), Some(self.at(to)));
            self.last += 1;
            self.all[number] = (new, to, self.last);
            self.order.insert((to, self.last), number);
        }
        Ok(())
    }

    /// One pass; after each timer that has fired comes one of the steps.
    fn fire(&mut self, limit: usize, steps: Vec<Step>) -> TestCaseResult {
        let (pass, last) = (self.timers.begin_pass(self.at(self.now)), self.last);
        let mut steps = steps.into_iter();
        for _ in 0..limit {
            let due = self.order.first_key_value().map(|(&place, &number)| (place, number));
            let due = due.filter(|&((deadline, order), _)| {
                deadline <= self.now && deadline < u64::MAX && order <= last
            });
            let expected = due.map(|((deadline, order), number)| {
                self.order.remove(&(deadline, order));
                (Duration::from_nanos(self.now - deadline), number)
            });
            let next = self.timers.next_due(pass).map(|(late, timer)| (late, timer.number));
            prop_assert_eq!(next, expected);
            if expected.is_none() {
                break;
            }
            match steps.next() {
                // While a pass runs nothing is set for a time before it.
                Some(Step::Insert(place)) => self.insert(self.find(place).max(self.now)),
                Some(Step::Move(which, place)) => {
                    let which = which % self.all.len();
                    self.set_deadline(which, self.find(place).max(self.now))?;
                }
                Some(Step::Remove(which)) => self.remove(which % self.all.len())?,
                _ => {}
            }
            self.check()?;
        }
        Ok(())
    }

    fn step(&mut self, step: Step) -> TestCaseResult {
        match step {
            Step::Insert(place) => self.insert(self.find(place)),
            Step::InsertMany(place, count) => {
                let from = self.find(place);
                for number in 0..count {
                    let spread = u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 38;
                    self.insert(from.saturating_add(spread));
                }
            }
            Step::Remove(which) if !self.all.is_empty() => self.remove(which % self.all.len())?,
            Step::RemoveMost(but) => {
                for number in (0..self.all.len()).filter(|number| number % but != 0) {
                    self.remove(number)?;
                }
            }
            Step::Move(which, place) if !self.all.is_empty() => {
                self.set_deadline(which % self.all.len(), self.find(place))?;
            }
            Step::Fire(limit, steps) => self.fire(limit, steps)?,
            Step::Pass(by) => self.pass_to(self.now.saturating_add(by)),
            Step::PassToFirst(short) => {
                if let Some((&(deadline, _), _)) = self.order.first_key_value() {
                    self.pass_to(deadline.saturating_sub(short));
                }
            }
            Step::Remove(_) | Step::Move(..) => {}
        }
        self.check()
    }

    fn check(&mut self) -> TestCaseResult {
        let timers = &mut self.timers;
        prop_assert_eq!(timers.len(), self.order.len());
        // The wheel may hold as many again that do not count, and storage for four times of it.
        prop_assert!(timers.wheel.len() <= 2 * timers.len() + LEFT);
        let first = self.order.first_key_value().map(|(&(deadline, _), _)| deadline);
        let first = first.filter(|&deadline| deadline != u64::MAX);
        let first = first.map(|deadline| self.base + Duration::from_nanos(deadline));
        prop_assert_eq!(timers.first_deadline(), first);
        let now = self.base + Duration::from_nanos(self.now);
        let mut later = self.order.range((self.now.saturating_add(1), 0)..);
        let later = later.next().map(|(&(deadline, _), _)| deadline).filter(|&at| at != u64::MAX);
        let later = later.map(|deadline| self.base + Duration::from_nanos(deadline));
        prop_assert_eq!(timers.first_deadline_after(now), later);
        Ok(())
    }

    fn end(mut self) -> TestCaseResult {
        let listed: Vec<_> = self.timers.iter().map(|(at, timer)| (at, timer.number)).collect();
        let expected: Vec<_> =
            self.order.iter().map(|(&(at, _), &number)| (self.at(at), number)).collect();
        prop_assert_eq!(listed, expected);
        let mut taken: Vec<_> = self.timers.take().into_iter().map(|timer| timer.number).collect();
        taken.sort_unstable();
        let mut expected: Vec<_> = self.order.into_values().collect();
        expected.sort_unstable();
        prop_assert_eq!(taken, expected);
        prop_assert_eq!((self.timers.len(), self.timers.wheel.len()), (0, 0));
        prop_assert_eq!(self.timers.first_deadline(), None);
        // Each of the 512 slots may keep a little.
        prop_assert!(self.timers.capacity() <= 512 * 32 + 2 * KEPT);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The time goes on in steps of nanoseconds and of years; deadlines lie behind it and before
    /// it, at the edges of slots, and at the end of all time.
    #[test]
    fn i8_timers_agree_with_a_sorted_map(steps in vec(step(), 1..60)) {
        let mut model = Model::new();
        for step in steps {
            model.step(step)?;
        }
        model.end()?;
    }
}

/// The first of a hundred thousand stays: it keeps its own place, not that of the others.
#[test]
fn a_burst_leaves_no_storage_behind_with_who_stays() {
    for fires in [false, true] {
        let base = Instant::now();
        let mut timers = Timers::new(base);
        let stays = timers.insert(base, Duration::from_secs(100), numbered(0));
        let keys: Vec<_> = (1..100_000)
            .map(|number| {
                let delay = Duration::from_micros(number as u64 % 1_000);
                timers.insert(base, delay, numbered(number))
            })
            .collect();
        assert!(timers.capacity() >= 100_000);
        if fires {
            let pass = timers.begin_pass(base + Duration::from_secs(1));
            assert_eq!(std::iter::from_fn(|| timers.next_due(pass)).count(), 99_999);
        } else {
            assert!(keys.iter().all(|&key| timers.remove(key).is_some()));
        }
        assert!(timers.capacity() <= 2 * KEPT, "fires {fires}: {}", timers.capacity());
        assert_eq!((timers.len(), timers.remove(stays).map(|timer| timer.number)), (1, Some(0)));
    }
}

/// Each move leaves an entry behind, and all of them are found in time.
#[test]
fn w15_a_timer_that_is_moved_for_ever_takes_the_room_of_one() {
    let base = Instant::now();
    let mut timers = Timers::new(base);
    let mut key = timers.insert(base, Duration::from_secs(60), numbered(0));
    for step in 0..100_000 {
        let to = Duration::from_secs(60) + Duration::from_millis(step);
        key = timers.set_deadline(key, base, to).unwrap();
        assert!(timers.wheel.len() <= 2 + LEFT);
    }
    assert!(timers.capacity() <= KEPT, "{}", timers.capacity());
}
