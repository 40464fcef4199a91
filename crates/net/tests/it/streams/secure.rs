//! Encrypted streams.

use super::{both, listener, pair, run};
use crate::fixture::{result_of, thread, turn_a_little, turn_until};
use crate::tls::certificates::{client, server};
use crate::tls::peer;
use futures_lite::{
    AsyncRead as _, AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _, future,
};
use ropewalk_deferred::Failure;
use ropewalk_net::tls::{TlsError, TlsErrorKind};
use ropewalk_net::{
    ConnectError, ConnectErrorKind, ConnectionLost, NetReport, TcpStream, TlsStream,
};
use ropewalk_reactor::{Phase, Reactor, SystemEvent};
use ropewalk_task::ReactorTask as _;
use ropewalk_testing::{DEADLINE, within};
use std::cell::Cell;
use std::io::{ErrorKind, Read as _, Write as _};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Waker};

/// A client and a server whose handshake is complete.
pub(super) fn secured(reactor: &Reactor) -> (TlsStream, TlsStream) {
    let port = listener(reactor);
    let address = port.local_addr();
    let name = address.ip().to_string();
    let client = client().for_server("localhost");
    let connecting = TlsStream::connect(reactor, &name, address.port(), client);
    run(reactor, async move {
        let (stream, _) = port.accept().await?;
        let (server, client) = future::zip(TlsStream::accept(stream, server()), connecting).await;
        Ok((client?, server?))
    })
}

#[test]
fn encrypted_streams_do_what_others_do() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (mut client, mut server) = secured(&reactor);
        assert_eq!(client.tls().unwrap().server_name(), Some("localhost"));
        assert!(server.tls().is_some());
        assert_eq!(client.peer_addr().unwrap(), server.local_addr().unwrap());
        let heard = run(&reactor, async move {
            client.write_all(b"who is there?").await?;
            client.close().await?;
            let (mut question, mut answer) = (String::new(), String::new());
            server.read_to_string(&mut question).await?;
            server.write_all(b"nobody").await?;
            server.close().await?;
            client.read_to_string(&mut answer).await?;
            Ok((question, answer))
        });
        assert_eq!(heard, ("who is there?".to_owned(), "nobody".to_owned()));
        turn_until(&reactor, || reactor.stats().sources == 0);
    });
}

/// Through the session, too: what it holds is bounded, and sent by the loop.
#[test]
fn a_slow_reader_stops_the_writer() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (mut client, mut server) = secured(&reactor);
        let written = Rc::new(Cell::new(0_usize));
        let count = Rc::clone(&written);
        let writing = reactor.spawn(async move {
            while count.get() < 32 << 20 {
                count.set(count.get() + client.write(&[7; 10_000]).await?);
            }
            client.flush().await?;
            client.close().await?;
            Ok(())
        });
        // It stands still, and the loop waits for room: nothing happens. The kernel may take a moment.
        loop {
            let before = (written.get(), reactor.stats().events);
            turn_a_little(&reactor);
            if before.0 > 0 && before == (written.get(), reactor.stats().events) {
                break;
            }
        }
        assert!(written.get() < 16 << 20, "{}", written.get());
        let read = run(&reactor, async move {
            let mut all = Vec::new();
            server.read_to_end(&mut all).await?;
            server.close().await?;
            Ok(all)
        });
        result_of(&reactor, writing).unwrap();
        assert!(read.len() == written.get() && read.iter().all(|&byte| byte == 7));
    });
}

#[test]
fn a_stream_that_is_dropped_is_not_taken_for_one_that_has_said_all() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (mut client, mut server) = secured(&reactor);
        let (heard, error) = run(&reactor, async move {
            // What comes with it, unread, would make the system reset the connection.
            server.write_all(b"go on").await?;
            client.read_exact(&mut [0; 5]).await?;
            client.write_all(b"half a").await?;
            client.flush().await?;
            drop(client);
            let mut heard = [0; 6];
            server.read_exact(&mut heard).await?;
            Ok((heard, server.read(&mut [0; 9]).await.unwrap_err()))
        });
        assert_eq!((&heard, error.kind()), (b"half a", ErrorKind::UnexpectedEof));
        assert!(matches!(ConnectionLost::of(&error), Some(ConnectionLost::Lost(_))));
    });
}

/// Many small reads of what came in one record: no event tells of the rest.
#[test]
fn what_the_session_holds_back_is_read_without_an_event() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (mut client, mut server) = secured(&reactor);
        let said: Vec<u8> = (0..10_000).map(|n| (n % 251) as u8).collect();
        let expected = said.clone();
        let heard = run(&reactor, async move {
            client.write_all(&said).await?;
            let mut heard = Vec::new();
            while heard.len() < said.len() {
                let mut byte = [0];
                server.read_exact(&mut byte).await?;
                heard.extend(byte);
            }
            Ok(heard)
        });
        assert!(heard == expected);
    });
}

