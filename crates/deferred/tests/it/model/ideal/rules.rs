//! The rules of the model: what firing, waiting, cancelling and dropping do to a chain.

use super::Model;
use crate::model::program::{Act, Canceller, Deed, On};
use std::collections::VecDeque;
use std::mem::take;

/// A value, or the name of a failure.
pub(super) type Outcome = Result<usize, &'static str>;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stage {
    Unfired,
    Running,
    Waiting,
    Settled,
    Done,
}

pub(super) struct Link {
    pub(super) number: usize,
    pub(super) on: On,
    pub(super) act: Act,
    /// The chain whose end the link owns, and the one whose promise it owns.
    pub(super) end: Option<usize>,
    pub(super) promise: Option<usize>,
}

pub(super) struct Chain {
    pub(super) stage: Stage,
    pub(super) links: VecDeque<Link>,
    pub(super) result: Outcome,
    /// What the program calls it.
    pub(super) held: usize,
    pub(super) canceller: Canceller,
    /// The canceller is running.
    pub(super) asking: bool,
    pub(super) claimed: bool,
    pub(super) bare: bool,
    pub(super) drop_cancels: bool,
    pub(super) given_up: bool,
    pub(super) waker: bool,
    pub(super) forward: Option<usize>,
    pub(super) source: Option<usize>,
}

impl Model {
    pub(super) fn new_chain(&mut self, stage: Stage, canceller: Canceller) -> usize {
        self.chains.push(Chain {
            stage,
            links: VecDeque::new(),
            result: Err("no result"),
            held: self.held.len(),
            canceller,
            asking: false,
            claimed: true,
            bare: true,
            drop_cancels: false,
            given_up: false,
            waker: false,
            forward: None,
            source: None,
        });
        self.chains.len() - 1
    }

    pub(super) fn drop_end(&mut self, chain: usize) {
        if self.chains[chain].stage == Stage::Settled {
            self.chains[chain].stage = Stage::Done;
            return self.report(chain);
        }
        self.give_away(chain);
        if self.chains[chain].drop_cancels {
            self.chains[chain].given_up = true;
            self.cancel(chain);
        }
    }

    /// Nobody holds the end of the chain any more.
    fn give_away(&mut self, chain: usize) {
        self.chains[chain].claimed = false;
        self.chains[chain].waker = false;
    }

    pub(super) fn report(&mut self, chain: usize) {
        let Chain { result, bare, given_up, .. } = self.chains[chain];
        let expected = match result {
            Ok(_) => true,
            Err("abandoned") => bare,
            Err("cancelled") => given_up,
            Err(_) => false,
        };
        if !expected {
            self.log.push(format!("unhandled {}", name(result)));
        }
    }

    pub(super) fn fire(&mut self, chain: usize, result: Outcome) {
        if self.chains[chain].stage == Stage::Unfired {
            self.chains[chain].result = result;
            self.drive(chain);
        }
    }

    pub(super) fn drive(&mut self, chain: usize) {
        self.chains[chain].stage = Stage::Running;
        self.chains[chain].source = None;
        self.chains[chain].canceller = Canceller::None;
        while let Some(link) = self.chains[chain].links.pop_front() {
            let input = self.chains[chain].result;
            let skipped = match link.on {
                On::Value => input.is_err(),
                On::Failure => input.is_ok(),
                On::Both | On::Each => false,
            };
            if skipped {
                self.drop_link(&link);
                continue;
            }
            let mut result = self.run_link(&link, input);
            if let Some(inner) = self.returned(&link) {
                match self.await_returned(chain, inner) {
                    Some(returned) => result = returned,
                    None => return,
                }
            }
            self.chains[chain].result = result;
        }
        self.settle(chain);
    }

