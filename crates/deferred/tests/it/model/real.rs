//! A program on real chains.

use self::link::Link;
use super::program::{Act, Canceller, Deed, On, Op};
use crate::support::Log;
use ropewalk_deferred::{
    Abandoned, CancelHandle, Cancelled, Deferred, Panicked, Promise, Result, WaitsForItself,
    clear_unhandled_hook, set_unhandled_hook,
};
use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

mod link;

/// Counts itself by being there: whatever must not be left over holds one.
#[derive(Clone, Debug, Default)]
struct Token(Arc<AtomicUsize>);

struct Payload(usize, #[expect(dead_code, reason = "it is there to be dropped")] Token);

#[derive(Debug)]
struct Failed(#[expect(dead_code, reason = "it is there to be dropped")] Token);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failed")
    }
}

impl std::error::Error for Failed {}

/// Counts how often anybody was woken.
impl Wake for Token {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

type Slot = RefCell<Option<Promise<Payload>>>;

#[derive(Default)]
struct Chain {
    promise: Option<Promise<Payload>>,
    end: Option<Deferred<Payload>>,
    handle: Option<CancelHandle>,
}

/// What a program and its closures share.
#[derive(Default)]
struct World {
    log: Log,
    handles: bool,
    token: Token,
    chains: RefCell<Vec<Chain>>,
    /// The promise that each link has captured, in order of attachment.
    captured: RefCell<Vec<Weak<Slot>>>,
}

/// Runs the program; with `handles`, one is kept to each chain and cancelling goes through it.
pub(crate) fn run(program: &[Op], handles: bool) -> Vec<String> {
    let world = Rc::new(World { handles, ..World::default() });
    let log = world.log.clone();
    let hook = log.clone();
    set_unhandled_hook(move |one| {
        hook.add(format_args!("unhandled {}", name(&Err(one.into_failure()))));
    });
    for (number, op) in program.iter().enumerate() {
        world.step(number, *op);
        world.log_wakes();
    }
    while world.abandon_all() {}
    world.log_wakes();
    let chains = world.chains.take();
    for (number, chain) in chains.into_iter().enumerate() {
        if let Some(end) = chain.end {
            let log = log.clone();
            end.add_both(move |result| log.add(format_args!("end {number} {}", name(&result))))
                .detach();
        }
    }
    clear_unhandled_hook();
    assert_eq!(Rc::strong_count(&world), 1, "a closure is left");
    assert_eq!(Arc::strong_count(&world.token.0), 1, "a value, a failure or a waker is left");
    log.take()
}

impl World {
    fn step(self: &Rc<Self>, number: usize, op: Op) {
        match op {
            Op::New(canceller) => {
                let (promise, end) = self.pair(canceller);
                self.push(Some(promise), Some(end));
            }
            Op::Ready { value: true } => {
                self.push(None, Some(Deferred::succeed(self.value(number))));
            }
            Op::Ready { value: false } => self.push(None, Some(Deferred::fail(self.failed()))),
            Op::Attach { chain, on, act, turn } => self.attach(chain, on, act, turn),
            Op::Do(deed) => self.deed(number, deed),
        }
    }

    fn pair(self: &Rc<Self>, canceller: Canceller) -> (Promise<Payload>, Deferred<Payload>) {
        if canceller == Canceller::None {
            return Deferred::new();
        }
        let (world, held) = (Rc::clone(self), self.chains.borrow().len());
        Deferred::with_canceller(move || {
            world.log.add(format_args!("canceller {held}"));
            assert!(canceller != Canceller::Panics, "canceller {held}");
            match canceller {
                Canceller::Fires => world.deed(held, Deed::Fire { chain: held, value: true }),
                Canceller::Does(deed) => world.deed(held, deed),
                Canceller::None | Canceller::Idle | Canceller::Panics => {}
            }
        })
    }

    fn push(&self, promise: Option<Promise<Payload>>, end: Option<Deferred<Payload>>) {
        let handle = end.as_ref().filter(|_| self.handles).map(Deferred::canceller);
        self.chains.borrow_mut().push(Chain { promise, end, handle });
    }

    fn attach(self: &Rc<Self>, held: usize, on: On, act: Act, turn: bool) {
        let Some(end) = self.take_end(held) else { return };
        let inner = if let Act::Return(other) = act { self.take_end(other) } else { None };
        let promise = if let Act::Fire(other) = act { self.take_promise(other) } else { None };
        let link = Link::new(self, act, inner, promise);
        self.put_back(held, link.attach(end, on, turn));
    }