/// A record is longer than what such a buffer has room for, and comes in several reads of the socket: no
/// turn of the loop is between them.
#[test]
fn small_buffers_are_filled_without_a_turn_for_each_piece() {
    const RECORDS: usize = 6;
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let port = listener(&reactor);
        let mut peer = peer::connect(port.local_addr());
        let (begin, begun) = channel();
        let writer = thread(move || {
            peer.flush().unwrap();
            begun.recv().unwrap();
            peer.write_all(&[7; RECORDS * 16 * 1024]).unwrap();
            peer
        });
        let accepting = async move {
            let (stream, _) = port.accept().await?;
            TlsStream::accept(stream, server()).await
        };
        let mut stream = run(&reactor, accepting);
        begin.send(()).unwrap();
        // Everything is there before anybody reads.
        let peer = writer.join().unwrap();
        let before = reactor.stats().turns;
        let reading = async move {
            let (mut total, mut buffer) = (0, [0; 8 * 1024]);
            while total < RECORDS * 16 * 1024 {
                total += stream.read(&mut buffer).await?;
            }
            Ok(total)
        };
        assert_eq!(run(&reactor, reading), RECORDS * 16 * 1024);
        let turns = reactor.stats().turns - before;
        assert!(turns < RECORDS as u64, "{turns} turns for {RECORDS} records");
        drop(peer);
    });
}

#[test]
fn a_stream_is_encrypted_in_the_middle() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (mut one, mut other) = both(&reactor);
        run(&reactor, async move {
            let asking = async {
                one.write_all(b"STARTTLS\n").await?;
                one.read_exact(&mut [0; 3]).await?;
                let mut one = one.start_tls(client(), "localhost").await?;
                one.write_all(b"secret").await?;
                one.close().await?;
                Ok::<_, Failure>(())
            };
            let answering = async {
                other.read_exact(&mut [0; 9]).await?;
                other.write_all(b"ok\n").await?;
                let mut other = TlsStream::accept(other, server()).await?;
                let mut secret = String::new();
                other.read_to_string(&mut secret).await?;
                Ok::<_, Failure>(secret)
            };
            let (asked, secret) = future::zip(asking, answering).await;
            asked?;
            assert_eq!(secret?, "secret");
            Ok(())
        });
    });
}

#[test]
fn a_handshake_that_fails_says_why_on_both_sides() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let port = listener(&reactor);
        let address = port.local_addr();
        let name = address.ip().to_string();
        let stranger = client().for_server("elsewhere.example");
        let connecting = TlsStream::connect(&reactor, &name, address.port(), stranger);
        let accepting = reactor.spawn(async move {
            let (stream, _) = port.accept().await?;
            TlsStream::accept(stream, server()).await
        });
        let failure = result_of(&reactor, connecting).unwrap_err();
        let error: &ConnectError = failure.downcast_ref().unwrap();
        assert!(matches!(error.kind(), ConnectErrorKind::Tls(_)), "{error}");
        let failure = result_of(&reactor, accepting).unwrap_err();
        let error: &TlsError = failure.downcast_ref().unwrap();
        assert!(matches!(error.kind(), TlsErrorKind::Alert(_)), "{error}");

        let (stream, mut peer) = pair(&reactor);
        peer.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        let failure = result_of(&reactor, TlsStream::accept(stream, server())).unwrap_err();
        let error: &TlsError = failure.downcast_ref().unwrap();
        assert!(matches!(error.kind(), TlsErrorKind::NotTls), "{error}");
        turn_until(&reactor, || reactor.stats().pending_timers == 0);
    });
}

#[test]
fn a_handshake_that_is_given_up_ends_its_connection() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (stream, _peer) = pair(&reactor);
        let reading: TcpStream = stream.clone();
        let handshake = reactor.spawn(async move { TlsStream::accept(stream, server()).await });
        turn_a_little(&reactor);
        drop(handshake);
        turn_a_little(&reactor);
        let error =
            run(&reactor, async move { Ok((&reading).read(&mut [0; 9]).await.unwrap_err()) });
        assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
        assert_eq!((reactor.stats().sources, reactor.stats().pending_timers), (0, 0));
    });
}

