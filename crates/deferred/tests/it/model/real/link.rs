//! A link of a program on a real chain.

use super::{Payload, Slot, Token, World, name};
use crate::model::program::{Act, On};
use ropewalk_deferred::{Deferred, Outcome, Promise, Result};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// What a link does, and what it has captured for that.
pub(super) struct Link {
    number: usize,
    act: Act,
    inner: Cell<Option<Deferred<Payload>>>,
    promise: Rc<Slot>,
    ran: Cell<bool>,
    world: Rc<World>,
    _token: Token,
}

impl Link {
    pub(super) fn new(
        world: &Rc<World>,
        act: Act,
        inner: Option<Deferred<Payload>>,
        promise: Option<Promise<Payload>>,
    ) -> Rc<Self> {
        let promise = Rc::new(RefCell::new(promise));
        let mut captured = world.captured.borrow_mut();
        captured.push(Rc::downgrade(&promise));
        Rc::new(Self {
            number: captured.len() - 1,
            act,
            inner: Cell::new(inner),
            promise,
            ran: Cell::new(false),
            world: Rc::clone(world),
            _token: world.token.clone(),
        })
    }

    /// With a `turn`, the value is of another type on its way to this link.
    pub(super) fn attach(
        self: Rc<Self>,
        end: Deferred<Payload>,
        on: On,
        turn: bool,
    ) -> Deferred<Payload> {
        match self.act {
            Act::Return(_) | Act::ReturnNow(_) | Act::Nest(_) => {
                self.attach_as(end, on, turn, Self::run)
            }
            _ => self.attach_as(end, on, turn, Self::run_plain),
        }
    }

    fn attach_as<R>(
        self: Rc<Self>,
        end: Deferred<Payload>,
        on: On,
        turn: bool,
        run: fn(&Self, Result<Payload>) -> R,
    ) -> Deferred<Payload>
    where
        R: Outcome<Value = Payload> + 'static,
    {
        let other = Rc::clone(&self);
        let on_value = move |value| run(&self, Ok(value));
        let on_failure = move |failure| run(&other, Err(failure));
        if !turn {
            return match on {
                On::Value => end.add_callback(on_value),
                On::Failure => end.add_errback(on_failure),
                On::Both => end.add_both(move |result| result.map_or_else(on_failure, on_value)),
                On::Each => end.add_callbacks(on_value, on_failure),
            };
        }
        let end = end.map(Box::new);
        let on_value = move |value: Box<Payload>| on_value(*value);
        match on {
            On::Value => end.add_callback(on_value),
            On::Failure => end.add_callbacks(|value| Ok(*value), on_failure),
            On::Both => end.add_both(move |result| result.map_or_else(on_failure, on_value)),
            On::Each => end.add_callbacks(on_value, on_failure),
        }
    }

    fn run(&self, result: Result<Payload>) -> Deferred<Payload> {
        let plain = self.run_plain(result);
        let returned = match self.act {
            Act::Return(_) => self.inner.take(),
            Act::ReturnNow(other) => self.world.take_end(other),
            Act::Nest(levels) => Some(self.nest(levels)),
            _ => None,
        };
        returned.unwrap_or_else(|| plain.into_deferred())
    }

    /// A chain with a promise for the program to fire, and around it chains that wait for it.
    fn nest(&self, levels: usize) -> Deferred<Payload> {
        let (promise, mut deferred) = Deferred::new();
        self.world.push(Some(promise), None);
        for _ in 0..levels {
            let (promise, outer) = Deferred::new();
            let inner = deferred;
            deferred = outer.add_callback(move |()| inner);
            promise.callback(());
        }
        deferred
    }

    pub(super) fn run_plain(&self, result: Result<Payload>) -> Result<Payload> {
        assert!(!self.ran.replace(true), "link {} has run before", self.number);
        let what = if self.act == Act::Report { "report" } else { "link" };
        self.world.log.add(format_args!("{what} {} {}", self.number, name(&result)));
        match self.act {
            Act::Fail => return Err(self.world.failed().into()),
            Act::Panic => panic!("link {}", self.number),
            Act::Fire(_) => {
                if let Some(promise) = self.promise.take() {
                    promise.callback(self.world.value(self.number));
                }
            }
            Act::Do(deed) => self.world.deed(self.number, deed),
            _ => {}
        }
        Ok(self.world.value(self.number))
    }

    pub(super) fn run_map(&self, value: Payload) -> Payload {
        drop(self.run_plain(Ok(value)));
        self.world.value(self.number)
    }
}
