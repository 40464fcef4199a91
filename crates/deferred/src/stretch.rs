//! A stretch of a chain: the part of it in which the result has one type.
//!
//! A chain begins with the stretch of its promise; wherever a callback makes another type of the
//! result, another one begins. Within a stretch the types are known, so that links need not ask
//! what they are given; only from chain to chain, where one waits for the other, is that looked at
//! once more.

use crate::Failure;
use crate::Result;
use crate::chain::ChainRef;
use crate::end::nothing;
use crate::link::Queue;
use crate::turn::Turn;
use std::any::Any;
use std::cell::Cell;
use std::rc::Rc;

pub(crate) type HolderRef = Rc<dyn Holder>;

/// What has a stretch, whatever its type.
pub(crate) trait Holder {
    fn any_stretch(&self) -> &dyn AnyStretch;
}

pub(crate) struct Stretch<T: 'static> {
    pub(crate) slot: Slot<T>,
    pub(crate) links: Queue<T>,
    /// The link that comes after all of these, and has the next stretch.
    turn: Cell<Option<Rc<dyn Turn<T>>>>,
}

/// What can be done to a stretch, whatever its type.
pub(crate) trait AnyStretch {
    fn as_any(&self) -> &dyn Any;
    /// Runs the links with the result that is here, and then the turn, if there is one: user code
    /// runs. Returns who has the stretch of the turn. If a callback has returned a deferred with no
    /// result yet, that is in `source`; its result belongs into this stretch, or else into that of
    /// the turn.
    fn run(&self, source: &mut Option<ChainRef>) -> Option<HolderRef>;
    /// Makes `failure` the result.
    fn fail(&self, failure: Failure);
    /// Moves the result here from a stretch of the same type.
    fn receive(&self, from: &dyn AnyStretch);
    /// Drops the result if it is a value, returns it if it is a failure. User code may run.
    fn discard(&self) -> Option<Failure>;
    /// Whether the result is a failure.
    fn has_failed(&self) -> bool;
    /// Whether nothing is attached.
    fn is_empty(&self) -> bool;
    fn take_turn(&self) -> Option<HolderRef>;
}

impl<T: 'static> Stretch<T> {
    pub(crate) const fn new() -> Self {
        Self { slot: Slot(Cell::new(None)), links: Queue::new(), turn: Cell::new(None) }
    }

    /// One by one: the drop that the compiler writes would recurse from turn to turn.
    #[cold]
    #[inline(never)]
    fn drop_turns(&self) {
        self.links.clear();
        let mut turn = self.take_turn();
        while let Some(holder) = turn {
            // What somebody else has too he drops, and in the same way.
            let last = Rc::strong_count(&holder) == 1;
            turn = last.then(|| holder.any_stretch().take_turn()).flatten();
        }
    }

    pub(crate) fn set_turn(&self, turn: Rc<dyn Turn<T>>) {
        self.turn.set(Some(turn));
    }
}

impl<T: 'static> AnyStretch for Stretch<T> {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn run(&self, source: &mut Option<ChainRef>) -> Option<HolderRef> {
        let result = self.links.run(self.slot.take(), source)?;
        let Some(turn) = self.turn.take() else {
            self.slot.put(result);
            return None;
        };
        turn.run(result, source);
        Some(turn.into_holder())
    }

    fn fail(&self, failure: Failure) {
        self.slot.put(Err(failure));
    }

    fn receive(&self, from: &dyn AnyStretch) {
        let from = from.as_any().downcast_ref::<Self>();
        debug_assert!(from.is_some(), "a chain waits for a result of another type");
        self.slot.put(from.map_or_else(nothing, |from| from.slot.take()));
    }

    fn discard(&self) -> Option<Failure> {
        self.slot.0.take()?.err()
    }

    fn has_failed(&self) -> bool {
        let result = self.slot.0.take();
        let failed = matches!(result, Some(Err(_)));
        self.slot.0.set(result);
        failed
    }

    fn is_empty(&self) -> bool {
        let turn = self.turn.take();
        let empty = turn.is_none() && self.links.is_empty();
        self.turn.set(turn);
        empty
    }

    fn take_turn(&self) -> Option<HolderRef> {
        self.turn.take().map(Turn::into_holder)
    }
}

impl<T: 'static> Drop for Stretch<T> {
    #[inline]
    fn drop(&mut self) {
        if self.turn.get_mut().is_some() {
            self.drop_turns();
        }
    }
}

/// A place for one result.
pub(crate) struct Slot<T>(Cell<Option<Result<T>>>);

impl<T> Slot<T> {
    #[inline]
    pub(crate) fn put(&self, result: Result<T>) {
        self.0.set(Some(result));
    }

    #[inline]
    pub(crate) fn take(&self) -> Result<T> {
        self.0.take().unwrap_or_else(nothing)
    }
}
