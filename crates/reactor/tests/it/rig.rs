//! A reactor whose time and readiness a test makes by hand, and a log of what it ran.

use ropewalk_reactor::{
    Builder, Interest, ManualClock, ManualSelector, Reactor, Readiness, Registration,
};
use ropewalk_testing::EventLog;
use std::net::UdpSocket;
use std::rc::Rc;
use std::time::Duration;

/// A source for which nobody asks the operating system; one may be registered many times.
pub(crate) type Source = Rc<UdpSocket>;

pub(crate) fn source() -> Source {
    Rc::new(UdpSocket::bind("127.0.0.1:0").unwrap())
}

pub(crate) struct Rig {
    pub(crate) clock: ManualClock,
    pub(crate) selector: ManualSelector,
    pub(crate) reactor: Reactor,
    pub(crate) log: EventLog,
    source: Source,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with(settings: impl FnOnce(Builder) -> Builder) -> Self {
        let (clock, selector) = (ManualClock::new(), ManualSelector::new());
        let builder = Reactor::builder().manual_clock(&clock).manual_selector(&selector);
        let reactor = settings(builder).build().unwrap();
        Self { clock, selector, reactor, log: EventLog::new(), source: source() }
    }

    /// Registers a source whose callback logs its name, and does no more.
    pub(crate) fn watch(&self, name: &str, interest: Interest) -> Registration<Source> {
        self.watch_with(name, interest, |_| ())
    }

    /// Registers a source whose callback logs its name, and then runs `f`.
    pub(crate) fn watch_with(
        &self,
        name: &str,
        interest: Interest,
        mut f: impl FnMut(&Reactor) + 'static,
    ) -> Registration<Source> {
        let (name, log) = (name.to_owned(), self.log.clone());
        let callback = move |reactor: &Reactor, _: &Source, _: Readiness| {
            log.add(name.as_str());
            f(reactor);
        };
        self.reactor.register(Rc::clone(&self.source), interest, callback).unwrap()
    }

    /// A callback that logs an entry.
    pub(crate) fn adds(&self, entry: &str) -> impl FnOnce(&Reactor) + Send + use<> {
        let (log, entry) = (self.log.clone(), entry.to_owned());
        move |_| log.add(entry)
    }

    pub(crate) fn call(&self, f: impl FnOnce(&Reactor) + Send + 'static) {
        assert!(self.reactor.handle().call_from_thread(f).is_ok());
    }

    /// Makes one turn that does not wait; what has been logged since it was last asked for.
    pub(crate) fn turn(&self) -> String {
        self.reactor.turn(Some(Duration::ZERO)).unwrap();
        self.logged()
    }

    pub(crate) fn logged(&self) -> String {
        self.log.take().join(" ")
    }
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
