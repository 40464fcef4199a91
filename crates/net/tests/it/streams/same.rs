//! The same server, written with a protocol and with a stream: both sides see the same.

use crate::fixture::{kind, own_address, thread, turn_until};
use futures_lite::io::BufReader;
use futures_lite::{AsyncBufReadExt as _, AsyncWriteExt as _, StreamExt as _};
use ropewalk_deferred::{Failure, Panicked};
use ropewalk_net::{
    ConnectionLost, LineProtocol, LineReceiver, ReactorNet as _, TcpListener, TcpStream, Transport,
};
use ropewalk_reactor::{Reactor, ReactorHandle};
use ropewalk_task::ReactorTask as _;
use ropewalk_testing::{DEADLINE, EventLog, within};
use socket2::SockRef;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

const MANY: usize = 20 * 1024 * 1024;

/// What the server does with a line.
enum Answer {
    Say(Vec<u8>),
    /// And stop the reactor before.
    StopAndSay(Vec<u8>),
    SayAndClose(Vec<u8>),
    Abort,
}

fn answer(line: &str) -> Answer {
    match line {
        "much" => Answer::Say(vec![7; MANY]),
        "stop" => Answer::StopAndSay(vec![7; MANY]),
        "quit" => Answer::SayAndClose(b"bye\n".to_vec()),
        "abort" => Answer::Abort,
        "panic" => panic!("a bug"),
        line => Answer::Say(format!("{line}, you say?\n").into_bytes()),
    }
}

struct Lines {
    log: EventLog,
    reactor: ReactorHandle,
}

impl LineProtocol for Lines {
    fn line_received(&mut self, transport: &Transport, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        self.log.add(line.clone());
        match answer(&line) {
            Answer::Say(text) => {
                transport.write(&text);
            }
            Answer::StopAndSay(text) => {
                self.reactor.stop();
                transport.write(&text);
            }
            Answer::SayAndClose(text) => {
                transport.write(&text);
                transport.lose_connection();
            }
            Answer::Abort => transport.abort_connection(),
        }
    }

    fn connection_lost(&mut self, _: &Transport, reason: &ConnectionLost) {
        self.log.add(format!("lost {}", kind(reason)));
    }
}

async fn lines(stream: TcpStream, log: EventLog, reactor: ReactorHandle) -> std::io::Result<()> {
    let mut writer = stream.clone();
    let mut lines = BufReader::new(stream).lines();
    while let Some(line) = lines.next().await {
        let line = line?;
        log.add(line.clone());
        match answer(&line) {
            Answer::Say(text) => writer.write_all(&text).await?,
            Answer::StopAndSay(text) => {
                reactor.stop();
                writer.write_all(&text).await?;
            }
            Answer::SayAndClose(text) => {
                writer.write_all(&text).await?;
                break;
            }
            Answer::Abort => writer.abort(),
        }
    }
    writer.close().await
}

fn kind_of(result: Result<(), Failure>) -> &'static str {
    let Err(failure) = result else { return "done" };
    if failure.is::<Panicked>() {
        return "panicked";
    }
    let error: &std::io::Error = failure.downcast_ref().unwrap();
    kind(ConnectionLost::of(error).unwrap())
}

fn with_protocol(reactor: &Reactor, log: &EventLog) -> SocketAddr {
    let (log, handle) = (log.clone(), reactor.handle());
    let factory = move |_| {
        LineReceiver::new(Lines { log: log.clone(), reactor: handle.clone() }).delimiter(b"\n")
    };
    let port = reactor.listen_tcp(own_address(), factory).unwrap();
    let address = port.address();
    port.detach();
    address
}

fn with_stream(reactor: &Reactor, log: &EventLog) -> SocketAddr {
    let listener = TcpListener::bind(reactor, own_address()).unwrap();
    let (address, handle, log) = (listener.local_addr(), reactor.handle(), log.clone());
    let weak = reactor.downgrade();
    let serving = async move {
        let (stream, _) = listener.accept().await?;
        weak.with(|reactor| {
            let served = lines(stream, log.clone(), handle);
            let served = reactor.spawn(async move { Ok(served.await?) });
            served.add_both(move |result| log.add(format!("lost {}", kind_of(result)))).detach();
        });
        Ok(())
    };
    reactor.spawn(serving).on_failure(|failure| panic!("{failure}"));
    address
}

