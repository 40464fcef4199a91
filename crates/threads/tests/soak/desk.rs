//! What callbacks of a reactor have at hand: the reactor itself, promises, and what can be cancelled.
//!
//! No borrow of it lives while something of the library is called or dropped.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use ropewalk_deferred::{CancelHandle, Promise};
use ropewalk_reactor::Reactor;
use ropewalk_testing::soak::Dice;

use crate::life::Life;
use crate::payload::Load;
use crate::record::Record;

/// So much of a kind stays in reach.
const KEPT: usize = 16;

thread_local! {
    static OWNER: RefCell<Option<(Reactor, Arc<Life>)>> = const { RefCell::new(None) };
}

/// One per reactor, in its local slots, and so dropped with it.
#[derive(Default)]
pub(crate) struct Desk {
    promises: RefCell<Vec<(Promise<Load>, Arc<Record>)>>,
    chains: RefCell<Vec<(CancelHandle, Arc<Record>)>>,
}

/// Puts the reactor of this thread where its callbacks can drop it.
pub(crate) fn own(reactor: Reactor, life: &Arc<Life>) {
    OWNER.set(Some((reactor, Arc::clone(life))));
}

/// Whether the reactor of this thread lives on when its run is over.
pub(crate) fn is_owned() -> bool {
    OWNER.with_borrow(Option::is_some)
}

/// Drops the reactor of this thread, wherever that is just now; false if it is not there.
pub(crate) fn drop_owner() -> bool {
    let Some((reactor, life)) = OWNER.take() else { return false };
    life.dropping();
    drop(reactor);
    life.gone();
    true
}

pub(crate) fn desk(reactor: &Reactor) -> Rc<Desk> {
    reactor.local()
}

fn keep<T>(list: &RefCell<Vec<T>>, thing: T, dice: &mut Dice) {
    let is_full = list.borrow().len() >= KEPT;
    let displaced = is_full.then(|| take(list, dice));
    list.borrow_mut().push(thing);
    drop(displaced);
}

fn take<T>(list: &RefCell<Vec<T>>, dice: &mut Dice) -> Option<T> {
    let mut things = list.borrow_mut();
    let place = dice.below(things.len());
    (!things.is_empty()).then(|| things.swap_remove(place))
}

impl Desk {
    pub(crate) fn keep_promise(&self, promise: (Promise<Load>, Arc<Record>)) {
        self.promises.borrow_mut().push(promise);
    }

    pub(crate) fn take_promise(&self, dice: &mut Dice) -> Option<(Promise<Load>, Arc<Record>)> {
        take(&self.promises, dice)
    }

    pub(crate) fn keep_chain(&self, chain: (CancelHandle, Arc<Record>), dice: &mut Dice) {
        keep(&self.chains, chain, dice);
    }

    pub(crate) fn take_chain(&self, dice: &mut Dice) -> Option<(CancelHandle, Arc<Record>)> {
        take(&self.chains, dice)
    }
}
