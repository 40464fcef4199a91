//! A program on the model.

use super::{Act, Op};
use std::collections::VecDeque;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Acquire,
    Run,
}

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Waiting,
    /// The function of a run has not returned yet.
    Acting,
    /// And has fired its own deferred.
    Fired,
    Holding,
    Over,
}

struct Asked {
    kind: Kind,
    act: Act,
    stage: Stage,
    /// The program still has the deferred.
    end: bool,
}

struct Model {
    free: usize,
    queue: VecDeque<usize>,
    asked: Vec<Asked>,
    there: bool,
    log: Vec<String>,
}

pub(super) fn run(tokens: usize, program: &[Op]) -> Vec<String> {
    let mut model = Model {
        free: tokens,
        queue: VecDeque::new(),
        asked: Vec::new(),
        there: true,
        log: Vec::new(),
    };
    for op in program {
        model.step(*op);
        if model.there {
            let Model { free, queue, .. } = &model;
            model.log.push(format!("free {free}, waiting {}", queue.len()));
        }
    }
    while model.asked.iter().any(|asked| asked.stage == Stage::Holding) {
        (0..model.asked.len()).for_each(|number| model.release(number));
    }
    assert!(model.queue.is_empty() && model.free == tokens);
    model.log
}

impl Model {
    fn step(&mut self, op: Op) {
        match op {
            Op::Acquire(act) => self.ask(Kind::Acquire, act),
            Op::TryAcquire => {
                if self.there && self.free > 0 {
                    self.free -= 1;
                    self.push(Kind::Acquire, Act::Nothing, Stage::Holding);
                    self.log.push("taken".to_owned());
                }
            }
            Op::Run(act) => self.ask(Kind::Run, act),
            Op::Release(number) => self.release(number),
            Op::Cancel(number) => self.cancel(number),
            Op::Drop(number) => {
                if self.asked.get(number).is_some_and(|asked| asked.kind == Kind::Acquire) {
                    self.cancel(number);
                }
                self.detach(number);
            }
            Op::Detach(number) => self.detach(number),
            Op::Forget => self.there = false,
        }
    }

    fn push(&mut self, kind: Kind, act: Act, stage: Stage) -> usize {
        self.asked.push(Asked { kind, act, stage, end: false });
        self.asked.len() - 1
    }

    fn ask(&mut self, kind: Kind, act: Act) {
        if !self.there {
            return;
        }
        let number = self.push(kind, act, Stage::Waiting);
        if self.free > 0 {
            self.free -= 1;
            self.grant(number);
        } else {
            self.queue.push_back(number);
        }
        self.asked[number].end = true;
    }

    fn grant(&mut self, number: usize) {
        let Asked { kind, act, .. } = self.asked[number];
        self.log.push(format!("{number} got it"));
        self.asked[number].stage = match (kind, act) {
            (_, Act::Panic) => Stage::Over,
            (Kind::Acquire, _) => Stage::Holding,
            (Kind::Run, _) => Stage::Acting,
        };
        if act == Act::Panic {
            self.hand_on();
            self.log.push(format!("{number} panicked"));
            return;
        }
        self.act(act);
        match self.asked[number].stage {
            Stage::Acting => self.asked[number].stage = Stage::Holding,
            Stage::Fired => self.end(number, "done"),
            _ => {}
        }
    }

    fn hand_on(&mut self) {
        match self.queue.pop_front() {
            Some(next) => self.grant(next),
            None => self.free += 1,
        }
    }

    /// The end of a run that has held a permit.
    fn end(&mut self, number: usize, how: &str) {
        self.asked[number].stage = Stage::Over;
        self.hand_on();
        self.log.push(format!("{number} {how}"));
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Nothing | Act::Panic => {}
            Act::Release(other) => self.release(other),
            Act::Cancel(other) => self.cancel(other),
            Act::Acquire => self.ask(Kind::Acquire, Act::Nothing),
        }
    }

    fn release(&mut self, number: usize) {
        let Some(asked) = self.asked.get_mut(number) else { return };
        match (asked.kind, asked.stage) {
            (Kind::Acquire, Stage::Holding) => {
                asked.stage = Stage::Over;
                self.hand_on();
            }
            (Kind::Run, Stage::Acting) => asked.stage = Stage::Fired,
            (Kind::Run, Stage::Holding) => self.end(number, "done"),
            _ => {}
        }
    }

    fn cancel(&mut self, number: usize) {
        let Some(asked) = self.asked.get_mut(number).filter(|asked| asked.end) else { return };
        match (asked.kind, asked.stage) {
            (kind, Stage::Waiting) => {
                asked.stage = Stage::Over;
                let act = asked.act;
                self.queue.retain(|waiting| *waiting != number);
                self.log.push(format!("{number} cancelled"));
                if kind == Kind::Acquire {
                    self.act(act);
                    if act == Act::Panic {
                        self.log.push(format!("{number} panicked"));
                    }
                }
            }
            (Kind::Run, Stage::Holding) => self.end(number, "cancelled"),
            _ => {}
        }
    }

    fn detach(&mut self, number: usize) {
        if let Some(asked) = self.asked.get_mut(number) {
            asked.end = false;
        }
    }
}
