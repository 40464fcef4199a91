//! A client that keeps its connection, whatever becomes of the server.
//!
//! Where to listen is a text, such as stands in a configuration file. A server is started there, goes
//! down after a moment with all its connections, and comes up again. The client is a `ClientService`:
//! it notices that it has lost its connection, tries again after waits that grow, and has the next one
//! without a line of this program about it.
//!
//! Run it: `cargo run --example reconnect`, or with a place of your own, also a wrong one:
//! `cargo run --example reconnect tcp:8007:interfcae=127.0.0.1`

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use anyhow::Context as _;
use ropewalk::net::{
    Address, Backoff, ClientService, ConnectionLost, HostnameEndpoint, LineProtocol, LineReceiver,
    ListeningPort, Protocol, TcpServerEndpoint, Transport, server_from_string,
};
use ropewalk::prelude::*;
use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

const MOMENT: Duration = Duration::from_millis(50);

/// Says which server it is.
struct Server(u32);

impl Protocol for Server {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(format!("this is server {}\n", self.0).as_bytes());
        if self.0 == 1 {
            // It goes down in a moment.
            let transport = transport.clone();
            Reactor::with_current(|reactor| {
                reactor.call_later(MOMENT, move |_| transport.abort_connection());
            });
        }
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) {}
}

/// Hears which server it is connected to, and has had enough when it has heard of the second.
struct Client;

impl LineProtocol for Client {
    fn line_received(&mut self, _: &Transport, line: &[u8]) {
        println!("connected: {}", String::from_utf8_lossy(line));
        if line.ends_with(b"2") {
            Reactor::with_current(Reactor::stop);
        }
    }

    fn connection_lost(&mut self, _: &Transport, reason: &ConnectionLost) {
        println!("disconnected: {}", if reason.is_clean() { "well" } else { "it broke" });
    }
}

/// Starts the first server, which goes down when it has had its first connection.
fn serve(reactor: &Reactor, place: &str) -> ropewalk::Result<SocketAddr> {
    let slot = Rc::new(Cell::new(None));
    let open = Rc::clone(&slot);
    let first = move |_peer: Address| {
        if let (Some(reactor), Some((port, address))) = (Reactor::current(), open.take()) {
            reactor.call_later(MOMENT, move |reactor| restart(reactor, port, address));
        }
        Server(1)
    };
    let port = reactor.listen(&server_from_string(place)?, first)?;
    let address = port.address().socket_addr().context("this example is about TCP")?;
    slot.set(Some((port, address)));
    Ok(address)
}

/// Closes the port; a while later the second server opens it again.
fn restart(reactor: &Reactor, port: ListeningPort<Address>, address: SocketAddr) {
    drop(port);
    let endpoint = TcpServerEndpoint::new(address);
    reactor.call_later(4 * MOMENT, move |reactor| {
        match reactor.listen(&endpoint, |_peer: Address| Server(2)) {
            Ok(port) => port.detach(),
            Err(error) => {
                tracing::error!(%error, "the server does not come up again");
                reactor.stop();
            }
        }
    });
}

fn main() -> ropewalk::Result<()> {
    ropewalk_examples::init_tracing();
    let place = std::env::args().nth(1).unwrap_or_else(|| "tcp:0:interface=127.0.0.1".to_owned());
    let reactor = Reactor::new()?;
    let address = serve(&reactor, &place)?;

    let endpoint = HostnameEndpoint::new("127.0.0.1", address.port());
    let service = ClientService::builder(endpoint, |_peer: Address| LineReceiver::new(Client))
        .backoff(Backoff::new().initial(MOMENT / 2))
        .build(&reactor);
    service.start_service();

    reactor.run()?;
    println!("stopped");
    Ok(())
}
