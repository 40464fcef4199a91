//! Numbers in texts for people, with the words for one and for many.

use std::fmt;

/// Shown as the number and what there is that many of.
pub(crate) struct Counted {
    number: usize,
    what: &'static str,
}

/// So many of `one`, which more than one are `many` of.
pub(crate) fn counted(number: usize, one: &'static str, many: &'static str) -> Counted {
    Counted { number, what: if number == 1 { one } else { many } }
}

/// So many jobs, of which it is said that they wait.
pub(crate) fn waiting(jobs: usize) -> Counted {
    counted(jobs, "job waits", "jobs wait")
}

/// So many threads.
pub(crate) fn threads(number: usize) -> Counted {
    counted(number, "thread", "threads")
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.what)
    }
}
