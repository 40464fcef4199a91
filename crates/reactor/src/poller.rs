//! The seam to `polling`: one of the two files with unsafe code; the other is `closures.rs`.
//!
//! `polling` asks one thing of its callers that the compiler cannot check: a source must be
//! deleted from the poller before it is closed. [`Armed`] keeps that promise by owning the source:
//! it lends it out by shared reference only, and deletes it before it drops it.

#![expect(unsafe_code, reason = "polling's registration contract, upheld by `Armed`")]

use crate::panics;
use crate::source::Interest;
use polling::{AsSource, Event, PollMode, Poller};
use std::cell::Cell;
use std::io;
use std::sync::Arc;

#[cfg(unix)]
use std::os::fd::{AsRawFd as _, BorrowedFd as Borrowed, RawFd as Raw};
#[cfg(windows)]
use std::os::windows::io::{AsRawSocket as _, BorrowedSocket as Borrowed, RawSocket as Raw};

/// Starts to watch `source`; hands it back if the system cannot watch it.
///
/// The key is made after the source was asked for its descriptor: that runs the source's code, which
/// may register another one.
pub(crate) fn arm<S: AsSource>(
    poller: &Arc<Poller>,
    source: S,
    key: impl FnOnce() -> usize,
    interest: Interest,
) -> Result<Armed<S>, (S, io::Error)> {
    let raw = raw(&source);
    let key = key();
    let (event, mode) = armed_for(key, interest, poller);
    // SAFETY: the source is moved into `Armed`, which never lends it mutably, and which deletes it
    // from this poller, by the descriptor it had here, before dropping it.
    let added = unsafe { poller.add_with_mode(raw, event, mode) };
    match added {
        Ok(()) => Ok(Armed {
            poller: Arc::clone(poller),
            raw,
            key,
            interest: Cell::new(Some(interest)),
            source,
        }),
        Err(error) => Err((source, error)),
    }
}

/// A source that its poller watches, and that is not watched any more when it is closed.
pub(crate) struct Armed<S: AsSource> {
    poller: Arc<Poller>,
    /// The descriptor under which the source was added. Taken once: a source of a strange type
    /// might answer another one later.
    raw: Raw,
    key: usize,
    /// # Invariant
    ///
    /// `Some` exactly as long as the poller knows `raw`. While it is, `source` is alive and
    /// nobody had it by value or by `&mut`, so `raw` is open.
    interest: Cell<Option<Interest>>,
    source: S,
}

impl<S: AsSource> Armed<S> {
    pub(crate) fn source(&self) -> &S {
        &self.source
    }

    pub(crate) fn key(&self) -> usize {
        self.key
    }

    /// What is watched for; nothing, when the watching has ended.
    pub(crate) fn interest(&self) -> Interest {
        self.interest.get().unwrap_or(Interest::NONE)
    }

    /// Changes what is watched for. Nothing happens if it is what is watched for already, by the
    /// level; by the edge the system looks anew at what is there.
    pub(crate) fn set_interest(&self, interest: Interest) -> io::Result<()> {
        match self.interest.get() {
            Some(now) if now != interest || interest.is_edge_triggered() => {
                let (event, mode) = armed_for(self.key, interest, &self.poller);
                // SAFETY: `interest` is `Some`, so `raw` is open (invariant above).
                let source = unsafe { Borrowed::borrow_raw(self.raw) };
                self.poller.modify_with_mode(source, event, mode)?;
                self.interest.set(Some(interest));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Watches on after an event, where the system forgets a source with each event.
    pub(crate) fn rearm(&self) {
        let level = |interest: &Interest| !interest.is_none() && !interest.is_edge_triggered();
        let interest = self.interest.get().filter(level);
        if let (Some(interest), false) = (interest, self.poller.supports_level()) {
            let (event, mode) = armed_for(self.key, interest, &self.poller);
            // SAFETY: `interest` is `Some`, so `raw` is open (invariant above).
            let source = unsafe { Borrowed::borrow_raw(self.raw) };
            if let Err(error) = self.poller.modify_with_mode(source, event, mode) {
                panics::tell(|| tracing::error!(%error, "a source could not be watched on"));
            }
        }
    }

    /// Ends the watching. Calling it again does nothing.
    pub(crate) fn disarm(&self) {
        if self.interest.take().is_some() {
            // SAFETY: `interest` was `Some`, so `raw` is open (invariant above).
            let source = unsafe { Borrowed::borrow_raw(self.raw) };
            if let Err(error) = self.poller.delete(source) {
                let what = "a source could not be removed from the poller";
                panics::tell(|| tracing::debug!(%error, "{what}"));
            }
        }
    }
}

impl<S: AsSource> Drop for Armed<S> {
    fn drop(&mut self) {
        // Before the fields, and so before the source, are dropped.
        self.disarm();
    }
}

/// Level-triggered where the system can, so that a callback may read as little as it likes. With
/// no interest at all it is one event at most: a hang-up is always reported, and would be for ever.
fn armed_for(key: usize, interest: Interest, poller: &Poller) -> (Event, PollMode) {
    let event = Event::new(key, interest.is_readable(), interest.is_writable());
    let mode = if interest.is_none() {
        PollMode::Oneshot
    } else if interest.is_edge_triggered() {
        PollMode::Edge
    } else if poller.supports_level() {
        PollMode::Level
    } else {
        PollMode::Oneshot
    };
    (event, mode)
}

#[cfg(unix)]
fn raw(source: &impl AsSource) -> Raw {
    source.source().as_raw_fd()
}

#[cfg(windows)]
fn raw(source: &impl AsSource) -> Raw {
    source.source().as_raw_socket()
}