    fn run_link(&mut self, link: &Link, input: Outcome) -> Outcome {
        if link.act != Act::Report {
            self.log.push(format!("link {} {}", link.number, name(input)));
        } else if input.is_err() {
            self.log.push(format!("report {} {}", link.number, name(input)));
        }
        match (link.act, link.promise) {
            (Act::Fail, _) => return Err("failed"),
            (Act::Panic, _) => return Err("panicked"),
            (Act::Fire(_), Some(other)) => self.fire(other, Ok(link.number)),
            (Act::Do(deed), _) => self.deed(link.number, deed),
            _ => {}
        }
        Ok(link.number)
    }

    /// The chain whose end a link returns.
    fn returned(&mut self, link: &Link) -> Option<usize> {
        match link.act {
            Act::Return(_) => link.end,
            Act::ReturnNow(other) => self.take_end(other),
            Act::Nest(_) => {
                let chain = self.new_chain(Stage::Unfired, Canceller::None);
                self.push(Some(chain), None);
                Some(chain)
            }
            _ => None,
        }
    }

    /// The result, if there is one already; otherwise the chain waits.
    fn await_returned(&mut self, chain: usize, inner: usize) -> Option<Outcome> {
        if self.chains[inner].stage == Stage::Settled {
            self.chains[inner].stage = Stage::Done;
            return Some(self.chains[inner].result);
        }
        self.give_away(inner);
        if self.reaches(inner, chain) {
            return Some(Err("waits for itself"));
        }
        self.chains[chain].stage = Stage::Waiting;
        self.chains[chain].source = Some(inner);
        self.chains[inner].forward = Some(chain);
        None
    }

    fn drop_link(&mut self, link: &Link) {
        if let Some(end) = link.end {
            self.drop_end(end);
        }
        if let Some(promise) = link.promise {
            self.abandon(promise);
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
            self.woken += usize::from(self.chains[chain].waker);
            self.chains[chain].waker = false;
        } else {
            self.chains[chain].stage = Stage::Done;
            self.report(chain);
        }
    }

    pub(super) fn forward(&mut self, source: usize, target: usize) {
        if self.chains[source].stage == Stage::Settled {
            self.chains[source].stage = Stage::Done;
            self.fire(target, self.chains[source].result);
            return;
        }
        self.give_away(source);
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

    pub(super) fn cancel(&mut self, chain: usize) {
        let source = self.chains[chain].source;
        match self.chains[chain].stage {
            Stage::Unfired if self.chains[chain].asking => {}
            Stage::Unfired => {
                let canceller = take(&mut self.chains[chain].canceller);
                if let (Canceller::None, Some(source)) = (canceller, source) {
                    return self.cancel(source);
                }
                let failure = self.ask(chain, canceller);
                self.fire(chain, Err(failure));
            }
            Stage::Waiting => self.cancel(source.expect("a waiting chain knows its source")),
            Stage::Running | Stage::Settled | Stage::Done => {}
        }
    }

    /// Drops a promise; in the canceller of its own chain that says no more than the cancel.
    pub(super) fn abandon(&mut self, chain: usize) {
        if !self.chains[chain].asking {
            self.fire(chain, Err("abandoned"));
        }
    }

    /// Runs a canceller; the failure for the chain, unless that has been fired meanwhile.
    fn ask(&mut self, chain: usize, canceller: Canceller) -> &'static str {
        let held = self.chains[chain].held;
        if canceller != Canceller::None {
            self.log.push(format!("canceller {held}"));
        }
        self.chains[chain].asking = true;
        match canceller {
            Canceller::Fires => self.deed(held, Deed::Fire { chain: held, value: true }),
            Canceller::Does(deed) => self.deed(held, deed),
            Canceller::None | Canceller::Idle | Canceller::Panics => {}
        }
        self.chains[chain].asking = false;
        if canceller == Canceller::Panics { "panicked" } else { "cancelled" }
    }
}

pub(super) fn name(result: Outcome) -> String {
    result.map_or_else(str::to_owned, |value| value.to_string())
}
