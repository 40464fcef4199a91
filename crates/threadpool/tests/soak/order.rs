//! First in, first out: checked where at most one worker lives at a time.
//!
//! Two jobs whose submissions overlapped may start either way. But if the submission of one had
//! returned before that of the other began, it must have started first.

use crate::record::{Note, Record};
use crate::round::Round;

/// Gives the number of jobs that were checked.
pub(crate) fn check(round: &Round) -> u64 {
    let started = |record: &Record| record.started.load(std::sync::atomic::Ordering::SeqCst);
    let mut records = round.records();
    records.retain(|record| record.has(Note::Started));
    records.sort_by_key(|record| started(record));
    // From the last to start backwards: the earliest end of a submission among those behind.
    let mut earliest_behind = u64::MAX;
    for record in records.iter().rev() {
        if earliest_behind < record.before.load(std::sync::atomic::Ordering::SeqCst) {
            round.complain(format!("it overtook one submitted before: {}", record.story()));
        }
        let after = record.after.load(std::sync::atomic::Ordering::SeqCst);
        earliest_behind = earliest_behind.min(after);
    }
    records.len() as u64
}
