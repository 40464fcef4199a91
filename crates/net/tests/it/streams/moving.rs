//! What comes in and what goes out.

use super::{both, pair, run};
use crate::fixture::{own_address, thread, turn_a_little};
use futures_lite::io::{BufReader, copy, split};
use futures_lite::{
    AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _, future,
};
use proptest::prelude::{any, prop_assert, proptest};
use proptest::{collection, test_runner::Config};
use ropewalk_net::{ConnectError, ConnectErrorKind, TcpStream};
use ropewalk_reactor::Reactor;
use ropewalk_task::ReactorTask as _;
use ropewalk_testing::{DEADLINE, within};
use std::io::{IoSlice, Read as _, Write as _};
use std::net::Shutdown;

#[test]
fn what_one_end_writes_the_other_one_reads() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (mut one, mut other) = both(&reactor);
        let heard = run(&reactor, async move {
            one.write_all(b"who is ").await?;
            let slices = [IoSlice::new(b"th"), IoSlice::new(b""), IoSlice::new(b"ere?")];
            assert_eq!(one.write_vectored(&slices).await?, 6);
            one.close().await?;
            let (mut question, mut answer) = (String::new(), String::new());
            other.read_to_string(&mut question).await?;
            other.write_all(b"nobody").await?;
            other.close().await?;
            one.read_to_string(&mut answer).await?;
            Ok((question, answer))
        });
        assert_eq!(heard, ("who is there?".to_owned(), "nobody".to_owned()));
        turn_a_little(&reactor);
        assert_eq!(reactor.stats().sources, 0, "b215: both sockets are closed");
    });
}

#[test]
fn a_stream_knows_its_ends_and_its_settings() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (stream, peer) = pair(&reactor);
        assert_eq!(stream.peer_addr().unwrap(), peer.local_addr().unwrap());
        assert_eq!(stream.local_addr().unwrap(), peer.peer_addr().unwrap());
        assert!(!stream.nodelay().unwrap() && !stream.keepalive().unwrap());
        stream.set_nodelay(true).unwrap();
        stream.set_keepalive(true).unwrap();
        assert!(stream.nodelay().unwrap() && stream.keepalive().unwrap());
        assert!(format!("{stream:?}").contains("connected: true"), "{stream:?}");
    });
}

#[test]
fn nobody_who_listens_is_a_connect_error() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let free = std::net::TcpListener::bind(own_address()).unwrap().local_addr().unwrap();
        let connecting = TcpStream::connect(&reactor, &free.ip().to_string(), free.port());
        let failure = crate::fixture::result_of(&reactor, connecting).unwrap_err();
        let error: &ConnectError = failure.downcast_ref().unwrap();
        assert!(matches!(error.kind(), ConnectErrorKind::Unreachable), "{error}");
    });
}

/// Nothing waits in a stream: a peer that does not read stops whoever writes.
#[test]
fn a_slow_reader_stops_the_writer() {
    within(DEADLINE, || {
        const MANY: usize = 64 * 1024 * 1024;
        let reactor = Reactor::new().unwrap();
        let (mut stream, mut peer) = pair(&reactor);
        let written = std::rc::Rc::new(std::cell::Cell::new(0));
        let count = std::rc::Rc::clone(&written);
        let writing = reactor.spawn(async move {
            let piece = vec![7; 64 * 1024];
            while count.get() < MANY {
                count.set(count.get() + stream.write(&piece).await?);
            }
            stream.close().await?;
            Ok(())
        });
        // The loop waits for room.
        crate::fixture::turn_until(&reactor, || {
            let events = reactor.stats().events;
            turn_a_little(&reactor);
            reactor.stats().events == events
        });
        assert!(written.get() < MANY / 2, "{}", written.get());
        let reader = thread(move || std::io::copy(&mut peer, &mut std::io::sink()).unwrap());
        crate::fixture::result_of(&reactor, writing).unwrap();
        assert_eq!(reader.join().unwrap(), written.get() as u64);
    });
}

