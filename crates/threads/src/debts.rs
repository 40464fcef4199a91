//! To which reactors the job on this thread owes its result.
//!
//! The end of a reactor waits for what is owed to it. So a job must not wait for the end of a reactor
//! to which it owes its own result, in whatever pool it is.

use std::cell::RefCell;
use std::thread::ThreadId;

thread_local! {
    /// The threads of those reactors. More than one: a job may itself run the jobs of a manual pool.
    static DEBTS: RefCell<Vec<ThreadId>> = const { RefCell::new(Vec::new()) };
}

/// Lets it be known that the job that begins now owes its result to the reactor of `thread`, for as
/// long as the answer is kept.
pub(crate) fn owe(thread: ThreadId) -> Owing {
    // A thread at its very end runs no more jobs of any length.
    let noted = DEBTS.try_with(|debts| debts.borrow_mut().push(thread)).is_ok();
    Owing { noted }
}

/// Whether a job on this thread owes its result to a reactor of `thread`.
pub(crate) fn is_owed_to(thread: ThreadId) -> bool {
    DEBTS.try_with(|debts| debts.borrow().contains(&thread)).unwrap_or(false)
}

/// A job that owes its result runs.
#[must_use]
pub(crate) struct Owing {
    noted: bool,
}

impl Drop for Owing {
    fn drop(&mut self) {
        if self.noted {
            let _ = DEBTS.try_with(|debts| debts.borrow_mut().pop());
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{is_owed_to, owe};
    use std::thread::{self, Builder};

    #[test]
    fn i4_a_job_inside_of_another_owes_what_both_owe() {
        let here = thread::current().id();
        let other = Builder::new().spawn(|| thread::current().id()).unwrap().join().unwrap();
        let outer = owe(here);
        let inner = owe(other);
        assert!(is_owed_to(here) && is_owed_to(other));
        drop(inner);
        assert!(is_owed_to(here) && !is_owed_to(other));
        drop(outer);
        assert!(!is_owed_to(here));
    }
}
