//! `call_from_thread`: a foreign thread has a live connection write something.
//!
//! In the Twisted text a protocol object is handed to a thread, which must not call its methods
//! but pass them to `reactor.callFromThread`; whoever forgets that gets "hangs, crashes or
//! corrupted data". What Rust makes different: the transport is not `Send`, so it cannot be handed
//! to a thread at all. What can is a `Remote`, which names the transport and stays on this side of
//! every mistake.
//!
//! Run it: `cargo run --example call_from_thread`

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use ropewalk::net::{Protocol, Transport};
use ropewalk::prelude::*;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// Makes each connection known to the foreign thread.
struct Example {
    announce: Sender<Remote<Transport>>,
}

impl Protocol for Example {
    fn connection_made(&mut self, transport: &Transport) {
        let Some(reactor) = Reactor::current() else { return };
        // The other end is gone only if the program ends.
        let _ = self.announce.send(reactor.share(transport.clone()));
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) {}
}

/// Any code that runs in a thread of its own.
fn foreign(connections: &Receiver<Remote<Transport>>) {
    for transport in connections.iter().take(1) {
        let message = "a message: hello".to_owned();
        let sent = transport.call_from_thread(move |transport, _reactor| {
            transport.write(message.as_bytes());
            transport.lose_connection();
        });
        if let Err(stopped) = sent {
            println!("{stopped}");
        }
    }
}

/// A client with a plain socket.
fn client(address: SocketAddr) -> std::io::Result<()> {
    for line in BufReader::new(TcpStream::connect(address)?).lines() {
        println!("the client got {:?}", line?);
    }
    Ok(())
}

fn main() -> ropewalk::Result<()> {
    ropewalk_examples::init_tracing();
    let reactor = Reactor::new()?;
    let (announce, connections) = channel();
    let port = reactor
        .listen_tcp("127.0.0.1:0", move |_peer| Example { announce: announce.clone() })
        .map_err(|refused| refused.into_error())?;

    let (address, handle) = (port.address(), reactor.handle());
    let threads = [
        thread::Builder::new().name("foreign".to_owned()).spawn(move || foreign(&connections))?,
        thread::Builder::new().name("client".to_owned()).spawn(move || {
            if let Err(error) = client(address) {
                println!("the client failed: {error}");
            }
            handle.stop();
        })?,
    ];
    reactor.run()?;
    let joined = threads.into_iter().filter_map(|thread| thread.join().ok()).count();
    println!("the reactor has stopped, and {joined} threads have ended");
    Ok(())
}
