//! What callbacks of a reactor have at hand: the reactor itself, promises, and what can be cancelled.
//!
//! No borrow of it lives while something of the library is called or dropped.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use ropewalk_deferred::{CancelHandle, Promise};
use ropewalk_reactor::Reactor;
use ropewalk_testing::soak::{Dice, Stock};

use crate::life::Life;
use crate::payload::Load;
use crate::record::Record;

/// So many chains stay in reach; of the promises none is displaced.
const KEPT: usize = 16;

thread_local! {
    static OWNER: RefCell<Option<(Reactor, Arc<Life>)>> = const { RefCell::new(None) };
}

/// One per reactor, in its local slots, and so dropped with it.
pub(crate) struct Desk {
    promises: Stock<(Promise<Load>, Arc<Record>)>,
    chains: Stock<(CancelHandle, Arc<Record>)>,
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

impl Default for Desk {
    fn default() -> Self {
        Self { promises: Stock::of(KEPT), chains: Stock::of(KEPT) }
    }
}

impl Desk {
    pub(crate) fn keep_promise(&self, promise: (Promise<Load>, Arc<Record>)) {
        self.promises.put(promise);
    }

    pub(crate) fn take_promise(&self, dice: &mut Dice) -> Option<(Promise<Load>, Arc<Record>)> {
        self.promises.take(dice)
    }

    pub(crate) fn keep_chain(&self, chain: (CancelHandle, Arc<Record>), dice: &mut Dice) {
        drop(self.chains.keep(chain, dice));
    }

    pub(crate) fn take_chain(&self, dice: &mut Dice) -> Option<(CancelHandle, Arc<Record>)> {
        self.chains.take(dice)
    }
}
