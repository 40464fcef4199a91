//! Closing, dropping, breaking, stopping.

use super::{both, listener, pair, run};
use crate::fixture::{result_of, thread, turn_a_little, turn_until};
use futures_lite::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _};
use ropewalk_net::{ConnectionLost, NetReport, TcpListener, TcpStream};
use ropewalk_reactor::Reactor;
use ropewalk_task::ReactorTask as _;
use ropewalk_testing::{DEADLINE, EventLog, within};
use socket2::SockRef;
use std::cell::RefCell;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::rc::Rc;
use std::time::Duration;

fn reset(peer: std::net::TcpStream) {
    SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
    drop(peer);
}

fn is_lost(error: &io::Error) -> bool {
    matches!(ConnectionLost::of(error), Some(ConnectionLost::Lost(inner)) if inner.kind() == error.kind())
}

#[test]
fn a_reset_is_an_error_with_its_reason() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (mut stream, peer) = pair(&reactor);
        let mut other = stream.clone();
        let reading = reactor.spawn(async move { Ok(stream.read(&mut [0; 9]).await.unwrap_err()) });
        turn_a_little(&reactor);
        reset(peer);
        let error = result_of(&reactor, reading).unwrap();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert!(is_lost(&error), "{error}");
        let again = run(&reactor, async move { Ok(other.write(b"late").await.unwrap_err()) });
        assert_eq!(again.kind(), ErrorKind::ConnectionReset);
        turn_a_little(&reactor);
        assert_eq!(reactor.stats().sources, 0);
    });
}

#[test]
fn a_reset_wakes_who_waits_to_write() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (mut stream, peer) = pair(&reactor);
        let writing = reactor
            .spawn(async move { Ok(stream.write_all(&vec![7; 64 << 20]).await.unwrap_err()) });
        turn_a_little(&reactor);
        reset(peer);
        assert!(is_lost(&result_of(&reactor, writing).unwrap()));
        turn_a_little(&reactor);
        assert_eq!(reactor.stats().sources, 0);
    });
}

/// A server that refuses a large request with an answer, and closes: the answer counts.
#[cfg(target_os = "linux")]
#[test]
fn what_came_before_a_write_failed_can_still_be_read() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (mut stream, mut peer) = pair(&reactor);
        peer.write_all(b"go away").unwrap();
        reset(peer);
        let (heard, end) = run(&reactor, async move {
            let failed = stream.write(b"a long story").await.unwrap_err();
            let mut heard = [0; 7];
            stream.read_exact(&mut heard).await?;
            let end = stream.read(&mut [0; 9]).await.unwrap_err();
            assert_eq!(failed.kind(), end.kind());
            assert!(stream.flush().await.is_err() && stream.close().await.is_err());
            Ok((heard, end))
        });
        assert_eq!(&heard, b"go away");
        assert!(is_lost(&end), "a reset is not taken for the end: {end}");
    });
}

#[test]
fn an_abort_is_heard_by_both_sides() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (mut stream, mut peer) = pair(&reactor);
        let aborting = stream.clone();
        let reading = reactor.spawn(async move { Ok(stream.read(&mut [0; 9]).await.unwrap_err()) });
        turn_a_little(&reactor);
        aborting.abort();
        let error = result_of(&reactor, reading).unwrap();
        assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
        assert!(matches!(ConnectionLost::of(&error), Some(ConnectionLost::Aborted)));
        assert_eq!(peer.read(&mut [0; 9]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn nothing_is_written_after_close_and_closing_twice_is_one() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (mut stream, mut peer) = pair(&reactor);
        let mut stream = run(&reactor, async move {
            stream.write_all(b"all").await?;
            stream.close().await?;
            stream.close().await?;
            stream.flush().await?;
            assert_eq!(stream.write(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
            Ok(stream)
        });
        let mut heard = String::new();
        peer.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "all");
        peer.write_all(b"thanks").unwrap();
        drop(peer);
        run(&reactor, async move {
            let mut thanks = String::new();
            stream.read_to_string(&mut thanks).await?;
            assert_eq!(thanks, "thanks");
            stream.close().await?;
            assert_eq!(stream.read(&mut [0; 9]).await?, 0);
            Ok(())
        });
        assert_eq!(reactor.stats().sources, 0);
    });
}

