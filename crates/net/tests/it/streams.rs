//! Streams: connections that tasks read and write.

mod accepting; // ports that accept when they are asked
mod cancelling; // futures that are dropped halfway
mod dropping; // streams that are dropped in the middle of something
mod ending; // closing, dropping, breaking, stopping
mod moving; // what comes in and goes out
mod same; // the same server with protocols and with streams
mod waking; // who is woken, and how often the system is asked

#[cfg(feature = "tls")]
mod secure; // encrypted streams
#[cfg(unix)]
mod unix; // Unix sockets

use crate::fixture::{own_address, result_of};
use ropewalk_deferred::Result;
use ropewalk_net::{TcpListener, TcpStream};
use ropewalk_reactor::Reactor;
use ropewalk_task::ReactorTask as _;

/// Runs a future as a task, and turns the loop until it is done.
fn run<T: 'static>(reactor: &Reactor, future: impl Future<Output = Result<T>> + 'static) -> T {
    result_of(reactor, reactor.spawn(future)).unwrap()
}

fn listener(reactor: &Reactor) -> TcpListener {
    TcpListener::bind(reactor, own_address()).unwrap()
}

/// A stream, and a plain socket at its other end.
fn pair(reactor: &Reactor) -> (TcpStream, std::net::TcpStream) {
    let listener = listener(reactor);
    let peer = std::net::TcpStream::connect(listener.local_addr()).unwrap();
    let (stream, address) = run(reactor, async move { Ok(listener.accept().await?) });
    assert_eq!(address, peer.local_addr().unwrap());
    (stream, peer)
}

/// Two streams that are connected.
fn both(reactor: &Reactor) -> (TcpStream, TcpStream) {
    let listener = listener(reactor);
    let address = listener.local_addr();
    let connecting = TcpStream::connect(reactor, &address.ip().to_string(), address.port());
    let accepting = async move { Ok((listener.accept().await?.0, connecting.await?)) };
    run(reactor, accepting)
}
