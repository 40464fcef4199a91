//! What may cross threads; what may not is among the programs that do not compile.

use ropewalk_net::{
    Address, AddressFamily, AnyClientEndpoint, AnyServerEndpoint, Backoff, ConnectError,
    ConnectOptions, ConnectionLost, DatagramOptions, DatagramTransport, EndpointParseError,
    FailedAttempt, LineNotUtf8, LineTooLong, ListenError, MulticastInterface, NoProtocol,
    NotConnected, Pressure, ResolveError, ResolveOptions, SendError, StopReason, Transport,
};
use ropewalk_reactor::{Reactor, Remote};
use ropewalk_testing::{DEADLINE, EventLog, within};
use std::io::Read as _;

fn crosses_threads<T: Send + Sync + 'static>() {}

#[test]
fn i1_errors_addresses_and_remotes_cross_threads() {
    crosses_threads::<Address>();
    crosses_threads::<AddressFamily>();
    crosses_threads::<ConnectError>();
    crosses_threads::<ConnectOptions>();
    crosses_threads::<ConnectionLost>();
    crosses_threads::<DatagramOptions>();
    crosses_threads::<FailedAttempt>();
    crosses_threads::<LineNotUtf8>();
    crosses_threads::<LineTooLong>();
    crosses_threads::<ListenError>();
    crosses_threads::<MulticastInterface>();
    crosses_threads::<Pressure>();
    crosses_threads::<Remote<DatagramTransport>>();
    crosses_threads::<Remote<Transport>>();
    crosses_threads::<ResolveError>();
    crosses_threads::<ResolveOptions>();
    crosses_threads::<SendError>();
    crosses_threads::<StopReason>();
}

#[test]
fn i1_endpoints_and_their_errors_cross_threads() {
    crosses_threads::<AnyClientEndpoint>();
    crosses_threads::<AnyServerEndpoint>();
    crosses_threads::<Backoff>();
    crosses_threads::<EndpointParseError>();
    crosses_threads::<NoProtocol>();
    crosses_threads::<NotConnected>();
    #[cfg(feature = "tls")]
    crosses_threads::<ropewalk_net::tls::TlsWrapped<AnyClientEndpoint>>();
}

/// A foreign thread has a live transport write, by its remote.
#[test]
fn i1_another_thread_writes_through_a_remote() {
    use crate::fixture::{Probe, pair, thread};
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let mut pair = pair(&reactor, Probe::new(&log));
        let remote = reactor.share(pair.transport.clone());
        let foreign = thread(move || {
            remote
                .call_from_thread(|transport, _| {
                    transport.write(b"a message: hello");
                })
                .unwrap();
            let mut text = [0; 16];
            pair.peer.read_exact(&mut text).unwrap();
            remote.call_from_thread(|_, reactor| reactor.stop()).unwrap();
            text
        });
        reactor.run().unwrap();
        assert_eq!(&foreign.join().unwrap(), b"a message: hello");
    });
}