#[test]
fn a_stream_that_is_dropped_is_closed_at_once() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (mut stream, mut peer) = pair(&reactor);
        run(&reactor, async move { Ok(stream.write_all(b"hello").await?) });
        assert_eq!(reactor.stats().sources, 0);
        let mut heard = String::new();
        peer.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "hello");

        let (stream, mut peer) = pair(&reactor);
        let clone = stream.clone();
        drop(stream);
        assert_eq!(reactor.stats().sources, 1, "there is another one");
        peer.write_all(b"nobody reads this").unwrap();
        turn_a_little(&reactor);
        drop(clone);
        assert_eq!(peer.read(&mut [0; 9]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

/// B215: a reset would overtake what was sent last.
#[test]
fn b215_a_stream_that_is_closed_and_dropped_is_read_to_its_end() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (mut stream, mut peer) = pair(&reactor);
        // The peer reads only in the end. Its system takes some of it, ours has room for the rest.
        let said = vec![7; 2 * 65_536];
        let talking = thread({
            let said = said.clone();
            move || {
                peer.write_all(&vec![1; 8 << 20]).unwrap();
                let mut heard = Vec::new();
                peer.read_to_end(&mut heard).unwrap();
                assert_eq!(heard, said);
            }
        });
        let closing = reactor.spawn(async move {
            stream.write_all(&said).await?;
            stream.close().await?;
            Ok(())
        });
        turn_until(&reactor, || talking.is_finished() && reactor.stats().sources == 0);
        talking.join().unwrap();
        result_of(&reactor, closing).unwrap();
    });
}

#[test]
fn i3_a_task_that_panics_ends_its_connection_and_no_other() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let ((mut first, mut peer), (mut second, mut friend)) = (pair(&reactor), pair(&reactor));
        let panicking = reactor.spawn(async move {
            first.read(&mut [0; 9]).await?;
            assert!(first.nodelay()?, "a bug");
            Ok(())
        });
        peer.write_all(b"go").unwrap();
        assert!(result_of(&reactor, panicking).unwrap_err().is::<ropewalk_deferred::Panicked>());
        assert_eq!(peer.read(&mut [0; 9]).unwrap(), 0);
        friend.write_all(b"still there?").unwrap();
        assert_eq!(run(&reactor, async move { Ok(second.read(&mut [0; 99]).await?) }), 12);
    });
}

/// W18: what a task has begun to write is sent, if it goes on writing.
#[test]
fn w18_a_stop_waits_for_who_writes() {
    within(DEADLINE, || {
        const MANY: usize = 20 << 20;
        let reactor = Reactor::new().unwrap();
        let (mut stream, mut peer) = pair(&reactor);
        let writing = reactor.spawn(async move {
            for _ in 0..20 {
                stream.write_all(&vec![7; MANY / 20]).await?;
            }
            stream.close().await?;
            Ok(())
        });
        turn_a_little(&reactor);
        let reader = thread(move || peer.read_to_end(&mut Vec::new()).unwrap());
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(reader.join().unwrap(), MANY);
        result_of(&reactor, writing).unwrap();
        assert_eq!((reactor.stats().sources, reactor.stats().pending_timers), (0, 0));
    });
}

