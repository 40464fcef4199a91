//! `Cooperator` against a model that knows no ring and counts nobody: it is told who makes a step,
//! and says whether that was fair and what comes of it.

use crate::signal::manual;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use ropewalk_deferred::{
    Abandoned, CancelHandle, Cancelled, Deferred, Failure, Panicked, Promise, TimedOut,
    clear_unhandled_hook, set_unhandled_hook,
};
use ropewalk_reactor::Reactor;
use ropewalk_task::{
    CooperativeTask, Cooperator, NotPaused, SchedulerStopped, TaskFailed, TaskFinished, TaskStopped,
};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::iter::from_fn;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::time::Duration;

/// What a step of an iterator does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Item {
    Breathes,
    Waits,
    Fails,
    Panics,
    /// Its own task, if it has a handle of it.
    Stops,
    Pauses,
    /// The cooperator.
    Halts,
}

#[derive(Clone, Debug)]
enum Step {
    /// `handle`: by `cooperate`.
    Add {
        items: Vec<Item>,
        handle: bool,
    },
    /// One turn, which is one step of one task.
    Turn,
    Pause(usize),
    Resume(usize),
    Stop(usize),
    /// Asks for the end; may cancel that at once.
    WhenDone {
        task: usize,
        cancels: bool,
    },
    /// Cancels what `coiterate` gave.
    Cancel(usize),
    /// Fires what the task waits for.
    Fire {
        task: usize,
        fails: bool,
    },
    Halt,
}

fn item() -> impl Strategy<Value = Item> {
    prop_oneof![
        200 => Just(Item::Breathes),
        30 => Just(Item::Waits),
        4 => Just(Item::Fails),
        4 => Just(Item::Panics),
        4 => Just(Item::Stops),
        12 => Just(Item::Pauses),
        1 => Just(Item::Halts),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    const TASKS: usize = 4;
    prop_oneof![
        24 => (vec(item(), 0..20), any::<bool>())
            .prop_map(|(items, handle)| Step::Add { items, handle }),
        160 => Just(Step::Turn),
        30 => (0..TASKS).prop_map(Step::Pause),
        50 => (0..TASKS).prop_map(Step::Resume),
        4 => (0..TASKS).prop_map(Step::Stop),
        12 => (0..TASKS, any::<bool>()).prop_map(|(task, cancels)| Step::WhenDone { task, cancels }),
        4 => (0..TASKS).prop_map(Step::Cancel),
        40 => (0..TASKS, any::<bool>()).prop_map(|(task, fails)| Step::Fire { task, fails }),
        1 => Just(Step::Halt),
    ]
}

/// What is known of one who waits for the end of a task: nothing yet, or the name of the result.
type Told = Rc<Cell<Option<&'static str>>>;

fn tell(deferred: Deferred<()>) -> Told {
    let told = Told::default();
    let name = Rc::clone(&told);
    deferred
        .add_both(move |result| name.set(Some(result.map_or_else(name_of, |()| "done"))))
        .detach();
    told
}

fn name_of(failure: Failure) -> &'static str {
    let cause = failure.downcast_ref::<TaskFailed>().map_or(&failure, TaskFailed::failure);
    match () {
        () if cause.is::<TimedOut>() => "failed",
        () if cause.is::<Panicked>() => "panicked",
        () if cause.is::<TaskStopped>() => "stopped",
        () if cause.is::<SchedulerStopped>() => "halted",
        () if cause.is::<Cancelled>() => "cancelled",
        () if cause.is::<Abandoned>() => "abandoned",
        () => "something else",
    }
}

/// The model of a task, and what is needed to meet the real one.
struct Task {
    items: Vec<Item>,
    next: usize,
    pauses: usize,
    waits: bool,
    end: Option<&'static str>,
    /// Who has made a step since this one could go on, or has made its own last one.
    passed_by: BTreeSet<usize>,
    /// Those who wait for its end, each with what it has to know by now.
    told: Vec<(Told, Option<&'static str>)>,
    asked: bool,

    handle: Option<CooperativeTask>,
    canceller: Option<CancelHandle>,
    promise: Rc<Cell<Option<Promise<()>>>>,
}

impl Task {
    fn can_go_on(&self) -> bool {
        self.end.is_none() && self.pauses == 0 && !self.waits
    }

    fn ends(&mut self, end: &'static str) {
        if self.end.is_none() {
            self.end = Some(end);
            for (_, expected) in &mut self.told {
                expected.get_or_insert(end);
            }
        }
    }