/// What the peer got, and how it ended.
fn read(mut peer: &std::net::TcpStream) -> String {
    let mut got = Vec::new();
    let end = match peer.read_to_end(&mut got) {
        Ok(_) => "the end".to_owned(),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => "a reset".to_owned(),
        Err(error) => error.to_string(),
    };
    match got.len() {
        0..100 => format!("{}{end}", String::from_utf8_lossy(&got)),
        many => format!("{many} bytes, {end}"),
    }
}

fn say(mut peer: &std::net::TcpStream, text: &str) {
    peer.write_all(text.as_bytes()).unwrap();
}

fn slowly(mut peer: &std::net::TcpStream) -> String {
    let (mut buffer, mut all) = (vec![0; 256 * 1024], 0);
    loop {
        match peer.read(&mut buffer).unwrap() {
            0 => return format!("{all} bytes, the end"),
            count => all += count,
        }
        std::thread::yield_now();
    }
}

type Server = fn(&Reactor, &EventLog) -> SocketAddr;
type Play = fn(std::net::TcpStream) -> String;

const SCENARIOS: &[(&str, Play, &str, &[&str])] = &[
    (
        "half close",
        |peer| {
            say(&peer, "one\ntwo\n");
            peer.shutdown(Shutdown::Write).unwrap();
            read(&peer)
        },
        "one, you say?\ntwo, you say?\nthe end",
        &["one", "two", "lost done"],
    ),
    (
        "a line in parts, and no more",
        |peer| {
            say(&peer, "on");
            std::thread::yield_now();
            say(&peer, "e\n");
            let mut got = [0; 14];
            (&peer).read_exact(&mut got).unwrap();
            String::from_utf8_lossy(&got).into_owned()
        },
        "one, you say?\n",
        &["one", "lost done"],
    ),
    (
        "reset by the peer",
        |peer| {
            say(&peer, "one\n");
            (&peer).read_exact(&mut [0; 14]).unwrap();
            SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
            String::new()
        },
        "",
        &["one", "lost broken"],
    ),
    (
        "large writes against a slow reader",
        |peer| {
            say(&peer, "much\nmuch\n");
            peer.shutdown(Shutdown::Write).unwrap();
            slowly(&peer)
        },
        "41943040 bytes, the end",
        &["much", "much", "lost done"],
    ),
    (
        "closed by the server, with something unread",
        |peer| {
            say(&peer, &format!("quit\n{}", "and more\n".repeat(20_000)));
            read(&peer)
        },
        "bye\nthe end",
        &["quit", "lost done"],
    ),
    (
        "aborted by the server",
        |peer| {
            say(&peer, "abort\n");
            read(&peer)
        },
        "a reset",
        &["abort", "lost aborted"],
    ),
    (
        "a panic",
        |peer| {
            say(&peer, "panic\n");
            read(&peer)
        },
        "the end",
        &["panic", "lost panicked"],
    ),
    (
        "the stop of the reactor, with something unsent",
        |peer| {
            say(&peer, "stop\n");
            slowly(&peer)
        },
        "20971520 bytes, the end",
        &["stop", "lost done"],
    ),
];

#[test]
fn a_server_of_streams_does_what_one_of_protocols_does() {
    within(DEADLINE * 3, || {
        let servers: [(&str, Server); 2] = [("protocol", with_protocol), ("stream", with_stream)];
        for (name, play, got, logged) in SCENARIOS {
            for (way, server) in &servers {
                let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
                let address = server(&reactor, &log);
                let play = *play;
                let peer = thread(move || play(std::net::TcpStream::connect(address).unwrap()));
                if name.contains("stop") {
                    reactor.run().unwrap();
                }
                let is_lost = || log.entries().iter().any(|one| one.starts_with("lost"));
                turn_until(&reactor, || is_lost() && peer.is_finished());
                assert_eq!(peer.join().unwrap(), *got, "{name}, {way}");
                assert_eq!(log.take(), *logged, "{name}, {way}");
            }
        }
    });
}
