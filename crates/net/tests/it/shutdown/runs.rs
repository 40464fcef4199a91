//! One end for each run, whatever is asked of the network meanwhile.

use crate::fixture::{Probe, pair};
use ropewalk_deferred::Deferred;
use ropewalk_net::{
    ConnectError, ConnectErrorKind, ListenErrorKind, NameQuery, ReactorNet as _, Resolver,
};
use ropewalk_reactor::{Phase, Reactor, SystemEvent};
use ropewalk_testing::{DEADLINE, EventLog, failure_as, within};
use std::net::SocketAddr;

/// Logs that it is told of a stop, and then does something.
struct Told<F>(EventLog, F);

impl<F: Fn(&Reactor) + 'static> Resolver for Told<F> {
    fn resolve(&self, _: &Reactor, _: &NameQuery<'_>) -> Deferred<Vec<SocketAddr>> {
        Deferred::succeed(Vec::new())
    }

    fn stopped(&self) {
        self.0.add("stopped");
        Reactor::with_current(|reactor| (self.1)(reactor));
    }
}

fn run_once(reactor: &Reactor) {
    reactor.call_when_running(Reactor::stop);
    reactor.run().unwrap();
}

#[test]
fn i9_a_resolver_that_uses_the_network_when_it_is_told_of_a_stop_is_told_once() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let seen = log.clone();
        reactor.install_resolver(Told(log.clone(), move |reactor: &Reactor| {
            // Without an end, if it had none.
            if seen.len() < 10 {
                drop(reactor.resolver());
            }
        }));
        for _ in 0..2 {
            run_once(&reactor);
            assert_eq!(log.take(), ["stopped"], "once in each run");
        }
    });
}

#[test]
fn i9_a_protocol_that_connects_again_when_the_reactor_stops_begins_no_second_end() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        reactor.install_resolver(Told(log.clone(), |_: &Reactor| ()));
        let seen = log.clone();
        let pair = pair(
            &reactor,
            Probe::new(&log).lost(move |_, _| {
                Reactor::with_current(|reactor| {
                    let attempt = reactor.connect_tcp("127.0.0.1", 9, Probe::new(&seen));
                    let error: ConnectError = failure_as(attempt);
                    assert!(matches!(error.kind(), ConnectErrorKind::Stopped));
                    seen.add("refused");
                });
            }),
        );
        run_once(&reactor);
        assert_eq!(log.take(), ["made", "lost done", "refused", "stopped"]);
        drop(pair);
    });
}

#[test]
fn nothing_is_opened_after_a_shutdown_before_the_end_of_the_run_is_complete() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = pair(&reactor, Probe::new(&log));
        let (seen, probes) = (EventLog::new(), log.clone());
        let noted = seen.clone();
        reactor.add_system_event_trigger(Phase::During, SystemEvent::End, move |reactor| {
            let refused = reactor.listen_tcp("127.0.0.1:0", move |_| Probe::new(&probes));
            let error = refused.map(drop).map_err(|refused| refused.into_error());
            if matches!(error.unwrap_err().kind(), ListenErrorKind::Stopping) {
                noted.add("refused");
            }
        });
        run_once(&reactor);
        assert_eq!(seen.take(), ["refused"]);
        assert_eq!(log.take(), ["made", "lost done"]);
        drop(pair);
    });
}

/// Who first uses the network when a shutdown has begun is there for the whole of the next one.
#[test]
fn a_network_that_is_first_used_in_a_shutdown_ends_in_it_and_in_the_next() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let hold = reactor.hold(SystemEvent::Shutdown);
        let told = log.clone();
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |reactor| {
            reactor.call_soon(move |reactor| {
                reactor.install_resolver(Told(told, |_: &Reactor| ()));
                drop(hold);
            });
        });
        for _ in 0..3 {
            run_once(&reactor);
            assert_eq!(log.take(), ["stopped"]);
        }
        let pair = pair(&reactor, Probe::new(&log));
        run_once(&reactor);
        assert_eq!(log.take(), ["made", "lost done", "stopped"]);
        drop(pair);
    });
}