    /// What the real one has to say of its end.
    fn finished(&self) -> Option<TaskFinished> {
        self.end.map(|end| match end {
            "done" => TaskFinished::Done,
            "failed" | "panicked" => TaskFinished::Failed,
            "halted" => TaskFinished::SchedulerStopped,
            "abandoned" => TaskFinished::Abandoned,
            _ => TaskFinished::Stopped,
        })
    }
}

struct World {
    cooperator: Cooperator,
    halted: bool,
    tasks: Vec<Task>,
    /// Who has made steps, as the iterators say.
    steps: Rc<RefCell<Vec<usize>>>,
    /// Held by each iterator that is not dropped.
    payload: Rc<()>,
}

impl World {
    fn new(reactor: &Reactor) -> Self {
        Self {
            cooperator: Cooperator::with_slice(reactor, Duration::ZERO),
            halted: false,
            tasks: Vec::new(),
            steps: Rc::default(),
            payload: Rc::new(()),
        }
    }

    fn add(&mut self, items: Vec<Item>, by_handle: bool) {
        let own = Rc::new(RefCell::new(None::<CooperativeTask>));
        let promise = Rc::default();
        let iterator = self.iterator(items.clone(), &own, &promise);
        let (mut handle, mut canceller, mut told) = (None, None, Vec::new());
        if by_handle {
            let task = self.cooperator.cooperate(iterator);
            // Taken by the iterator, which the task owns: a circle until its end.
            own.replace(Some(task.clone()));
            handle = Some(task);
        } else {
            let given = self.cooperator.coiterate(iterator);
            canceller = Some(given.canceller());
            told.push((tell(given), None));
        }
        let (waits, end, passed_by) = (false, None, BTreeSet::new());
        let (next, pauses, asked) = (0, 0, false);
        let mut task = Task {
            items,
            next,
            pauses,
            waits,
            end,
            passed_by,
            told,
            asked,
            handle,
            canceller,
            promise,
        };
        if self.halted {
            task.ends("halted");
        }
        self.tasks.push(task);
    }

    fn iterator(
        &self,
        items: Vec<Item>,
        own: &Rc<RefCell<Option<CooperativeTask>>>,
        promise: &Rc<Cell<Option<Promise<()>>>>,
    ) -> impl Iterator<Item = Deferred<()>> + use<> {
        let number = self.tasks.len();
        let (steps, payload) = (Rc::clone(&self.steps), Rc::clone(&self.payload));
        let (mut script, own) = (items.into_iter(), Rc::clone(own));
        let (promise, cooperator) = (Rc::clone(promise), self.cooperator.clone());
        from_fn(move || {
            let _ = &payload;
            steps.borrow_mut().push(number);
            let handle = own.borrow().clone();
            match (script.next()?, handle) {
                (Item::Waits, _) => {
                    let (fires, deferred) = Deferred::new();
                    promise.set(Some(fires));
                    return Some(deferred);
                }
                (Item::Fails, _) => return Some(Deferred::fail(TimedOut)),
                // As a panic, without the message on the terminal.
                (Item::Panics, _) => resume_unwind(Box::new("on purpose")),
                (Item::Stops, Some(handle)) => handle.stop().unwrap(),
                (Item::Pauses, Some(handle)) => handle.pause(),
                (Item::Halts, _) => cooperator.stop(),
                (Item::Breathes | Item::Stops | Item::Pauses, _) => {}
            }
            Some(Deferred::succeed(()))
        })
    }

    fn halt(&mut self) {
        self.halted = true;
        self.tasks.iter_mut().for_each(|task| task.ends("halted"));
    }

    /// One turn of the real one, and what it has to bring.
    fn turn(&mut self, reactor: &Reactor) {
        reactor.turn(Some(Duration::ZERO)).unwrap();
        let stepped = self.steps.take();
        let ready = self.tasks.iter().any(Task::can_go_on);
        assert_eq!(stepped.len(), usize::from(ready), "a slice of nothing is one step");
        let Some(&number) = stepped.first() else { return };
        for (other, task) in self.tasks.iter_mut().enumerate() {
            if other == number {
                assert!(task.can_go_on(), "{number} cannot go on");
                task.passed_by.clear();
            } else if task.can_go_on() {
                assert!(task.passed_by.insert(number), "{number} passes {other} twice");
            }
        }
        let task = &mut self.tasks[number];
        let item = task.items.get(task.next).copied();
        task.next += 1;
        match item {
            None => task.ends("done"),
            Some(Item::Waits) => task.waits = true,
            Some(Item::Fails) => task.ends("failed"),
            Some(Item::Panics) => task.ends("panicked"),
            Some(Item::Stops) if task.handle.is_some() => task.ends("stopped"),
            Some(Item::Pauses) if task.handle.is_some() => task.pauses += 1,
            Some(Item::Halts) => self.halt(),
            Some(Item::Breathes | Item::Stops | Item::Pauses) => {}
        }
    }

