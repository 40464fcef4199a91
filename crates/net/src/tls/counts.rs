//! How many handshakes of a server there were, and what is said of those that fail.
//!
//! Whoever can reach a port can make handshakes fail, as often as he likes: one warning when it
//! begins, and then at most one a minute, with their number.

use super::TlsError;
use crate::Address;
use crate::events::tell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Between two warnings.
const SILENCE: Duration = Duration::from_secs(60);

/// How many handshakes a server has had.
///
/// Given by [`TlsServer::handshakes`](super::TlsServer::handshakes).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct HandshakeCounts {
    /// Are under way.
    pub pending: u64,
    /// Have ended well.
    pub completed: u64,
    /// Have failed, or took too long, or their connection was lost.
    pub failed: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    begun: AtomicU64,
    completed: AtomicU64,
    failed: AtomicU64,
    said: Mutex<Said>,
}

#[derive(Debug, Default)]
struct Said {
    /// When the last warning was.
    at: Option<Instant>,
    /// How many have failed since.
    since: u64,
}

impl Counts {
    pub(super) fn get(&self) -> HandshakeCounts {
        // In this order, so that none is missing from `pending` that is in the others.
        let completed = self.completed.load(Ordering::Acquire);
        let failed = self.failed.load(Ordering::Acquire);
        let begun = self.begun.load(Ordering::Acquire);
        HandshakeCounts { pending: begun.saturating_sub(completed + failed), completed, failed }
    }

    pub(crate) fn begin(&self) {
        self.begun.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn complete(&self) {
        self.completed.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn fail(&self, peer: &Address, error: &TlsError, now: Instant) {
        self.failed.fetch_add(1, Ordering::Release);
        tell(|| tracing::debug!(%peer, %error, "a TLS handshake has failed"));
        if let Some(count) = self.to_be_said(now) {
            tell(|| {
                tracing::warn!(
                    %peer, %error, count,
                    "TLS handshakes fail; the next ones are counted, and named at the level of debug"
                );
            });
        }
    }

    /// How many have failed since the last warning, if it is time for another one.
    fn to_be_said(&self, now: Instant) -> Option<u64> {
        // A thread that panicked here has left nothing half done.
        let mut said = self.said.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        said.since += 1;
        let silent = |at: Instant| now.saturating_duration_since(at) < SILENCE;
        if said.at.is_some_and(silent) {
            return None;
        }
        said.at = Some(now);
        Some(std::mem::take(&mut said.since))
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;
    use std::time::{Duration, Instant};

    #[test]
    fn failures_are_told_once_a_minute_with_their_number() {
        let (counts, start) = (Counts::default(), Instant::now());
        let told: Vec<_> = (0..150)
            .filter_map(|second| counts.to_be_said(start + Duration::from_secs(second)))
            .collect();
        assert_eq!(told, [1, 60, 60]);
    }
}
