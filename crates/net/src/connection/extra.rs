//! What most connections never need: made when it is asked for, so that an idle one stays small.

use super::producing::Production;
use super::pulling::Pulling;
#[cfg(feature = "tls")]
use super::securing::Securing;
use crate::listening::Place;
use ropewalk_deferred::Promise;
use std::cell::{Cell, OnceCell};
use std::error::Error;
use std::sync::Arc;

/// How many bytes may wait to be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Limits {
    /// At this many, or fewer, those who were stopped may go on.
    pub(crate) low: usize,
    /// With more, whoever writes is told to stop.
    pub(crate) high: usize,
    /// With more, the connection ends.
    pub(crate) max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { low: 0, high: 64 * 1024, max: usize::MAX }
    }
}

#[derive(Default)]
pub(super) struct Extra {
    pub(super) limits: Cell<Limits>,
    /// Fired when everything is sent.
    pub(super) flushed: Cell<Vec<Promise<()>>>,
    pub(super) production: Production,
    /// Why the protocol has asked for the end, if not because it is done.
    pub(super) failure: Cell<Option<Arc<dyn Error + Send + Sync>>>,
    /// Its place among the connections of its port, if they are counted.
    pub(super) place: Cell<Option<Place>>,
    /// There if tasks read and write themselves.
    pub(super) pulling: OnceCell<Box<Pulling>>,
    /// Who waits for a handshake, and for how long.
    #[cfg(feature = "tls")]
    pub(super) securing: Cell<Option<Securing>>,
}