/// As on a port that is encrypted from the first byte.
#[test]
fn handshakes_of_streams_are_counted() {
    within(DEADLINE, || {
        let (reactor, tls) = (Reactor::new().unwrap(), server());
        let counts = || {
            let counts = tls.handshakes();
            (counts.pending, counts.completed, counts.failed)
        };
        let (one, other) = both(&reactor);
        let accepting = TlsStream::accept(one, &tls);
        assert_eq!(counts(), (1, 0, 0));
        let connecting = other.start_tls(client(), "localhost");
        run(&reactor, async move { future::zip(accepting, connecting).await.0 });
        assert_eq!(counts(), (0, 1, 0));

        let (stream, mut peer) = pair(&reactor);
        peer.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        assert!(result_of(&reactor, TlsStream::accept(stream, &tls)).is_err());
        assert_eq!(counts(), (0, 1, 1));

        let (stream, _peer) = pair(&reactor);
        TlsStream::accept(stream, &tls).cancel();
        assert_eq!(counts(), (0, 1, 2));

        let (stream, peer) = pair(&reactor);
        let handshake = TlsStream::accept(stream, &tls);
        drop(peer);
        assert!(result_of(&reactor, handshake).is_err());
        assert_eq!(counts(), (0, 1, 3));
        turn_until(&reactor, || reactor.stats().sources == 0);
    });
}

/// W18, through the session.
#[test]
fn w18_a_stop_waits_for_who_writes_and_the_goodbye_is_said() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let port = listener(&reactor);
        let mut peer = peer::connect(port.local_addr());
        let (begin, begun) = channel();
        let reader = thread(move || {
            peer.read_exact(&mut [0]).unwrap();
            begun.recv().unwrap();
            let mut all = Vec::new();
            peer.read_to_end(&mut all).unwrap();
            all.len()
        });
        let has_begun = Rc::new(Cell::new(false));
        let seen = Rc::clone(&has_begun);
        let writing = reactor.spawn(async move {
            let (stream, _) = port.accept().await?;
            let mut stream = TlsStream::accept(stream, server()).await?;
            stream.write_all(&[7; 1]).await?;
            seen.set(true);
            stream.write_all(&vec![7; 16 << 20]).await?;
            stream.close().await?;
            Ok(())
        });
        turn_until(&reactor, || has_begun.get());
        reactor.call_when_running(move |reactor| {
            reactor.stop();
            begin.send(()).unwrap();
        });
        reactor.run().unwrap();
        assert_eq!(reader.join().unwrap(), 16 << 20);
        result_of(&reactor, writing).unwrap();
    });
}

/// The session sends what it holds while it reads; whoever waits to write counts nevertheless.
#[test]
fn w18_a_writer_that_waits_is_waited_for_whatever_was_read_meanwhile() {
    const ALL: usize = 20 << 20;
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let port = listener(&reactor);
        let address = port.local_addr();
        let (told, orders) = channel::<usize>();
        let (done, read) = channel();
        let peer = thread(move || {
            let mut peer = peer::connect(address);
            peer.conn.complete_io(&mut peer.sock).unwrap();
            peer.write_all(b"x").unwrap();
            let some = orders.recv().unwrap();
            peer.read_exact(&mut vec![0; some]).unwrap();
            done.send(()).unwrap();
            assert_eq!(orders.recv().unwrap(), 0);
            peer.read_to_end(&mut Vec::new()).map(|rest| some + rest)
        });
        let stream = run(&reactor, async move {
            let (stream, _) = port.accept().await?;
            TlsStream::accept(stream, server()).await
        });
        // So large that the socket is full before the loop has to tell of more room.
        let piece = vec![7; 1 << 20];
        let mut context = Context::from_waker(Waker::noop());
        let (mut written, mut idle, mut writing) = (0, 0, stream.clone());
        while idle < 3 {
            idle += 1;
            turn_a_little(&reactor);
            while let Poll::Ready(count) = Pin::new(&mut writing).poll_write(&mut context, &piece) {
                (written, idle) = (written + count.unwrap(), 0);
            }
        }
        // All but what is certainly in the session: there is room, and the loop has not told of it.
        told.send(written.saturating_sub(1 << 18)).unwrap();
        read.recv().unwrap();
        let mut reading = stream;
        let heard = Pin::new(&mut reading).poll_read(&mut context, &mut [0; 64]);
        assert!(matches!(heard, Poll::Ready(Ok(1))), "{heard:?}");
        let write = async move { Ok(writing.write_all(&vec![7; ALL - written]).await?) };
        reactor.spawn(write).detach();
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |_| {
            told.send(0).unwrap();
        });
        reactor.stop();
        let report = NetReport::of(&reactor.run().unwrap());
        assert_eq!((report.closed(), report.aborted(), report.unsent()), (1, 0, 0));
        assert_eq!(peer.join().unwrap().unwrap(), ALL);
    });
}