    fn apply(&mut self, reactor: &Reactor, step: Step) {
        let task = match step {
            Step::Add { items, handle } => return self.add(items, handle),
            Step::Turn => return self.turn(reactor),
            Step::Halt => {
                self.cooperator.stop();
                return self.halt();
            }
            Step::Pause(task) | Step::Resume(task) | Step::Stop(task) | Step::Cancel(task) => task,
            Step::WhenDone { task, .. } | Step::Fire { task, .. } => task,
        };
        let Some(task) = self.tasks.get_mut(task) else { return };
        match (step, task.handle.clone()) {
            (Step::Pause(_), Some(handle)) => {
                handle.pause();
                task.pauses += 1;
            }
            (Step::Resume(_), Some(handle)) => {
                let resumed = handle.resume();
                assert_eq!(resumed, task.pauses.checked_sub(1).map(drop).ok_or(NotPaused));
                task.pauses = task.pauses.saturating_sub(1);
            }
            (Step::Stop(_), Some(handle)) => {
                assert_eq!(handle.stop(), task.finished().map_or(Ok(()), Err));
                task.ends("stopped");
            }
            (Step::WhenDone { cancels, .. }, Some(handle)) => {
                let end = handle.when_done();
                let mut expected = task.end;
                if cancels {
                    end.cancel();
                    expected.get_or_insert("cancelled");
                }
                task.told.push((tell(end), expected));
                task.asked = true;
            }
            (Step::Fire { fails, .. }, _) => {
                let Some(promise) = task.promise.take() else { return };
                promise.resolve(if fails { Err(TimedOut.into()) } else { Ok(()) });
                task.waits = false;
                if fails {
                    task.ends("failed");
                }
            }
            (Step::Cancel(_), _) => {
                if let Some(canceller) = &task.canceller {
                    canceller.cancel();
                    task.ends("cancelled");
                }
            }
            _ => {}
        }
    }

    fn check(&mut self) {
        for task in &mut self.tasks {
            if !task.can_go_on() {
                task.passed_by.clear();
            }
            for (told, expected) in &task.told {
                assert_eq!(told.get(), *expected);
            }
            if let Some(handle) = &task.handle {
                assert_eq!(handle.finished(), task.finished());
            }
            if let Some(promise) = task.promise.take() {
                assert_eq!(promise.is_cancelled(), task.end.is_some());
                task.promise.set(Some(promise));
            }
        }
        let living = self.tasks.iter().filter(|task| task.end.is_none()).count();
        assert_eq!(Rc::strong_count(&self.payload), 1 + living, "who has ended holds nothing");
    }
}

/// Runs a program in both.
fn run(steps: Vec<Step>) {
    let unhandled = Rc::new(Cell::new(0));
    let count = Rc::clone(&unhandled);
    set_unhandled_hook(move |_| count.set(count.get() + 1));
    let (_clock, reactor) = manual();
    let mut world = World::new(&reactor);
    for step in steps {
        world.apply(&reactor, step);
        world.check();
        let ready = world.tasks.iter().any(Task::can_go_on);
        assert_eq!(reactor.delayed_calls().len(), usize::from(ready), "i6: no call for nobody");
    }
    drop(reactor);
    world.tasks.iter_mut().for_each(|task| task.ends("abandoned"));
    world.check();
    let failed = |task: &&Task| matches!(task.end, Some("failed" | "panicked"));
    let unseen = |task: &&Task| task.handle.is_some() && !task.asked;
    let expected = world.tasks.iter().filter(failed).filter(unseen).count();
    assert_eq!(unhandled.get(), 0, "somebody may still ask");
    world.tasks.clear();
    assert_eq!(unhandled.get(), expected);
    clear_unhandled_hook();
}

proptest! {
    #[test]
    fn b190_i2_i6_any_program_does_what_the_model_says(steps in vec(step(), 0..150)) {
        run(steps);
    }
}