#[test]
fn the_helpers_of_the_ecosystem_work() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (one, other) = both(&reactor);
        let echo = async move {
            let (reader, writer) = split(other);
            let copied = copy(reader, writer).await?;
            Ok(copied)
        };
        let (copied, lines) = run(&reactor, async move {
            let asking = async {
                let (mut writer, reader) = (&one, BufReader::new(&one));
                writer.write_all(b"one\ntwo\nthree\n").await?;
                writer.close().await?;
                reader.lines().try_collect::<_, _, Vec<_>>().await
            };
            let (copied, lines) = future::zip(echo, asking).await;
            let copied: std::io::Result<u64> = copied;
            Ok((copied?, lines?))
        });
        assert_eq!((copied, lines), (14, vec!["one".into(), "two".into(), "three".into()]));
    });
}

/// One task reads, another one writes, more than fits into any buffer.
#[test]
fn clones_read_and_write_at_once() {
    within(DEADLINE, || {
        const MANY: usize = 8 * 1024 * 1024;
        let reactor = Reactor::new().unwrap();
        let (one, other) = both(&reactor);
        let echo = reactor.spawn(async move { Ok(copy(&other, &mut &other).await?) });
        let (mut writer, mut reader) = (one.clone(), one);
        let writing = reactor.spawn(async move {
            writer.write_all(&vec![7; MANY]).await?;
            writer.close().await?;
            Ok(())
        });
        let read = run(&reactor, async move {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).await?;
            Ok(all)
        });
        assert!(read.len() == MANY && read.iter().all(|&byte| byte == 7));
        run(&reactor, writing.into_future());
        assert_eq!(run(&reactor, echo.into_future()), MANY as u64);
    });
}

#[test]
fn what_has_come_before_the_first_read_is_there() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (mut stream, mut peer) = pair(&reactor);
        peer.write_all(b"early").unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
        turn_a_little(&reactor);
        let text = run(&reactor, async move {
            assert_eq!(stream.read(&mut []).await?, 0, "which is not the end");
            let mut text = String::new();
            stream.read_to_string(&mut text).await?;
            assert_eq!(stream.read(&mut [0; 9]).await?, 0, "the end again");
            stream.write_all(b"late").await?;
            Ok(text)
        });
        assert_eq!(text, "early");
        let mut late = String::new();
        peer.read_to_string(&mut late).unwrap();
        assert_eq!(late, "late");
    });
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, cases: 40, ..Config::default() })]

    /// In whatever pieces both sides write and read.
    #[test]
    fn what_goes_in_comes_out_once_and_in_order(
        seed in any::<u8>(),
        writes in collection::vec(1..200_000_usize, 1..12),
        reads in collection::vec(1..200_000_usize, 1..12),
    ) {
        let total: usize = writes.iter().sum();
        let said: Vec<u8> = (0..total).map(|n| (n % 251) as u8 ^ seed).collect();
        let heard = within(DEADLINE, {
            let said = said.clone();
            move || {
                let reactor = Reactor::new().unwrap();
                let (mut one, mut other) = both(&reactor);
                let saying = reactor.spawn(async move {
                    let mut rest = &said[..];
                    for length in writes {
                        let (piece, others) = rest.split_at(length);
                        one.write_all(piece).await?;
                        rest = others;
                    }
                    one.close().await?;
                    Ok(())
                });
                let heard = run(&reactor, async move {
                    let (mut heard, mut lengths) = (Vec::new(), reads.into_iter().cycle());
                    loop {
                        let mut buffer = vec![0; lengths.next().unwrap_or(1)];
                        match other.read(&mut buffer).await? {
                            0 => return Ok(heard),
                            count => heard.extend_from_slice(&buffer[..count]),
                        }
                    }
                });
                run(&reactor, saying.into_future());
                heard
            }
        });
        prop_assert!(heard == said, "{} bytes of {}", heard.len(), said.len());
    }
}

/// The system takes 1024 slices in one call, and refuses more as a whole.
#[test]
fn of_very_many_slices_some_are_written() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (mut stream, mut peer) = pair(&reactor);
        let written = run(&reactor, async move {
            let mut slices = vec![IoSlice::new(b""); 2_000];
            slices.resize(4_000, IoSlice::new(b"x"));
            Ok(stream.write_vectored(&slices).await?)
        });
        assert!(written > 0, "nothing written would be the end");
        let mut received = Vec::new();
        peer.read_to_end(&mut received).unwrap();
        assert_eq!(received, vec![b'x'; written]);
    });
}