    fn deed(self: &Rc<Self>, number: usize, deed: Deed) {
        match deed {
            Deed::Fire { chain, value } => {
                if let Some(promise) = self.take_promise(chain) {
                    promise.resolve(if value {
                        Ok(self.value(number))
                    } else {
                        Err(self.failed().into())
                    });
                }
            }
            Deed::Abandon(chain) => drop(self.take_promise(chain)),
            Deed::Cancel(chain) => {
                if let Some(handle) = self.handle(chain) {
                    handle.cancel();
                }
            }
            Deed::CancelOnDrop(chain) => {
                if let Some(end) = self.take_end(chain) {
                    self.put_back(chain, end.cancel_on_drop());
                }
            }
            Deed::Drop(chain) => drop(self.take_end(chain)),
            Deed::Detach(chain) => {
                if let Some(end) = self.take_end(chain) {
                    end.detach();
                }
            }
            Deed::DropHandle(chain) => {
                let handle = self.chains.borrow_mut().get_mut(chain).map(|one| one.handle.take());
                drop(handle);
            }
            Deed::Chain { from, to } => {
                if let Some(end) = self.take_end(from) {
                    match self.take_promise(to) {
                        Some(promise) => end.chain_deferred(promise),
                        None => self.put_back(from, end),
                    }
                }
            }
            Deed::Map(chain) => {
                if let Some(end) = self.take_end(chain) {
                    let link = Link::new(self, Act::Value, None, None);
                    self.put_back(chain, end.map(move |value| link.run_map(value)));
                }
            }
            Deed::OnFailure(chain) => {
                if let Some(end) = self.take_end(chain) {
                    let link = Link::new(self, Act::Report, None, None);
                    end.on_failure(move |failure| drop(link.run_plain(Err(failure))));
                }
            }
            Deed::TryTake(chain) => match self.take_end(chain).map(Deferred::try_take) {
                Some(Ok(result)) => self.log.add(format_args!("taken {}", name(&result))),
                Some(Err(end)) => self.put_back(chain, end),
                None => {}
            },
            Deed::Poll(chain) => self.poll(chain),
        }
    }

    fn poll(&self, chain: usize) {
        let Some(mut end) = self.take_end(chain) else { return };
        // Another one each time; with the token in it, it is counted, too.
        let waker = Waker::from(Arc::new(self.token.clone()));
        match Pin::new(&mut end).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => self.log.add(format_args!("polled {}", name(&result))),
            Poll::Pending => self.put_back(chain, end),
        }
    }

    fn handle(&self, number: usize) -> Option<CancelHandle> {
        let chains = self.chains.borrow();
        let chain = chains.get(number)?;
        chain.handle.clone().or_else(|| chain.end.as_ref().map(Deferred::canceller))
    }

    fn take_end(&self, number: usize) -> Option<Deferred<Payload>> {
        self.chains.borrow_mut().get_mut(number)?.end.take()
    }

    fn put_back(&self, number: usize, end: Deferred<Payload>) {
        self.chains.borrow_mut()[number].end = Some(end);
    }

    fn take_promise(&self, number: usize) -> Option<Promise<Payload>> {
        self.chains.borrow_mut().get_mut(number)?.promise.take()
    }

    fn take_captured(&self, number: usize) -> Option<Promise<Payload>> {
        let slot = self.captured.borrow()[number].upgrade()?;
        slot.take()
    }

    fn value(&self, number: usize) -> Payload {
        Payload(number, self.token.clone())
    }

    fn failed(&self) -> Failed {
        Failed(self.token.clone())
    }

    fn abandon_all(&self) -> bool {
        let (chains, links) = (self.chains.borrow().len(), self.captured.borrow().len());
        let mut any = false;
        for number in 0..chains {
            any |= self.take_promise(number).map(drop).is_some();
        }
        for number in 0..links {
            any |= self.take_captured(number).map(drop).is_some();
        }
        any
    }

    fn log_wakes(&self) {
        let woken = self.token.0.swap(0, Ordering::Relaxed);
        if woken > 0 {
            self.log.add(format_args!("woken {woken}"));
        }
    }
}

fn name(result: &Result<Payload>) -> String {
    let failure = match result {
        Ok(Payload(number, _)) => return number.to_string(),
        Err(failure) => failure,
    };
    let name = if failure.is::<Abandoned>() {
        "abandoned"
    } else if failure.is::<Cancelled>() {
        "cancelled"
    } else if failure.is::<Failed>() {
        "failed"
    } else if failure.is::<Panicked>() {
        "panicked"
    } else if failure.is::<WaitsForItself>() {
        "waits for itself"
    } else {
        "something else"
    };
    name.to_owned()
}