#[test]
fn i9_a_stop_does_not_wait_for_ever_for_who_writes() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (mut stream, _peer) = pair(&reactor);
        let writing = reactor
            .spawn(async move { Ok(stream.write_all(&vec![7; 64 << 20]).await.unwrap_err()) });
        turn_a_little(&reactor);
        reactor.stop();
        reactor.run().unwrap();
        let error = result_of(&reactor, writing).unwrap();
        assert!(matches!(ConnectionLost::of(&error), Some(ConnectionLost::Aborted)), "{error}");
        assert_eq!((reactor.stats().sources, reactor.stats().pending_timers), (0, 0));
    });
}

#[test]
fn a_stop_ends_what_waits() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let ((mut reading, mut peer), (idle, mut friend)) = (pair(&reactor), pair(&reactor));
        let (port, log) = (listener(&reactor), EventLog::new());
        let read = reactor.spawn(async move { Ok(reading.read(&mut [0; 9]).await.unwrap_err()) });
        let seen = log.clone();
        let accepting = reactor.spawn(async move {
            assert!(port.incoming().next().await.is_none());
            seen.add("no more");
            let error = port.accept().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
            Ok(())
        });
        turn_a_little(&reactor);
        reactor.stop();
        reactor.run().unwrap();
        for peer in [&mut peer, &mut friend] {
            assert_eq!(peer.read(&mut [0; 9]).unwrap(), 0, "a regular end");
        }
        let error = result_of(&reactor, read).unwrap();
        assert!(matches!(ConnectionLost::of(&error), Some(ConnectionLost::Done)), "{error}");
        result_of(&reactor, accepting).unwrap();
        assert_eq!(log.take(), ["no more"]);
        assert!(format!("{idle:?}").contains("connected: false"));
        let mut idle = idle;
        run(&reactor, async move {
            assert_eq!(idle.write(b"x").await.unwrap_err().kind(), ErrorKind::ConnectionAborted);
            Ok(())
        });
    });
}

#[test]
fn who_outlives_the_reactor_gets_errors() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (mut stream, mut peer) = pair(&reactor);
        let port: TcpListener = listener(&reactor);
        drop(reactor);
        assert_eq!(peer.read(&mut [0; 9]).unwrap(), 0);
        futures_lite::future::block_on(async {
            assert!(stream.read(&mut [0; 9]).await.is_err());
            assert!(stream.write(b"x").await.is_err());
            assert!(stream.close().await.is_err());
            assert!(port.accept().await.is_err());
        });
    });
}

/// The stream is in the task, the task in the reactor.
#[test]
fn a_reactor_that_is_dropped_takes_its_streams_along() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (one, mut other) = both(&reactor);
        let kept: Rc<RefCell<Option<TcpStream>>> = Rc::new(RefCell::new(Some(one)));
        let weak = Rc::downgrade(&kept);
        reactor
            .spawn(async move {
                let _kept = kept;
                other.read(&mut [0; 9]).await?;
                Ok(())
            })
            .on_failure(|_| ());
        turn_a_little(&reactor);
        drop(reactor);
        assert!(weak.upgrade().is_none());
    });
}

/// Its peer reads everything: there is progress all the time.
#[test]
fn i9_w18_a_task_that_writes_for_ever_is_cut_off_at_the_deadline() {
    within(DEADLINE, || {
        let deadline = Duration::from_millis(600);
        let reactor = Reactor::builder().shutdown_deadline(deadline).build().unwrap();
        let (mut stream, mut peer) = pair(&reactor);
        let writing = reactor.spawn(async move {
            loop {
                if let Err(error) = stream.write_all(&vec![7; 1 << 20]).await {
                    return Ok(error);
                }
            }
        });
        let reader = thread(move || io::copy(&mut peer, &mut io::sink()).is_err());
        turn_a_little(&reactor);
        reactor.stop();
        let report = NetReport::of(&reactor.run().unwrap());
        assert_eq!((report.closed(), report.aborted()), (0, 1));
        let error = result_of(&reactor, writing).unwrap();
        assert!(matches!(ConnectionLost::of(&error), Some(ConnectionLost::Aborted)), "{error}");
        assert!(reader.join().unwrap(), "a reset");
    });
}
