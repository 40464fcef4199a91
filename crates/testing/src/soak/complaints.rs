//! What is wrong with a round.

use std::sync::Mutex;

use crate::lock::lock;

/// So many are kept: the first ones tell the most.
const KEPT: usize = 10;

/// What was wrong, said by whichever thread has seen it.
#[derive(Debug, Default)]
pub struct Complaints(Mutex<Vec<String>>);

impl Complaints {
    /// Something is wrong.
    pub fn add(&self, what: String) {
        let mut complaints = lock(&self.0);
        if complaints.len() < KEPT {
            complaints.push(what);
        }
    }

    /// The first ones.
    #[must_use]
    pub fn first(&self) -> Vec<String> {
        lock(&self.0).clone()
    }

    /// Prints them, for the last words.
    #[expect(clippy::print_stderr, reason = "a part of programs for the terminal")]
    pub fn print(&self) {
        self.first().iter().for_each(|complaint| eprintln!("  {complaint}"));
    }
}
