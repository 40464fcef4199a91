//! `udp_ask`: a server that loses every other question, and a client that asks until it is answered.
//!
//! Datagrams may get lost, come twice or in another order, on any network: whoever wants an answer
//! has to ask again, and must know which question an answer belongs to. The server is what Twisted has
//! for UDP, a protocol that is told of each datagram. What Rust makes different is the client: it
//! awaits datagrams one by one, so that asking again is a loop.
//!
//! Run it: `cargo run --example udp_ask`

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use ropewalk::deferred::TimedOut;
use ropewalk::net::{DatagramProtocol, DatagramTransport, UdpSocket};
use ropewalk::prelude::*;
use ropewalk::task::react;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

/// How long the client waits before it asks again, each time.
const PATIENCE: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(200), Duration::from_millis(400)];

/// Answers with the question and how long it is; if it does not lose the question.
struct Forgetful {
    heard: u32,
}

impl DatagramProtocol for Forgetful {
    fn datagram_received(&mut self, port: &DatagramTransport, data: &[u8], peer: SocketAddr) {
        self.heard += 1;
        if self.heard % 2 == 1 {
            return;
        }
        let question = String::from_utf8_lossy(data);
        let answer = format!("{question}={}", question.chars().count());
        if let Err(error) = port.send_to(answer.as_bytes(), peer) {
            // The client asks again.
            tracing::warn!(%error, "an answer was not sent");
        }
    }
}

/// The answer to `question`, which is asked up to three times.
async fn ask(reactor: &Reactor, socket: &UdpSocket, question: &str) -> ropewalk::Result<String> {
    for patience in PATIENCE {
        socket.send(question.as_bytes()).await?;
        let deadline = reactor.now() + patience;
        loop {
            match socket.recv_from().timeout_at(reactor, deadline).await {
                Ok((data, _)) => match String::from_utf8_lossy(&data).split_once('=') {
                    Some((about, answer)) if about == question => return Ok(answer.to_owned()),
                    // It comes late, and belongs to an earlier question.
                    _ => {}
                },
                Err(failure) if failure.is::<TimedOut>() => break,
                Err(failure) => return Err(failure),
            }
        }
        println!("{question}: no answer yet");
    }
    Err(Failure::msg(format!("nobody answers `{question}`")))
}

async fn main_task() -> ropewalk::Result<()> {
    let reactor = Reactor::current().ok_or_else(|| Failure::msg("no reactor runs here"))?;
    let server = reactor.listen_udp("127.0.0.1:0", Forgetful { heard: 0 })?;
    let socket = reactor.udp_socket("127.0.0.1:0")?;
    socket.connect(server.address())?;
    for question in ["rope", "ropewalk"] {
        println!("{question}: {} letters", ask(&reactor, &socket, question).await?);
    }
    Ok(())
}

fn main() -> ExitCode {
    ropewalk_examples::init_tracing();
    react(|reactor| reactor.spawn(main_task()))
}
