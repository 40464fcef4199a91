//! The threads of this process.

use std::thread;
use std::time::{Duration, Instant};

/// So long may a thread take to end that nobody joins.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many there are now, where the system tells.
fn count() -> Option<usize> {
    std::fs::read_dir("/proc/self/task").ok().map(Iterator::count)
}

/// The names of those that are left over, when all but one should have ended.
pub(crate) fn left_over() -> Vec<String> {
    let began = Instant::now();
    while count().is_some_and(|threads| threads > 1) {
        if began.elapsed() > PATIENCE {
            return names();
        }
        thread::park_timeout(Duration::from_micros(200));
    }
    Vec::new()
}

fn names() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok()).collect()
}
