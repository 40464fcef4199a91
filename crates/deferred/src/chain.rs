//! The state machine behind a promise and its deferred: the only file that runs callbacks.
//!
//! One `Rc` is shared by the promise (which fires it), the deferred at its end (which adds links
//! to it), cancel handles, and the chains that wait for it or for which it waits. Everything in it
//! is a `Cell` that is emptied before user code runs, so that a callback may do anything to any
//! chain, its own included; there is no borrow that it could meet.
//!
//! A chain *waits* while a deferred that one of its callbacks returned has no result; the chain of
//! that deferred then *forwards* its result. Firing walks links and forwards in one loop.

use crate::error::WaitsForItself;
use crate::held::Held;
use crate::link::{AnySlot, Link, Queue, Ran, Slot, Value};
use crate::{Cancelled, Failure, Result, panics, trampoline, unhandled};
use std::cell::Cell;
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::task::Waker;

pub(crate) type Place = &'static Location<'static>;
pub(crate) type ChainRef = Rc<Chain<dyn AnySlot>>;
pub(crate) type Canceller = Box<dyn FnOnce()>;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stage {
    /// The promise has not been fired.
    Unfired,
    /// Links are being run, by a loop further up the stack or in the trampoline's queue.
    Running,
    /// A callback returned a deferred that has no result yet.
    Waiting,
    /// All links have run and the deferred at the end holds the result.
    Settled,
    /// The result has gone elsewhere.
    Done,
}

pub(crate) struct Chain<S: ?Sized> {
    pub(crate) created: &'static Location<'static>,
    pub(crate) stage: Cell<Stage>,
    /// The deferred at the end exists and waits for the result.
    pub(crate) claimed: Cell<bool>,
    /// Failed by a cancel: what the promise still brings is discarded.
    pub(crate) cancelled: Cell<bool>,
    pub(crate) canceller: Cell<Option<Canceller>>,
    /// The canceller is running.
    pub(crate) asking: Cell<bool>,
    /// Cancel handles that name this chain; as long as there are any it is not cut out.
    pub(crate) handles: Cell<usize>,
    pub(crate) links: Queue,
    /// Made with its promise, and nobody has ever attached anything.
    pub(crate) bare: Cell<bool>,
    /// Dropping the deferred at the end cancels what the chain waits for.
    pub(crate) drop_cancels: Cell<bool>,
    /// That has happened: nobody is left to whom the cancellation would be news.
    pub(crate) given_up: Cell<bool>,
    /// The result of a settled chain; `None` means that it still lies in the head.
    value: Cell<Option<Value>>,
    /// Who gets the result instead of the deferred at the end.
    forward: Cell<Option<ChainRef>>,
    /// Whose result this chain waits for. Weak, because that one owns us by its `forward`.
    source: Cell<Option<Weak<Chain<dyn AnySlot>>>>,
    pub(crate) waker: Cell<Option<Waker>>,
    /// Where the promise puts its result.
    pub(crate) head: S,
}

impl<T: 'static> Chain<Slot<T>> {
    pub(crate) fn new(
        created: &'static Location<'static>,
        canceller: Option<Canceller>,
    ) -> Rc<Self> {
        let chain = Self::with(created, canceller, Stage::Unfired, Slot::empty());
        chain.bare.set(true);
        chain
    }

    pub(crate) fn settled(created: &'static Location<'static>, result: Result<T>) -> Rc<Self> {
        Self::with(created, None, Stage::Settled, Slot::with(result))
    }

    pub(crate) fn done(created: &'static Location<'static>) -> Rc<Self> {
        Self::with(created, None, Stage::Done, Slot::empty())
    }

    fn with(
        created: &'static Location<'static>,
        canceller: Option<Canceller>,
        stage: Stage,
        head: Slot<T>,
    ) -> Rc<Self> {
        Rc::new(Self {
            created,
            stage: Cell::new(stage),
            claimed: Cell::new(true),
            bare: Cell::new(false),
            drop_cancels: Cell::new(false),
            given_up: Cell::new(false),
            cancelled: Cell::new(false),
            canceller: Cell::new(canceller),
            asking: Cell::new(false),
            handles: Cell::new(0),
            links: Queue::default(),
            value: Cell::new(None),
            forward: Cell::new(None),
            source: Cell::new(None),
            waker: Cell::new(None),
            head,
        })
    }

    /// Fires the chain, unless a cancel was faster; then the result is dropped.
    pub(crate) fn resolve(self: Rc<Self>, result: Result<T>) {
        if self.stage.get() == Stage::Unfired {
            self.head.put(result);
            start(self);
        }
    }
}

