//! The open accounts of a reactor with other threads.
//!
//! Each `Deferred` that waits for a job, and each blocking call that waits for a `Deferred`, has
//! one entry here. It is closed exactly once: by its result, by its cancellation, or by the end
//! of the run, which fails what is still open (I2, I4). An entry lives on the reactor thread; a
//! worker holds its key.

use slab::Slab;
use std::cell::RefCell;

/// Up to this many accounts the storage is kept when the last one is closed.
const KEPT: usize = 1024;

/// One who waits for a result.
pub(crate) trait Party<W> {
    /// No result of `work` will come: the reactor has stopped.
    fn reactor_stopped(self, work: Option<W>);
}

/// The key of an entry. The slot is used again, the identity never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    slot: usize,
    identity: u64,
}

impl Key {
    /// A short form, for [`Ledger::close_named`]: half of it is the slot, half of it what tells the
    /// account from those before and after it in the same one.
    pub(crate) fn name(self) -> u64 {
        (self.slot as u64) << 32 | self.mark()
    }

    fn mark(self) -> u64 {
        self.identity & u64::from(u32::MAX)
    }
}

pub(crate) struct Entry<P, W> {
    identity: u64,
    pub(crate) party: P,
    /// By what the work is called off; `None` while it is being handed over.
    pub(crate) work: Option<W>,
}

/// Borrows end before an entry is dropped or settled: behind each is user code.
pub(crate) struct Ledger<P, W>(RefCell<Accounts<P, W>>);

struct Accounts<P, W> {
    entries: Slab<Entry<P, W>>,
    identities: u64,
}

impl<P, W> Default for Ledger<P, W> {
    fn default() -> Self {
        Self(RefCell::new(Accounts { entries: Slab::new(), identities: 0 }))
    }
}

impl<P, W> Ledger<P, W> {
    /// Opens an account for a party that knows its key; `make` makes it, and something to go with
    /// it. It runs no user code.
    pub(crate) fn open<R>(&self, make: impl FnOnce(Key) -> (P, R)) -> (Key, R) {
        let mut accounts = self.0.borrow_mut();
        accounts.identities += 1;
        let identity = accounts.identities;
        let place = accounts.entries.vacant_entry();
        let key = Key { slot: place.key(), identity };
        let (party, made) = make(key);
        place.insert(Entry { identity, party, work: None });
        (key, made)
    }

    /// Notes how to call off the work; nothing if the account is closed already.
    pub(crate) fn set_work(&self, key: Key, work: W) {
        let _before = match self.0.borrow_mut().entries.get_mut(key.slot) {
            Some(entry) if entry.identity == key.identity => entry.work.replace(work),
            _ => Some(work),
        };
    }

    /// Takes out how to call off the work; the account stays open.
    pub(crate) fn take_work(&self, key: Key) -> Option<W> {
        let mut accounts = self.0.borrow_mut();
        let entry = accounts.entries.get_mut(key.slot)?;
        if entry.identity == key.identity { entry.work.take() } else { None }
    }

    pub(crate) fn close(&self, key: Key) -> Option<Entry<P, W>> {
        self.0.borrow_mut().close(key.slot, |entry| entry.identity == key.identity)
    }

    /// Closes the account whose key has this [name](Key::name).
    ///
    /// For who asks at most once, and before the account can have been closed for long: after that
    /// many others the name would be another one's.
    pub(crate) fn close_named(&self, name: u64) -> Option<Entry<P, W>> {
        let slot = usize::try_from(name >> 32).ok()?;
        let named = |entry: &Entry<P, W>| Key { slot, identity: entry.identity }.name() == name;
        self.0.borrow_mut().close(slot, named)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().entries.is_empty()
    }

    /// Looks at the work of each account.
    pub(crate) fn works<R>(&self, mut look: impl FnMut(Key, &W) -> Option<R>) -> Vec<R> {
        let accounts = self.0.borrow();
        let look = |(slot, entry): (usize, &Entry<P, W>)| {
            look(Key { slot, identity: entry.identity }, entry.work.as_ref()?)
        };
        accounts.entries.iter().filter_map(look).collect()
    }
}

impl<P: Party<W>, W> Ledger<P, W> {
    /// Closes all accounts: nothing will come any more.
    pub(crate) fn close_all(&self) {
        let entries = std::mem::take(&mut self.0.borrow_mut().entries);
        for (_, entry) in entries {
            entry.party.reactor_stopped(entry.work);
        }
    }
}

impl<P, W> Accounts<P, W> {
    fn close(
        &mut self,
        slot: usize,
        meant: impl FnOnce(&Entry<P, W>) -> bool,
    ) -> Option<Entry<P, W>> {
        self.entries.get(slot).filter(|entry| meant(entry))?;
        let closed = self.entries.try_remove(slot);
        if self.entries.is_empty() && self.entries.capacity() > KEPT {
            self.entries = Slab::new();
        }
        closed
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{KEPT, Ledger};

    #[test]
    fn no_storage_of_a_burst_is_kept_and_no_key_means_another() {
        let ledger = Ledger::<(), ()>::default();
        let open = || ledger.open(|_| ((), ())).0;
        let keys: Vec<_> = (0..2 * KEPT).map(|_| open()).collect();
        assert!(ledger.0.borrow().entries.capacity() > KEPT);
        assert!(keys.iter().all(|&key| ledger.close(key).is_some()));
        assert!(ledger.0.borrow().entries.capacity() <= KEPT);
        let fresh = open();
        assert!(keys.iter().all(|&key| ledger.close(key).is_none()));
        assert!(keys.iter().all(|&key| ledger.close_named(key.name()).is_none()));
        assert!(ledger.close_named(fresh.name()).is_some());
    }
}
