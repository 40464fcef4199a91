//! What the network has to say of a run.

use ropewalk_reactor::RunReport;

/// How the connections ended that were there when a reactor stopped, and still when it had waited for
/// what was unsent: those that have ended by themselves until then are not counted.
///
/// # Examples
///
/// ```
/// use ropewalk_net::{NetReport, Protocol, ReactorNet as _, Transport};
/// use ropewalk_reactor::Reactor;
///
/// /// Says more than a peer that does not read can take.
/// struct Talker;
///
/// impl Protocol for Talker {
///     fn connection_made(&mut self, transport: &Transport) {
///         transport.write(&vec![0; 20_000_000]);
///         Reactor::with_current(Reactor::stop_now); // nobody is waited for
///     }
///     fn data_received(&mut self, _: &Transport, _: &[u8]) {}
/// }
///
/// let reactor = Reactor::new()?;
/// let port = reactor.listen_tcp("127.0.0.1:0", |_peer| Talker).unwrap();
/// let deaf = std::net::TcpStream::connect(port.address())?;
/// reactor.run().unwrap_err(); // it says that the shutdown was cut short
/// let report = NetReport::of(&reactor.run_report());
/// assert_eq!(report.aborted(), 1);
/// assert!(report.unsent() > 0);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct NetReport {
    closed: usize,
    aborted: usize,
    unsent: usize,
}

impl NetReport {
    /// The part of the network in the report of a run. A run that ended with no connection open, or by
    /// a crash, has none: then all is zero.
    #[must_use]
    pub fn of(report: &RunReport) -> Self {
        report.get().copied().unwrap_or_default()
    }

    /// How many connections the shutdown has closed of which everything was sent.
    #[must_use]
    pub fn closed(&self) -> usize {
        self.closed
    }

    /// How many connections the shutdown has aborted: their peers did not take everything in time, or a
    /// [`Producer`](crate::Producer) for which their end waited did not come to its own.
    #[must_use]
    pub fn aborted(&self) -> usize {
        self.aborted
    }

    /// How many bytes of the aborted connections were written and not sent; of one that is encrypted,
    /// as they would have gone out.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.unsent
    }

    /// Counts a connection that is still there, and what of it is unsent. One that owes more may have
    /// nothing unsent at the moment.
    pub(super) fn count(&mut self, owes: bool, unsent: usize) {
        if owes {
            self.aborted += 1;
            self.unsent += unsent;
        } else {
            self.closed += 1;
        }
    }
}