/// Adds a link, and gives the chain back.
pub(crate) fn push<T, U, F>(chain: ChainRef, attached: Place, link: F) -> ChainRef
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T>, Place) -> Held<U> + 'static,
{
    chain.bare.set(false);
    chain.links.push(attached, link);
    chain
}

/// Fires a chain with a failure, whatever its type.
pub(crate) fn fail(chain: ChainRef, failure: Failure) {
    if chain.stage.get() == Stage::Unfired {
        chain.head.fail(failure);
        start(chain);
    }
}

/// Runs the links that were added to a settled chain.
pub(crate) fn resume(chain: ChainRef) {
    chain.stage.set(Stage::Running);
    trampoline::drive(chain);
}

/// Takes the result of a settled chain.
pub(crate) fn take_settled<T: 'static>(chain: ChainRef) -> Result<T> {
    chain.stage.set(Stage::Done);
    chain.value.take().unwrap_or_else(|| Value::Head(chain)).take()
}

/// Whose result this chain waits for, if it waits for another chain.
pub(crate) fn source(chain: &ChainRef) -> Option<ChainRef> {
    let source = chain.source.take()?;
    let strong = source.upgrade();
    chain.source.set(Some(source));
    strong
}

fn start(chain: ChainRef) {
    chain.stage.set(Stage::Running);
    chain.source.set(None);
    trampoline::drive(chain);
}

/// Drops what only a chain without a result has a use for. User code may run.
fn begin(chain: &ChainRef) {
    if let Some(canceller) = chain.canceller.take() {
        panics::discard("dropping a canceller", chain.created, canceller);
    }
}

/// Runs links until there are none left or there is something to wait for, then goes on with the
/// chain that waited for this one, and so on.
pub(crate) fn drive(mut chain: ChainRef) {
    begin(&chain);
    let mut value = chain.value.take().unwrap_or_else(|| Value::Head(Rc::clone(&chain)));
    loop {
        loop {
            match run_links(&chain, value.slot()) {
                Halt::End => break,
                Halt::Moved(link) => value = Value::Output(link),
                Halt::Waits { source, place } => {
                    let Err(cycle) = wait(&chain, source) else { return };
                    value = place.map_or(value, Value::Output);
                    value.slot().fail(cycle.into());
                }
            }
        }
        let Some(target) = chain.forward.take() else { break };
        chain.stage.set(Stage::Done);
        if !expects(&target, &chain) {
            // It was cancelled meanwhile: a late result, failure or not, is nobody's business.
            panics::contain("dropping a late result", chain.created, || {
                drop(value.slot().discard());
            });
            return;
        }
        target.stage.set(Stage::Running);
        target.source.set(None);
        begin(&target);
        chain = target;
    }
    settle(&chain, value);
}

/// Why links are not run any further.
enum Halt {
    /// There are no more.
    End,
    /// The result is in this link now.
    Moved(Link),
    /// The last callback returned a deferred that has no result yet.
    Waits {
        source: ChainRef,
        /// Where the result belongs, if not where it was.
        place: Option<Link>,
    },
}

/// Runs links as long as the result stays in one place.
fn run_links(chain: &ChainRef, slot: &dyn AnySlot) -> Halt {
    let slot = slot.as_any();
    while let Some(mut link) = chain.links.take() {
        // What is attached meanwhile comes after these.
        loop {
            match link.run(slot) {
                Ran::InPlace(Some(next)) => link = next,
                Ran::InPlace(None) => break,
                Ran::Moved(mut link) => {
                    chain.links.put_back(link.next().take());
                    return Halt::Moved(link);
                }
                Ran::Waits { source, next, place } => {
                    chain.links.put_back(next);
                    return Halt::Waits { source, place };
                }
            }
        }
    }
    Halt::End
}

