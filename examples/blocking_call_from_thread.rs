//! `blocking_call_from_thread`: a foreign thread asks the reactor and waits for the answer.
//!
//! The Twisted text fetches a page with `threads.blockingCallFromThread(reactor, getPage, ...)`
//! and handles its error with `try`. What Rust makes different: the error is a value with a type;
//! a reactor that stops meanwhile is one of the errors, not a wait for ever; and the same call on
//! the reactor thread, which would wait for itself, is refused at once.
//!
//! Run it: `cargo run --example blocking_call_from_thread`

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use ropewalk::net::{ConnectError, ConnectionLost, Protocol, Transport};
use ropewalk::prelude::*;
use ropewalk::threads::WouldDeadlock;
use std::net::{SocketAddr, TcpListener};

/// Serves one page to everybody, and closes.
struct PageServer;

impl Protocol for PageServer {
    fn data_received(&mut self, transport: &Transport, _request: &[u8]) {
        transport.write(b"HTTP/1.0 200 OK\r\n\r\n<h1>A ropewalk</h1>");
        transport.lose_connection();
    }
}

/// Asks for a page, and collects it until the server closes.
struct PageRequest {
    page: Vec<u8>,
    promise: Option<Promise<String>>,
}

impl Protocol for PageRequest {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(b"GET / HTTP/1.0\r\n\r\n");
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) {
        self.page.extend_from_slice(data);
    }

    fn connection_lost(&mut self, _: &Transport, _: &ConnectionLost) {
        let Some(promise) = self.promise.take() else { return };
        let page = String::from_utf8_lossy(&self.page);
        match page.split_once("\r\n\r\n") {
            Some((_head, body)) => promise.callback(body.to_owned()),
            None => promise.errback(Failure::msg("the answer is not a page")),
        }
    }
}

fn get_page(reactor: &Reactor, server: SocketAddr) -> Deferred<String> {
    let (promise, page) = Deferred::new();
    let request = PageRequest { page: Vec::new(), promise: Some(promise) };
    reactor.connect_tcp(&server.ip().to_string(), server.port(), request).add_callback(|_| page)
}

/// A port at which nobody listens.
fn nobody() -> std::io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

fn in_thread(handle: &ReactorHandle, server: SocketAddr) -> ropewalk::Result<()> {
    let page = handle.blocking_call_from_thread(move |reactor| get_page(reactor, server))?;
    println!("the page: {page}");

    let nobody = nobody()?;
    match handle.blocking_call_from_thread(move |reactor| get_page(reactor, nobody)) {
        Ok(page) => println!("not reached: {page}"),
        Err(failure) => {
            let refused = failure.downcast::<ConnectError>()?;
            println!(
                "the error is a value: {}",
                refused.to_string().replace(&nobody.to_string(), "it")
            );
        }
    }
    Ok(())
}

fn main() -> ropewalk::Result<()> {
    ropewalk_examples::init_tracing();
    let reactor = Reactor::new()?;
    let port = reactor
        .listen_tcp("127.0.0.1:0", |_peer| PageServer)
        .map_err(|refused| refused.into_error())?;

    let (server, handle) = (port.address(), reactor.handle());
    let thread = std::thread::Builder::new().name("foreign".to_owned()).spawn(move || {
        let done = in_thread(&handle, server);
        handle.stop();
        done
    })?;

    // On the reactor thread itself the call is refused: it would wait for itself.
    let handle = reactor.handle();
    let refused = handle.blocking_call_from_thread(|_| Ok(()));
    println!("refused here: {}", refused.is_err_and(|failure| failure.is::<WouldDeadlock>()));

    reactor.run()?;
    thread.join().map_err(|_| Failure::msg("the thread panicked"))?
}
