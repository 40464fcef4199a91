//! A program on the model.

use super::{Act, On, Op};
use std::collections::VecDeque;

/// A value, or the name of a failure.
type Outcome = Result<usize, &'static str>;

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Unfired,
    Running,
    Waiting,
    Settled,
    Done,
}

struct Link {
    number: usize,
    on: On,
    act: Act,
    /// The chain whose end the link owns, and the one whose promise it owns.
    end: Option<usize>,
    promise: Option<usize>,
}

struct Chain {
    stage: Stage,
    links: VecDeque<Link>,
    result: Outcome,
    canceller: Option<usize>,
    claimed: bool,
    bare: bool,
    forward: Option<usize>,
    source: Option<usize>,
}

/// What the program still holds of what it made.
#[derive(Clone, Copy)]
struct Held {
    promise: Option<usize>,
    end: Option<usize>,
}

#[derive(Default)]
struct Model {
    chains: Vec<Chain>,
    held: Vec<Held>,
    log: Vec<String>,
}

pub(crate) fn run(program: &[Op]) -> Vec<String> {
    let mut model = Model::default();
    for (number, op) in program.iter().enumerate() {
        model.step(number, *op);
    }
    for held in 0..model.held.len() {
        if let Some(chain) = model.held[held].promise.take() {
            model.fire(chain, Err("abandoned"));
        }
    }
    for held in 0..model.held.len() {
        if let Some(chain) = model.held[held].end.take() {
            let name = name(model.chains[chain].result);
            match model.chains[chain].stage {
                Stage::Settled => model.log.push(format!("end {held} {name}")),
                _ => model.chains[chain].claimed = false,
            }
        }
    }
    model.log
}

impl Model {
    fn step(&mut self, number: usize, op: Op) {
        match op {
            Op::New { canceller } => {
                let chain = self.chains.len();
                self.chains.push(Chain {
                    stage: Stage::Unfired,
                    links: VecDeque::new(),
                    result: Err("no result"),
                    canceller: canceller.then_some(self.held.len()),
                    claimed: true,
                    bare: true,
                    forward: None,
                    source: None,
                });
                self.held.push(Held { promise: Some(chain), end: Some(chain) });
            }
            Op::Attach { chain: held, on, act } => {
                let Some(chain) = self.take_end(held) else { return };
                let end = if let Act::Return(other) = act { self.take_end(other) } else { None };
                let promise =
                    if let Act::Fire(other) = act { self.take_promise(other) } else { None };
                self.chains[chain].bare = false;
                self.chains[chain].links.push_back(Link { number, on, act, end, promise });
                if self.chains[chain].stage == Stage::Settled {
                    self.drive(chain);
                }
                self.held[held].end = Some(chain);
            }
            Op::Fire { chain, value } => {
                if let Some(chain) = self.take_promise(chain) {
                    self.fire(chain, if value { Ok(number) } else { Err("failed") });
                }
            }
            Op::Abandon(chain) => {
                if let Some(chain) = self.take_promise(chain) {
                    self.fire(chain, Err("abandoned"));
                }
            }
            Op::Cancel(chain) => self.cancel_held(chain),
            Op::Drop(chain) => {
                if let Some(chain) = self.take_end(chain) {
                    self.drop_end(chain);
                }
            }
            Op::Chain { from, to } => {
                let Some(source) = self.take_end(from) else { return };
                match self.take_promise(to) {
                    Some(target) => self.forward(source, target),
                    None => self.held[from].end = Some(source),
                }
            }
        }
    }

    fn take_end(&mut self, held: usize) -> Option<usize> {
        self.held.get_mut(held)?.end.take()
    }

    fn take_promise(&mut self, held: usize) -> Option<usize> {
        self.held.get_mut(held)?.promise.take()
    }

    fn drop_end(&mut self, chain: usize) {
        if self.chains[chain].stage == Stage::Settled {
            self.chains[chain].stage = Stage::Done;
            self.report(chain);
        } else {
            self.chains[chain].claimed = false;
        }
    }

    fn report(&mut self, chain: usize) {
        let Chain { result, bare, .. } = self.chains[chain];
        if result.is_err() && !(bare && result == Err("abandoned")) {
            self.log.push(format!("unhandled {}", name(result)));
        }
    }

