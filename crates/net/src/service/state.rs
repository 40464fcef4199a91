//! Where a service is in its course.

use crate::{ConnectionLost, Transport};
use ropewalk_deferred::{CancelHandle, Failure};
use ropewalk_reactor::DelayedCall;

#[derive(Debug, Default)]
pub(super) enum State {
    /// Never started.
    #[default]
    Idle,
    /// The factory is being told that it is needed.
    Starting {
        stopped: bool,
    },
    /// The endpoint is at it.
    Connecting(UnderWay),
    /// There is a connection, and the application is preparing it.
    Preparing {
        transport: Transport,
        work: Option<CancelHandle>,
    },
    /// There is a connection that is of no use, for this reason: its end is waited for.
    Failing(Failure),
    Connected(Transport),
    /// The time until the next attempt runs.
    Waiting(DelayedCall),
    /// Stopped; the end of the connection is waited for.
    Disconnecting {
        restart: bool,
    },
    Stopped,
}

/// An attempt that the endpoint has not ended yet.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    pub(super) cancel: Option<CancelHandle>,
    /// The protocol has been told of its connection.
    pub(super) made: Option<Transport>,
    /// The factory wanted none.
    pub(super) declined: bool,
    /// The protocol has been told of its end.
    pub(super) lost: Option<ConnectionLost>,
}

impl UnderWay {
    /// The connection that has to end before anything else can begin.
    pub(super) fn connection(&self) -> Option<&Transport> {
        self.made.as_ref().filter(|_| self.lost.is_none())
    }
}

impl State {
    pub(super) fn is_off(&self) -> bool {
        matches!(self, Self::Idle | Self::Stopped)
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Starting { .. } => "starting",
            Self::Connecting(_) => "connecting",
            Self::Preparing { .. } => "preparing",
            Self::Failing(_) => "failing",
            Self::Connected(_) => "connected",
            Self::Waiting(_) => "waiting",
            Self::Disconnecting { .. } => "disconnecting",
            Self::Stopped => "stopped",
        }
    }
}
