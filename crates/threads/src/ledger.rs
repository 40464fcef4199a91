//! The open accounts of a reactor with other threads.
//!
//! Each `Deferred` that waits for a job, and each blocking call that waits for a `Deferred`, has
//! one entry here. It is closed exactly once: by its result, by its cancellation, or by the end
//! of the run, which fails what is still open (I2, I4). An entry lives on the reactor thread; a
//! worker holds its key.

use ropewalk_deferred::{CancelHandle, Promise};
use ropewalk_reactor::ReactorStopped;
use ropewalk_threadpool::{JobHandle, JobState};
use slab::Slab;
use std::any::Any;
use std::cell::RefCell;
use std::time::Instant;

use crate::eventual::Reply;

/// Up to this many accounts the storage is kept when the last one is closed.
const KEPT: usize = 1024;

/// One who waits for a result.
pub(crate) trait Party: 'static {
    /// No result will come: the reactor has stopped.
    fn reactor_stopped(self: Box<Self>);
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

impl<T: 'static> Party for Promise<T> {
    fn reactor_stopped(self: Box<Self>) {
        (*self).settle(Err(ReactorStopped::new().into()));
    }
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

impl<T: 'static> Party for Reply<T> {
    fn reactor_stopped(self: Box<Self>) {
        (*self).reactor_stopped();
    }
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// The key of an entry. The slot is used again, the identity never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    slot: usize,
    identity: u64,
}

/// How the work behind an entry is called off.
pub(crate) enum Work {
    /// Not known yet: it is being handed over.
    Unknown,
    /// A job, and since when it is owed.
    Job(JobHandle, Instant),
    Chain(CancelHandle),
}

pub(crate) struct Entry {
    identity: u64,
    pub(crate) party: Box<dyn Party>,
    pub(crate) work: Work,
}

impl Entry {
    /// The party as what it was when the account was opened.
    pub(crate) fn party<P: 'static>(self) -> Option<P> {
        self.party.into_any().downcast().ok().map(|party| *party)
    }
}

/// Borrows end before an entry is dropped or settled: behind each is user code.
#[derive(Default)]
pub(crate) struct Ledger(RefCell<Accounts>);

#[derive(Default)]
struct Accounts {
    entries: Slab<Entry>,
    identities: u64,
}

impl Ledger {
    pub(crate) fn open(&self, party: Box<dyn Party>) -> Key {
        self.open_with(|_| party)
    }

    /// Opens an account for a party that knows its key. `party` must do no more than to make it.
    pub(crate) fn open_with(&self, party: impl FnOnce(Key) -> Box<dyn Party>) -> Key {
        let mut accounts = self.0.borrow_mut();
        accounts.identities += 1;
        let identity = accounts.identities;
        let place = accounts.entries.vacant_entry();
        let key = Key { slot: place.key(), identity };
        place.insert(Entry { identity, party: party(key), work: Work::Unknown });
        key
    }

    /// Notes how to call off the work; nothing if the account is closed already.
    pub(crate) fn set_work(&self, key: Key, work: Work) {
        let _before = match self.0.borrow_mut().entries.get_mut(key.slot) {
            Some(entry) if entry.identity == key.identity => {
                std::mem::replace(&mut entry.work, work)
            }
            _ => work,
        };
    }

    /// Takes out how to call off the work; the account stays open.
    pub(crate) fn take_work(&self, key: Key) -> Option<Work> {
        let mut accounts = self.0.borrow_mut();
        let entry = accounts.entries.get_mut(key.slot)?;
        (entry.identity == key.identity).then(|| std::mem::replace(&mut entry.work, Work::Unknown))
    }

    pub(crate) fn close(&self, key: Key) -> Option<Entry> {
        let mut accounts = self.0.borrow_mut();
        let entry = accounts.entries.get(key.slot)?;
        if entry.identity != key.identity {
            return None;
        }
        let closed = accounts.entries.try_remove(key.slot);
        if accounts.entries.is_empty() && accounts.entries.capacity() > KEPT {
            accounts.entries = Slab::new();
        }
        closed
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().entries.is_empty()
    }

    /// Closes the accounts of the jobs whose pool has not been started.
    pub(crate) fn close_unstarted(&self) -> Vec<Entry> {
        let mut accounts = self.0.borrow_mut();
        let hopeless = |entry: &Entry| match &entry.work {
            Work::Job(job, _) => job.waits_for_start(),
            Work::Unknown | Work::Chain(_) => false,
        };
        let entries = accounts.entries.iter();
        let slots: Vec<_> =
            entries.filter(|(_, entry)| hopeless(entry)).map(|(slot, _)| slot).collect();
        slots.into_iter().filter_map(|slot| accounts.entries.try_remove(slot)).collect()
    }

    /// Closes all accounts: nothing will come any more.
    pub(crate) fn close_all(&self) {
        let entries = std::mem::take(&mut self.0.borrow_mut().entries);
        for (_, entry) in entries {
            entry.party.reactor_stopped();
        }
    }

    /// The jobs that are still owed, for a report.
    pub(crate) fn jobs(&self) -> Vec<String> {
        let accounts = self.0.borrow();
        accounts
            .entries
            .iter()
            .filter_map(|(_, entry)| match &entry.work {
                Work::Job(job, since) => {
                    let (name, location) = (job.name(), job.location());
                    let age = since.elapsed();
                    let state = match job.state() {
                        JobState::Queued => "queued",
                        JobState::Running => "running",
                        _ => "its result is on the way",
                    };
                    Some(format!(
                        "no result for {age:.1?} from {name}, submitted at {location} ({state})"
                    ))
                }
                Work::Unknown | Work::Chain(_) => None,
            })
            .collect()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{KEPT, Ledger};
    use ropewalk_deferred::Deferred;

    #[test]
    fn no_storage_of_a_burst_is_kept_and_no_key_means_another() {
        let ledger = Ledger::default();
        let open = || {
            let (promise, deferred) = Deferred::<()>::new();
            deferred.on_failure(drop);
            ledger.open(Box::new(promise))
        };
        let keys: Vec<_> = (0..2 * KEPT).map(|_| open()).collect();
        assert!(ledger.0.borrow().entries.capacity() > KEPT);
        assert!(keys.iter().all(|&key| ledger.close(key).is_some()));
        assert!(ledger.0.borrow().entries.capacity() <= KEPT);
        let fresh = open();
        assert!(keys.iter().all(|&key| ledger.close(key).is_none()));
        assert!(ledger.close(fresh).is_some());
    }
}
