//! One reactor per core: an echo server that uses all of them.
//!
//! A reactor is one thread. A server that needs more has several reactors, each in a thread of its
//! own and with connections of its own, so that nothing is shared and nothing needs a lock. What they
//! do share is the port. Where the system can share one, each reactor opens it for itself, and the
//! system spreads the connections over them. Where it cannot, clones of one listener are handed to
//! all of them, and whichever reactor is first has the next connection.
//!
//! How many connections each reactor has had is in the log: `RUST_LOG=info`.
//!
//! Run it: `cargo run --example cores`

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use ropewalk::net::{
    Factory, ListenError, ListenErrorKind, ListenOptions, ListeningPort, Protocol, Transport,
};
use ropewalk::prelude::*;
use ropewalk::threads::ReactorThread;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread::{Builder, JoinHandle, available_parallelism};

const CLIENTS: usize = 4;
const CONNECTIONS: usize = 50;

struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        transport.write(data);
    }
}

/// One in each reactor: it may count without an atomic.
#[derive(Default)]
struct Echoes(usize);

impl Factory for Echoes {
    type Protocol = Echo;

    fn build_protocol(&mut self, _: &Reactor, _peer: SocketAddr) -> Option<Echo> {
        self.0 += 1;
        Some(Echo)
    }

    fn stopped(&mut self, _: &Reactor) {
        tracing::info!(connections = self.0, "a reactor has served");
    }
}

/// Each reactor opens the port; the first one finds out which it is.
fn share_port(reactors: &[ReactorThread]) -> ropewalk::Result<SocketAddr> {
    let mut address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    for reactor in reactors {
        address = listen(reactor, move |reactor| {
            let options = ListenOptions::new().reuse_port(true);
            Ok(reactor.listen_tcp_with(address, options, Echoes::default())?)
        })?;
    }
    Ok(address)
}

/// Opens the port once, and hands it to each reactor.
fn share_listener(reactors: &[ReactorThread]) -> ropewalk::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    for reactor in reactors {
        let clone = listener.try_clone()?;
        listen(reactor, |reactor| Ok(reactor.listen_on(clone, Echoes::default())?))?;
    }
    Ok(listener.local_addr()?)
}

/// Listens in a reactor, as long as it runs.
fn listen(
    reactor: &ReactorThread,
    open: impl FnOnce(&Reactor) -> ropewalk::Result<ListeningPort> + Send + 'static,
) -> ropewalk::Result<SocketAddr> {
    reactor.handle().blocking_call_from_thread(|reactor| {
        let port = open(reactor)?;
        let address = port.address();
        port.detach();
        Ok(address)
    })
}

fn cannot_share_ports(failure: &Failure) -> bool {
    match failure.downcast_ref().map(ListenError::kind) {
        Some(ListenErrorKind::Io(error)) => error.kind() == ErrorKind::Unsupported,
        _ => false,
    }
}

/// A client that blocks, with all its connections open at once; how many were answered well.
fn client(server: SocketAddr) -> io::Result<usize> {
    let connect = |_| TcpStream::connect(server);
    let mut connections = (0..CONNECTIONS).map(connect).collect::<io::Result<Vec<_>>>()?;
    for connection in &mut connections {
        connection.write_all(b"hello, core\n")?;
    }
    let mut echoed = 0;
    for connection in &mut connections {
        let mut answer = [0; 12];
        connection.read_exact(&mut answer)?;
        echoed += usize::from(&answer == b"hello, core\n");
    }
    Ok(echoed)
}

fn ended<T>(thread: JoinHandle<T>) -> ropewalk::Result<T> {
    thread.join().map_err(|_| Failure::msg("a client panicked"))
}

fn main() -> ropewalk::Result<()> {
    ropewalk_examples::init_tracing();
    let cores = available_parallelism()?.get();
    let spawn = |core| ReactorThread::builder().name(format!("core-{core}")).spawn();
    let reactors = (0..cores).map(spawn).collect::<io::Result<Vec<_>>>()?;
    let server = match share_port(&reactors) {
        // None of them listens yet: it was the first one that could not.
        Err(failure) if cannot_share_ports(&failure) => share_listener(&reactors)?,
        shared => shared?,
    };
    println!("one port, and one reactor per core");

    let clients = (0..CLIENTS)
        .map(|_| Builder::new().name("client".to_owned()).spawn(move || client(server)))
        .collect::<io::Result<Vec<_>>>()?;
    let mut echoed = 0;
    for client in clients {
        echoed += ended(client)??;
    }
    println!("{echoed} of {} connections had their echo", CLIENTS * CONNECTIONS);

    for reactor in reactors {
        reactor.join()?;
    }
    println!("every reactor has stopped");
    Ok(())
}
