//! What a run has to say when it is over.
//!
//! The reactor knows nothing of what its run was for; the crates above it do, and leave a part each.

use crate::reactor::Reactor;
use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// What [`Reactor::run`] gives back: a part from each crate that had something to say, found by its
/// type.
///
/// # Examples
///
/// ```
/// use ropewalk_reactor::Reactor;
///
/// #[derive(Debug, PartialEq)]
/// struct Served(u32);
///
/// let reactor = Reactor::new()?;
/// reactor.call_when_running(|reactor| {
///     reactor.add_to_report(Served(3));
///     reactor.stop();
/// });
/// let report = reactor.run().unwrap();
/// assert_eq!(report.get(), Some(&Served(3)));
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Default)]
pub struct RunReport {
    parts: Vec<Arc<dyn Part>>,
}

impl RunReport {
    /// The part of this type, if anybody left one.
    #[must_use]
    pub fn get<T: Any>(&self) -> Option<&T> {
        // Of the part, not of the `Arc`, which would be one as well.
        self.parts.iter().find_map(|part| (**part).as_any().downcast_ref())
    }

    fn put(&mut self, part: Arc<dyn Part>) -> Option<Arc<dyn Part>> {
        let kind = (*part).as_any().type_id();
        let same = |old: &Arc<dyn Part>| (**old).as_any().type_id() == kind;
        let replaced = self.parts.iter().position(same).map(|at| self.parts.remove(at));
        self.parts.push(part);
        replaced
    }
}

impl fmt::Debug for RunReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RunReport ")?;
        f.debug_list().entries(&self.parts).finish()
    }
}

trait Part: fmt::Debug + Send + Sync {
    fn as_any(&self) -> &dyn Any;
}

impl<T: Any + fmt::Debug + Send + Sync> Part for T {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Reactor {
    /// Leaves a part for the report of this run; it takes the place of one of the same type. After a
    /// run it is kept for nobody: the next one begins with an empty report.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    pub fn add_to_report<T: Any + fmt::Debug + Send + Sync>(&self, part: T) {
        // Out of the borrow first: the old one may be a user's.
        let replaced = self.core.report.borrow_mut().put(Arc::new(part));
        drop(replaced);
    }

    /// What the last run had to say, or the present one has said so far: also one that ended with an
    /// error.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::Reactor;
    ///
    /// let reactor = Reactor::new()?;
    /// reactor.call_when_running(|reactor| {
    ///     reactor.add_to_report("half of it");
    ///     reactor.crash();
    /// });
    /// reactor.run().unwrap();
    /// assert_eq!(reactor.run_report().get(), Some(&"half of it"));
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn run_report(&self) -> RunReport {
        self.core.report.borrow().clone()
    }

    pub(crate) fn clear_report(&self) {
        // As above.
        let old = self.core.report.take();
        drop(old);
    }
}
