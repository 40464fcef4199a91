//! A TCP proxy with back-pressure from end to end, between a fast sender and a slow reader.
//!
//! Each of the two connections is the producer of the other: while too much waits on one, the other
//! does not read, so that memory is bounded, whoever is slow. The end of one direction is handed on by
//! a half close, which leaves the other direction open for the answer.
//!
//! Run it: `cargo run --example proxy`

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use ropewalk::net::{ConnectionLost, Protocol, Transport};
use ropewalk::prelude::*;
use std::cell::OnceCell;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The most that has waited at any end: not much more than the high mark, 64 KiB, and one read.
static MOST: AtomicUsize = AtomicUsize::new(0);

/// One end: what it receives is for the other end.
struct End {
    other: Rc<OnceCell<Transport>>,
    /// Where the other end is to be connected to, if it is not there yet.
    server: Option<SocketAddr>,
}

impl Protocol for End {
    fn connection_made(&mut self, transport: &Transport) {
        let (Some(server), Some(reactor)) = (self.server, Reactor::current()) else { return };
        transport.pause_producing(); // until there is somebody to write to
        let (slot, client, refused) = (self.other.clone(), transport.clone(), transport.clone());
        let end = Self { other: Rc::new(OnceCell::from(client.clone())), server: None };
        reactor
            .connect_tcp(&server.ip().to_string(), server.port(), end)
            .map(move |server| {
                // Neither has a producer yet. A client that is gone by now ends the other one.
                let _ = server.register_producer(client.clone());
                let _ = client.register_producer(server.clone());
                let _ = slot.set(server);
                client.resume_producing();
            })
            .add_errback(move |_| refused.abort_connection())
            .detach();
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) {
        let Some(other) = self.other.get() else { return };
        other.write(data);
        MOST.fetch_max(other.buffered(), Relaxed);
    }

    fn peer_done(&mut self, _: &Transport) {
        self.other.get().inspect(|other| other.lose_write_connection());
    }

    fn connection_lost(&mut self, _: &Transport, reason: &ConnectionLost) {
        match self.other.get() {
            Some(other) if reason.is_clean() => other.lose_connection(),
            Some(other) => other.abort_connection(),
            None => {}
        }
    }
}

/// Reads in small pieces, and says how much it was when that was all.
fn slow_server(listener: &TcpListener) -> io::Result<()> {
    let (mut stream, mut total, mut piece) = (listener.accept()?.0, 0, [0; 500]);
    while let count @ 1.. = stream.read(&mut piece)? {
        total += count;
    }
    writeln!(stream, "the server has read {} MiB", total >> 20)
}

/// Sends everything as fast as it can, and waits for the answer.
fn fast_client(mut stream: TcpStream) -> io::Result<String> {
    stream.write_all(&vec![7; 32 << 20])?;
    stream.shutdown(Shutdown::Write)?;
    io::read_to_string(stream)
}

fn main() -> ropewalk::Result<()> {
    ropewalk_examples::init_tracing();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let server = Some(listener.local_addr()?);
    let reactor = Reactor::new()?;
    let port = reactor.listen_tcp("127.0.0.1:0", move |_| End { server, other: Rc::default() })?;
    let address = port.address();
    reactor.defer_to_thread(move || Ok(slow_server(&listener)?)).detach();
    reactor
        .defer_to_thread(move || Ok(fast_client(TcpStream::connect(address)?)?))
        .add_callback(|answer| print!("{answer}"))
        .add_errback(|failure| println!("client: {failure:#}"))
        .map(|()| Reactor::with_current(|reactor| reactor.stop()))
        .detach();
    reactor.run()?;
    println!("the proxy never kept more than 200 KiB: {}", MOST.load(Relaxed) <= 200 << 10);
    Ok(())
}
