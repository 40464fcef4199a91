//! A program on the model.

use self::rules::{Chain, Link, Stage, name};
use super::program::{Act, Canceller, Deed, On, Op};

mod rules;

/// What the program still holds of what it made.
#[derive(Clone, Copy)]
struct Held {
    promise: Option<usize>,
    end: Option<usize>,
    handle: Option<usize>,
}

#[derive(Default)]
struct Model {
    chains: Vec<Chain>,
    held: Vec<Held>,
    links: usize,
    woken: usize,
    handles: bool,
    log: Vec<String>,
}

/// Runs the program; with `handles`, one is kept to each chain and cancelling goes through it.
pub(crate) fn run(program: &[Op], handles: bool) -> Vec<String> {
    let mut model = Model { handles, ..Model::default() };
    for (number, op) in program.iter().enumerate() {
        model.step(number, *op);
        model.log_wakes();
    }
    while model.abandon_all() {}
    model.log_wakes();
    for held in 0..model.held.len() {
        if let Some(chain) = model.take_end(held) {
            let Chain { stage, result, .. } = model.chains[chain];
            assert_eq!(stage, Stage::Settled, "a chain hangs");
            model.log.push(format!("end {held} {}", name(result)));
        }
    }
    model.log
}

impl Model {
    fn step(&mut self, number: usize, op: Op) {
        match op {
            Op::New(canceller) => {
                let chain = self.new_chain(Stage::Unfired, canceller);
                self.push(Some(chain), Some(chain));
            }
            Op::Ready { value } => {
                let chain = self.new_chain(Stage::Settled, Canceller::None);
                self.chains[chain].bare = false;
                self.chains[chain].result = if value { Ok(number) } else { Err("failed") };
                self.push(None, Some(chain));
            }
            // Of types the model knows nothing.
            Op::Attach { chain, on, act, turn: _ } => self.attach(chain, on, act),
            Op::Do(deed) => self.deed(number, deed),
        }
    }

    fn push(&mut self, promise: Option<usize>, end: Option<usize>) {
        let handle = end.filter(|_| self.handles);
        self.held.push(Held { promise, end, handle });
    }

    fn attach(&mut self, held: usize, on: On, act: Act) {
        let Some(chain) = self.take_end(held) else { return };
        let end = if let Act::Return(other) = act { self.take_end(other) } else { None };
        let promise = if let Act::Fire(other) = act { self.take_promise(other) } else { None };
        let number = self.links;
        self.links += 1;
        self.chains[chain].bare = false;
        self.chains[chain].links.push_back(Link { number, on, act, end, promise });
        if self.chains[chain].stage == Stage::Settled {
            self.drive(chain);
        }
        self.held[held].end = Some(chain);
    }

    fn deed(&mut self, number: usize, deed: Deed) {
        match deed {
            Deed::Fire { chain, value } => {
                if let Some(chain) = self.take_promise(chain) {
                    self.fire(chain, if value { Ok(number) } else { Err("failed") });
                }
            }
            Deed::Abandon(chain) => {
                if let Some(chain) = self.take_promise(chain) {
                    self.abandon(chain);
                }
            }
            Deed::Cancel(chain) => {
                let held = self.held.get(chain);
                if let Some(chain) = held.and_then(|held| held.handle.or(held.end)) {
                    self.cancel(chain);
                }
            }
            Deed::CancelOnDrop(chain) => {
                if let Some(chain) = self.held.get(chain).and_then(|held| held.end) {
                    self.chains[chain].drop_cancels = true;
                }
            }
            Deed::Drop(chain) => {
                if let Some(chain) = self.take_end(chain) {
                    self.drop_end(chain);
                }
            }
            Deed::Detach(chain) => self.detach(chain),
            Deed::DropHandle(chain) => {
                if let Some(held) = self.held.get_mut(chain) {
                    held.handle = None;
                }
            }
            Deed::Chain { from, to } => {
                let Some(source) = self.take_end(from) else { return };
                match self.take_promise(to) {
                    Some(target) => self.forward(source, target),
                    None => self.held[from].end = Some(source),
                }
            }
            Deed::Map(chain) => self.attach(chain, On::Value, Act::Value),
            Deed::OnFailure(chain) => {
                self.attach(chain, On::Each, Act::Report);
                self.detach(chain);
            }
            Deed::TryTake(chain) => {
                self.take_result(chain, "taken");
            }
            Deed::Poll(held) => {
                if let Some(chain) = self.take_result(held, "polled") {
                    self.chains[chain].waker = true;
                    self.chains[chain].drop_cancels = true;
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

    /// The chain, if it has no result yet.
    fn take_result(&mut self, held: usize, how: &str) -> Option<usize> {
        let chain = self.take_end(held)?;
        if self.chains[chain].stage != Stage::Settled {
            self.held[held].end = Some(chain);
            return Some(chain);
        }
        self.chains[chain].stage = Stage::Done;
        self.log.push(format!("{how} {}", name(self.chains[chain].result)));
        None
    }

    fn detach(&mut self, held: usize) {
        if let Some(chain) = self.take_end(held) {
            self.chains[chain].drop_cancels = false;
            self.drop_end(chain);
        }
    }

    /// Drops the promises that the program holds and those that wait in links; whether there were
    /// any. What runs then may make more.
    fn abandon_all(&mut self) -> bool {
        let mut any = false;
        for held in 0..self.held.len() {
            if let Some(chain) = self.take_promise(held) {
                any = true;
                self.abandon(chain);
            }
        }
        for number in 0..self.links {
            let mut links = self.chains.iter_mut().flat_map(|chain| &mut chain.links);
            let promise =
                links.find(|link| link.number == number).and_then(|one| one.promise.take());
            if let Some(chain) = promise {
                any = true;
                self.abandon(chain);
            }
        }
        any
    }

    fn log_wakes(&mut self) {
        if self.woken > 0 {
            self.log.push(format!("woken {}", self.woken));
            self.woken = 0;
        }
    }
}
