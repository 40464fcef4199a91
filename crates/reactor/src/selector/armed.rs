//! A source that is watched, in whatever way its selector watches.

use super::manual;
use crate::poller;
use crate::source::Interest;
use polling::AsSource;
use std::io;

/// Ends the watching when it is dropped, before it drops the source.
pub(crate) enum Armed<S: AsSource> {
    Polled(poller::Armed<S>),
    ByHand(manual::Armed<S>),
}

impl<S: AsSource> Armed<S> {
    pub(crate) fn source(&self) -> &S {
        match self {
            Self::Polled(armed) => armed.source(),
            Self::ByHand(armed) => armed.source(),
        }
    }

    pub(crate) fn key(&self) -> usize {
        match self {
            Self::Polled(armed) => armed.key(),
            Self::ByHand(armed) => armed.key(),
        }
    }

    /// What is watched for; nothing, when the watching has ended.
    pub(crate) fn interest(&self) -> Interest {
        match self {
            Self::Polled(armed) => armed.interest(),
            Self::ByHand(armed) => armed.interest(),
        }
    }

    /// Changes what is watched for. Nothing happens if it is what is watched for already,
    /// by the level.
    pub(crate) fn set_interest(&self, interest: Interest) -> io::Result<()> {
        match self {
            Self::Polled(armed) => armed.set_interest(interest),
            Self::ByHand(armed) => {
                armed.set_interest(interest);
                Ok(())
            }
        }
    }

    /// Watches on after an event, where the system forgets a source with each event.
    pub(crate) fn rearm(&self) {
        match self {
            Self::Polled(armed) => armed.rearm(),
            Self::ByHand(_) => {}
        }
    }

    /// Ends the watching. Calling it again does nothing.
    pub(crate) fn disarm(&self) {
        match self {
            Self::Polled(armed) => armed.disarm(),
            Self::ByHand(armed) => armed.disarm(),
        }
    }
}
