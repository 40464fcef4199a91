//! Typed slots: where crates above this one keep what belongs to one reactor.
//!
//! A pool, a resolver or an executor belongs to a reactor, but the reactor should not know them.
//! So each type has one slot in each reactor, made with `Default` when first asked for. User code
//! (`default`, and the drop of a value that lost a race) runs outside of the lock and the borrow.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

/// Slots for the reactor thread alone. They are few, and asked for often: so they are looked
/// through one by one.
#[derive(Default)]
pub(crate) struct LocalSlots(RefCell<Vec<(TypeId, Rc<dyn Any>)>>);

impl LocalSlots {
    pub(crate) fn get<T: Default + 'static>(&self) -> Rc<T> {
        if let Some(value) = self.find() {
            return value;
        }
        let made = Rc::new(T::default());
        // `default` may have asked for the same slot: the first to arrive stays.
        if let Some(first) = self.find() {
            return first;
        }
        self.0.borrow_mut().push((TypeId::of::<T>(), Rc::clone(&made) as Rc<dyn Any>));
        made
    }

    fn find<T: 'static>(&self) -> Option<Rc<T>> {
        let slots = self.0.borrow();
        let (_, value) = slots.iter().find(|(of, _)| *of == TypeId::of::<T>())?;
        Rc::clone(value).downcast().ok()
    }

    /// Empties all slots; the values are dropped by the caller.
    pub(crate) fn take(&self) -> Vec<Rc<dyn Any>> {
        self.0.take().into_iter().map(|(_, value)| value).collect()
    }
}

impl fmt::Debug for LocalSlots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let used = self.0.borrow().len();
        f.debug_struct("LocalSlots").field("used", &used).finish()
    }
}

/// Slots for every thread that has a handle.
#[derive(Default)]
pub(crate) struct SharedSlots(Mutex<BTreeMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl SharedSlots {
    pub(crate) fn get<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let found = self.lock(|slots| slots.get(&TypeId::of::<T>()).cloned());
        if let Some(value) = found.and_then(|any| any.downcast().ok()) {
            return value;
        }
        let made = Arc::new(T::default());
        let kept = self.lock(|slots| {
            let slot = slots.entry(TypeId::of::<T>());
            Arc::clone(slot.or_insert_with(|| Arc::clone(&made) as Arc<dyn Any + Send + Sync>))
        });
        kept.downcast().unwrap_or(made)
    }

    /// Empties all slots; the values are dropped by the caller.
    pub(crate) fn take(&self) -> Vec<Arc<dyn Any + Send + Sync>> {
        self.lock(std::mem::take).into_values().collect()
    }

    fn lock<R>(
        &self,
        look: impl FnOnce(&mut BTreeMap<TypeId, Arc<dyn Any + Send + Sync>>) -> R,
    ) -> R {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for SharedSlots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let used = self.lock(|slots| slots.len());
        f.debug_struct("SharedSlots").field("used", &used).finish()
    }
}
