//! An echo server in ten lines, and a client that talks to it and ends the program.
//!
//! A protocol is what one connection does with the bytes that come; a transport is where it writes.
//! The server makes its transport the producer of itself: while the peer does not read what it is
//! sent, nothing more of it is read, and the memory for one peer is bounded.
//!
//! Run it: `cargo run --example echo`

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use ropewalk::net::{ConnectionLost, LineProtocol, LineReceiver, Protocol, Transport, line_text};
use ropewalk::prelude::*;

struct Echo;

impl Protocol for Echo {
    fn connection_made(&mut self, transport: &Transport) {
        // It is refused only where there is a producer already.
        let _ = transport.register_producer(transport.clone());
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        transport.write(data);
    }
}

/// Sends its lines one after the other, each when the one before has come back.
struct Client {
    lines: std::slice::Iter<'static, &'static str>,
    stop: ReactorHandle,
}

impl Client {
    fn send(&mut self, transport: &Transport) {
        match self.lines.next() {
            Some(line) => {
                transport.write_sequence(&[line.as_bytes(), b"\n"]);
            }
            None => transport.lose_connection(),
        }
    }
}

impl LineProtocol for Client {
    fn connection_made(&mut self, transport: &Transport) {
        self.send(transport);
    }

    fn line_received(&mut self, transport: &Transport, line: &[u8]) {
        match line_text(line) {
            Ok(text) => println!("echoed: {text}"),
            Err(error) => println!("{error}"),
        }
        self.send(transport);
    }

    fn connection_lost(&mut self, _: &Transport, reason: &ConnectionLost) {
        println!("{reason}");
        self.stop.stop();
    }
}

fn main() -> ropewalk::Result<()> {
    ropewalk_examples::init_tracing();
    let reactor = Reactor::new()?;
    let port = reactor.listen_tcp("127.0.0.1:0", |_peer| Echo)?;

    let (lines, stop) = (["hello", "is anybody there?", "goodbye"].iter(), reactor.handle());
    let client = LineReceiver::new(Client { lines, stop });
    reactor
        .connect_tcp("127.0.0.1", port.address().port(), client)
        .map(|transport| tracing::info!(peer = %transport.peer(), "connected"))
        .add_errback(|failure| {
            println!("{failure:#}");
            Reactor::with_current(|reactor| reactor.stop());
        })
        .detach();

    reactor.run()?;
    Ok(())
}
