//! Several addresses of one name, tried beside each other.

use crate::connecting::Stub;
use crate::fixture::{Probe, has, own_address, result_of, turn_a_little, turn_until};
use ropewalk_net::{ConnectError, ConnectOptions, ReactorNet as _};
use ropewalk_reactor::{ManualClock, Reactor};
use ropewalk_testing::{DEADLINE, EventLog, failure_as, no_result, within};
use socket2::{Domain, Socket, Type};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

/// A port at which connections neither come about nor fail: as many wait there as it has room for.
struct Silent {
    listener: Socket,
    address: SocketAddr,
    waiting: Vec<Socket>,
}

impl Silent {
    fn new() -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&own_address().into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let mut waiting = Vec::new();
        // One more than the system has said that it takes.
        for _ in 0..2 {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&address.into());
            waiting.push(socket);
        }
        Self { listener, address, waiting }
    }

    /// Makes room for those who wait.
    fn accept(&self) {
        for _ in &self.waiting {
            self.listener.accept().unwrap();
        }
    }
}

fn reactor_with(clock: &ManualClock, addresses: &[SocketAddr]) -> Reactor {
    let reactor = Reactor::builder().manual_clock(clock).build().unwrap();
    reactor.install_resolver(Stub { addresses: Some(addresses.to_vec()), ..Stub::default() });
    reactor
}

#[cfg(target_os = "linux")]
#[test]
fn an_address_that_is_silent_is_overtaken_after_250_milliseconds() {
    within(DEADLINE, || {
        let (clock, log) = (ManualClock::new(), EventLog::new());
        let (silent, server) = (Silent::new(), TcpListener::bind("127.0.0.1:0").unwrap());
        let good = server.local_addr().unwrap();
        let reactor = reactor_with(&clock, &[silent.address, good]);
        let deferred = reactor.connect_tcp("two.example", 1, Probe::new(&log));
        clock.advance(Duration::from_millis(249));
        turn_a_little(&reactor);
        let deferred = no_result(deferred);
        clock.advance(Duration::from_millis(1));
        let transport = result_of(&reactor, deferred).unwrap();
        assert_eq!(transport.peer(), good);
        let stats = reactor.stats();
        assert_eq!((stats.sources, stats.pending_timers), (1, 0), "the loser is closed");
    });
}

#[cfg(target_os = "linux")]
#[test]
fn an_address_that_is_only_slow_may_still_win() {
    within(DEADLINE, || {
        let (clock, log) = (ManualClock::new(), EventLog::new());
        let silent = [Silent::new(), Silent::new()];
        let reactor = reactor_with(&clock, &[silent[0].address, silent[1].address]);
        let deferred = reactor.connect_tcp("two.example", 1, Probe::new(&log));
        clock.advance(Duration::from_millis(250));
        turn_a_little(&reactor);
        assert_eq!(reactor.stats().sources, 2, "both are under way");
        silent[0].accept();
        // The system tries again by itself, after a second at most.
        let transport = result_of(&reactor, deferred).unwrap();
        assert_eq!(transport.peer(), silent[0].address);
        assert_eq!(reactor.stats().sources, 1);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn the_deadline_ends_all_that_are_under_way_and_so_does_a_cancellation() {
    within(DEADLINE, || {
        let (clock, log) = (ManualClock::new(), EventLog::new());
        let silent = [Silent::new(), Silent::new(), Silent::new()];
        let reactor = reactor_with(&clock, &silent.each_ref().map(|one| one.address));
        let options = ConnectOptions::new()
            .attempt_delay(Duration::from_millis(10))
            .timeout(Duration::from_secs(1));
        let attempt =
            || reactor.connect_tcp_with("three.example", 1, options.clone(), Probe::new(&log));
        let timed_out = attempt();
        for sources in 1..=3 {
            turn_a_little(&reactor);
            assert_eq!(reactor.stats().sources, sources);
            clock.advance(Duration::from_millis(10));
        }
        clock.advance(Duration::from_secs(1));
        assert!(failure_as::<ConnectError, _>(timed_out).is_timed_out());
        assert_eq!((reactor.stats().sources, reactor.stats().pending_timers), (0, 0));

        let cancelled = attempt();
        clock.advance(Duration::from_millis(10));
        assert_eq!(reactor.stats().sources, 2);
        cancelled.cancel();
        assert_eq!((reactor.stats().sources, reactor.stats().pending_timers), (0, 0));
        assert_eq!(log.len(), 0);
    });
}

#[test]
fn connecting_to_nobody_is_refused_even_if_the_system_connects_a_socket_to_itself() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let free = {
            let listener = TcpListener::bind(own_address()).unwrap();
            listener.local_addr().unwrap()
        };
        let options = ConnectOptions::new().local_address(free);
        let host = free.ip().to_string();
        let attempt = reactor.connect_tcp_with(&host, free.port(), options, Probe::new(&log));
        let error: ConnectError = result_of(&reactor, attempt).unwrap_err().downcast().unwrap();
        assert!(error.is_refused());
        assert!(!has(&log, "made"));
        turn_until(&reactor, || reactor.stats().sources == 0);
    });
}