fn settle(chain: &ChainRef, value: Value) {
    if !chain.claimed.get() {
        chain.stage.set(Stage::Done);
        let at = chain.created;
        let failure =
            panics::contain("dropping an unclaimed result", at, || value.slot().discard());
        if let Some(failure) = failure.flatten() {
            if chain.given_up.get() && failure.is::<Cancelled>() {
                panics::discard("dropping a failure", at, failure);
            } else {
                unhandled::report_of(chain.bare.get(), failure, at);
            }
        }
        return;
    }
    chain.stage.set(Stage::Settled);
    // Its own head it need not name: an `Rc` to itself would never be freed.
    let own = matches!(&value, Value::Head(head) if Rc::ptr_eq(head, chain));
    chain.value.set((!own).then_some(value));
    if let Some(waker) = chain.waker.take() {
        panics::contain("a waker", chain.created, || waker.wake());
    }
}

/// Makes a running chain wait for `source`, whose deferred a callback returned.
fn wait(chain: &ChainRef, source: ChainRef) -> Result<(), WaitsForItself> {
    if closes_circle(chain, &source) {
        source.claimed.set(false);
        return Err(WaitsForItself);
    }
    if chain.handles.get() == 0 && chain.links.is_empty() {
        // Nothing will happen here any more. Cutting this chain out is what lets a callback return
        // a deferred whose callback returns a deferred, for ever, in constant memory.
        if let Some(target) = chain.forward.take() {
            chain.stage.set(Stage::Done);
            if expects(&target, chain) {
                connect(&source, target);
            } else {
                hand_over(&source, target);
            }
            return Ok(());
        }
        if !chain.claimed.get() {
            chain.stage.set(Stage::Done);
            source.claimed.set(false);
            // A callback returned it: somebody counts on it.
            source.bare.set(false);
            return Ok(());
        }
    }
    chain.stage.set(Stage::Waiting);
    connect(&source, Rc::clone(chain));
    Ok(())
}

/// Makes the result of `source` fire `target`, whose promise was given for it.
pub(crate) fn forward(source: &ChainRef, target: ChainRef) {
    if target.stage.get() != Stage::Unfired {
        hand_over(source, target);
    } else if closes_circle(&target, source) {
        source.claimed.set(false);
        fail(target, WaitsForItself.into());
    } else {
        connect(source, target);
    }
}

fn connect(source: &ChainRef, target: ChainRef) {
    target.source.set(Some(Rc::downgrade(source)));
    hand_over(source, target);
}

/// Gives the end of `source` to `target`, which need not wait for it: if it was cancelled meanwhile
/// it may wait for something else, and then the result is dropped when it comes, failure or not.
fn hand_over(source: &ChainRef, target: ChainRef) {
    source.claimed.set(false);
    source.forward.set(Some(target));
    if let Some(waker) = source.waker.take() {
        panics::discard("dropping a waker", source.created, waker);
    }
}

/// Whether `target` waits for the result of `source`.
fn expects(target: &ChainRef, source: &ChainRef) -> bool {
    self::source(target).is_some_and(|expected| Rc::ptr_eq(&expected, source))
}

/// Whether `chain` must not wait for `source`, because `source` already waits for `chain`.
///
/// Looks from both ends in turn and stops at the nearer one, so that a deep pile of waiting chains
/// may grow at either end at no cost.
fn closes_circle(chain: &ChainRef, source: &ChainRef) -> bool {
    let (mut below, mut above) = (Rc::clone(source), Rc::clone(chain));
    loop {
        if Rc::ptr_eq(&below, chain) || Rc::ptr_eq(&above, source) {
            return true;
        }
        let Some(next) = self::source(&below) else { return false };
        below = next;
        let Some(next) = forwards_to(&above) else { return false };
        above = next;
    }
}

fn forwards_to(chain: &ChainRef) -> Option<ChainRef> {
    let target = chain.forward.take();
    chain.forward.set(target.clone());
    target
}