    fn fire(&mut self, chain: usize, result: Outcome) {
        if self.chains[chain].stage == Stage::Unfired {
            self.chains[chain].result = result;
            self.drive(chain);
        }
    }

    fn drive(&mut self, chain: usize) {
        self.chains[chain].stage = Stage::Running;
        self.chains[chain].source = None;
        self.chains[chain].canceller = None;
        while let Some(link) = self.chains[chain].links.pop_front() {
            let input = self.chains[chain].result;
            let skipped = match link.on {
                On::Value => input.is_err(),
                On::Failure => input.is_ok(),
                On::Both => false,
            };
            if skipped {
                self.drop_link(&link);
                continue;
            }
            self.log.push(format!("link {} {}", link.number, name(input)));
            let mut result = Ok(link.number);
            match (link.act, link.end, link.promise) {
                (Act::Fail, ..) => result = Err("failed"),
                (Act::Panic, ..) => result = Err("panicked"),
                (Act::Return(_), Some(inner), _) if self.chains[inner].stage == Stage::Settled => {
                    self.chains[inner].stage = Stage::Done;
                    result = self.chains[inner].result;
                }
                (Act::Return(_), Some(inner), _) => {
                    self.chains[inner].claimed = false;
                    if !self.reaches(inner, chain) {
                        self.chains[chain].stage = Stage::Waiting;
                        self.chains[chain].source = Some(inner);
                        self.chains[inner].forward = Some(chain);
                        return;
                    }
                    result = Err("waits for itself");
                }
                (Act::Fire(_), _, Some(other)) => self.fire(other, Ok(link.number)),
                (Act::Cancel(held), ..) => self.cancel_held(held),
                _ => {}
            }
            self.chains[chain].result = result;
        }
        self.settle(chain);
    }

    fn drop_link(&mut self, link: &Link) {
        if let Some(end) = link.end {
            self.drop_end(end);
        }
        if let Some(promise) = link.promise {
            self.fire(promise, Err("abandoned"));
        }
    }

    fn settle(&mut self, chain: usize) {
        let result = self.chains[chain].result;
        if let Some(target) = self.chains[chain].forward.take() {
            self.chains[chain].stage = Stage::Done;
            if self.chains[target].source == Some(chain) {
                self.chains[target].result = result;
                self.drive(target);
            }
        } else if self.chains[chain].claimed {
            self.chains[chain].stage = Stage::Settled;
        } else {
            self.chains[chain].stage = Stage::Done;
            self.report(chain);
        }
    }

    fn forward(&mut self, source: usize, target: usize) {
        if self.chains[source].stage == Stage::Settled {
            self.chains[source].stage = Stage::Done;
            self.fire(target, self.chains[source].result);
            return;
        }
        self.chains[source].claimed = false;
        if self.chains[target].stage != Stage::Unfired {
            self.chains[source].forward = Some(target);
        } else if self.reaches(source, target) {
            self.fire(target, Err("waits for itself"));
        } else {
            self.chains[target].source = Some(source);
            self.chains[source].forward = Some(target);
        }
    }

    /// Whether `chain` is or waits for `other`.
    fn reaches(&self, chain: usize, other: usize) -> bool {
        chain == other || self.chains[chain].source.is_some_and(|next| self.reaches(next, other))
    }

    fn cancel_held(&mut self, held: usize) {
        if let Some(chain) = self.held.get(held).and_then(|held| held.end) {
            self.cancel(chain);
        }
    }

    fn cancel(&mut self, chain: usize) {
        let source = self.chains[chain].source;
        match self.chains[chain].stage {
            Stage::Unfired => {
                if let Some(canceller) = self.chains[chain].canceller.take() {
                    self.log.push(format!("canceller {canceller}"));
                } else if let Some(source) = source {
                    return self.cancel(source);
                }
                self.fire(chain, Err("cancelled"));
            }
            Stage::Waiting => self.cancel(source.expect("a waiting chain knows its source")),
            Stage::Running | Stage::Settled | Stage::Done => {}
        }
    }
}

fn name(result: Outcome) -> String {
    result.map_or_else(str::to_owned, |value| value.to_string())
}
