//! An echo server whose connections are encrypted, and two clients: one looks for somebody else, and
//! does not talk; the other one finds whom it looks for.
//!
//! The certificate is made when the program starts, and signed by itself; so a client has to have that
//! very certificate among its roots. A real server reads its certificate and its key from files, and
//! its clients trust the roots of their system.
//!
//! The protocols know nothing of all that: `Echo` would do the same on a plain connection.
//!
//! Run it: `cargo run --example tls_echo`

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use anyhow::Context as _;
use ropewalk::net::tls::{TlsClient, TlsServer};
use ropewalk::net::{ConnectError, ConnectErrorKind, ConnectionLost, Protocol, Transport};
use ropewalk::prelude::*;
use ropewalk::task::react;
use std::process::ExitCode;

/// The server's side of a connection.
struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        transport.write(data);
    }
}

/// The client's side: says something, and leaves with the answer.
struct Greeting {
    answer: Vec<u8>,
    /// Fired when the connection is gone.
    ended: Option<Promise<()>>,
}

const GREETING: &[u8] = b"hello, whoever can read this\n";

impl Protocol for Greeting {
    fn connection_made(&mut self, transport: &Transport) {
        if let Some(tls) = transport.tls() {
            let (version, server) = (tls.version(), tls.server_name().unwrap_or("nobody"));
            println!("encrypted, with {version:?}, and with {server} at the other end");
        }
        transport.write(GREETING);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        self.answer.extend_from_slice(data);
        if self.answer.len() >= GREETING.len() {
            print!("the echo: {}", String::from_utf8_lossy(&self.answer));
            transport.lose_connection();
        }
    }

    fn connection_lost(&mut self, _: &Transport, reason: &ConnectionLost) {
        println!("the second client: {reason}");
        if let Some(ended) = self.ended.take() {
            ended.callback(());
        }
    }
}

/// One client after the other.
async fn talk(server: TlsServer, certificate: String) -> ropewalk::Result<()> {
    let reactor = Reactor::current().context("a task runs on a reactor")?;
    let port = reactor.listen_tls("127.0.0.1:0", &server, |_peer| Echo)?;
    let number = port.address().port();

    // The address is no name that the certificate is for.
    let client = TlsClient::with_roots(certificate)?;
    let wrong = client.clone().for_server("bank.example");
    match reactor.connect_tls("127.0.0.1", number, wrong, Echo).await {
        Ok(_) => println!("the first client talks to anybody"),
        Err(failure) => match failure.downcast::<ConnectError>()?.kind() {
            // Without the port, which is another one each time.
            ConnectErrorKind::Tls(error) => println!("the first client: {error}"),
            other => println!("the first client: {other:?}"),
        },
    }

    let (promise, ended) = Deferred::new();
    let greeting = Greeting { answer: Vec::new(), ended: Some(promise) };
    let right = client.for_server("localhost");
    reactor.connect_tls("127.0.0.1", number, right, greeting).await?;
    ended.await?;

    let handshakes = server.handshakes();
    println!("the server: {} completed, {} failed", handshakes.completed, handshakes.failed);
    Ok(())
}

fn main() -> ExitCode {
    ropewalk_examples::init_tracing();
    react(|reactor| {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
        reactor.spawn(async move {
            let made = made?;
            let certificate = made.cert.pem();
            let server = TlsServer::from_pem(&certificate, made.key_pair.serialize_pem())?;
            talk(server, certificate).await
        })
    })
}
