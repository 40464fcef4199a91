//! Futures that are dropped halfway.

use super::waking::Count;
use super::{listener, pair, run};
use crate::fixture::{result_of, thread, turn_a_little, turn_until};
use futures_lite::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _};
use ropewalk_deferred::Deferred;
use ropewalk_net::{NetReport, TcpStream};
use ropewalk_reactor::Reactor;
use ropewalk_task::ReactorTask as _;
use ropewalk_testing::{DEADLINE, within};
use std::cell::Cell;
use std::io::{Read as _, Write as _};
use std::net::TcpStream as Peer;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

#[test]
fn a_reader_that_gives_up_loses_nothing() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (stream, mut peer) = pair(&reactor);
        let (mut first, mut second) = (stream.clone(), stream);
        let reading = reactor.spawn(async move { Ok(first.read(&mut [0; 9]).await?) });
        turn_a_little(&reactor);
        drop(reading);
        turn_a_little(&reactor);
        peer.write_all(b"hello").unwrap();
        turn_a_little(&reactor);
        let events = reactor.stats().events;
        turn_a_little(&reactor);
        assert_eq!(reactor.stats().events, events, "nobody reads");
        assert_eq!(run(&reactor, async move { Ok(second.read(&mut [0; 9]).await?) }), 5);
    });
}

/// What was taken is on its way, and the next one goes on behind it.
#[test]
fn a_writer_that_gives_up_leaves_things_in_order() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (stream, mut peer) = pair(&reactor);
        let (mut first, mut second) = (stream.clone(), stream);
        let writing = reactor.spawn(async move { Ok(first.write_all(&vec![7; 64 << 20]).await?) });
        turn_a_little(&reactor);
        drop(writing);
        turn_a_little(&reactor);
        let reader = thread(move || {
            let mut all = Vec::new();
            peer.read_to_end(&mut all).unwrap();
            all
        });
        run(&reactor, async move {
            second.write_all(b"the end").await?;
            Ok(second.close().await?)
        });
        turn_until(&reactor, || reader.is_finished());
        let all = reader.join().unwrap();
        assert!(all.ends_with(b"the end") && all.len() < 64 << 20);
        assert!(all[..all.len() - 7].iter().all(|&byte| byte == 7));
    });
}

/// A shutdown does not wait for him either: a clone of his stream lives on, and what the system has taken
/// is everything.
fn gives_up(then: impl FnOnce(&Reactor, TcpStream, Peer, usize) -> (TcpStream, Peer) + Send) {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (stream, peer) = pair(&reactor);
        let (mut first, second) = (stream.clone(), stream);
        let taken = Rc::new(Cell::new(0));
        let count = Rc::clone(&taken);
        let writing: Deferred<()> = reactor.spawn(async move {
            while let Ok(more) = first.write(&[7; 64 * 1024]).await {
                count.set(count.get() + more);
            }
        });
        let mut before = None;
        // Until the system takes no more.
        while before != Some(taken.get()) || taken.get() == 0 {
            before = Some(taken.get());
            turn_a_little(&reactor);
        }
        drop(writing);
        let _both = then(&reactor, second, peer, taken.get());
        reactor.call_soon(Reactor::stop);
        let report = NetReport::of(&reactor.run().unwrap());
        assert_eq!((report.closed(), report.aborted(), report.unsent()), (1, 0, 0));
    });
}

#[test]
fn w18_a_writer_that_has_given_up_is_not_waited_for_when_there_is_room() {
    gives_up(|reactor, stream, mut peer, taken| {
        let reader = thread(move || {
            peer.read_exact(&mut vec![0; taken]).unwrap();
            peer
        });
        turn_until(reactor, || reader.is_finished());
        (stream, reader.join().unwrap())
    });
}

#[test]
fn w18_a_writer_that_flushes_does_not_wait_to_write() {
    gives_up(|reactor, mut stream, peer, _| {
        let stream = run(reactor, async move {
            stream.flush().await?;
            Ok(stream)
        });
        (stream, peer)
    });
}

/// And with the task its stream: nothing is left of either.
#[test]
fn a_task_that_is_cancelled_ends_its_connection() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        for writes in [false, true] {
            let (mut stream, mut peer) = pair(&reactor);
            let held = Rc::new(());
            let weak = Rc::downgrade(&held);
            let task = reactor.spawn(async move {
                let _held = held;
                if writes {
                    stream.write_all(&vec![7; 64 << 20]).await?;
                }
                Ok(stream.read(&mut [0; 9]).await?)
            });
            turn_a_little(&reactor);
            drop(task);
            turn_until(&reactor, || weak.upgrade().is_none());
            assert_eq!(reactor.stats().sources, 0);
            let end = std::io::copy(&mut peer, &mut std::io::sink());
            assert!(writes || end.unwrap() == 0);
        }
        reactor.stop();
        reactor.run().unwrap();
    });
}

#[test]
fn a_close_that_is_given_up_goes_on() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (stream, mut peer) = pair(&reactor);
        let (mut writing, mut closing) = (stream.clone(), stream);
        let blocked =
            reactor.spawn(async move { Ok(writing.write_all(&vec![7; 64 << 20]).await?) });
        turn_a_little(&reactor);
        drop(blocked);
        drop(reactor.spawn(async move { Ok(closing.close().await?) }));
        let reader = thread(move || peer.read_to_end(&mut Vec::new()).unwrap());
        turn_until(&reactor, || reader.is_finished() && reactor.stats().sources == 0);
        assert!(reader.join().unwrap() > 0);
    });
}

#[test]
fn an_attempt_that_is_given_up_leaves_nothing() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let port = listener(&reactor);
        let address = port.local_addr();
        let connect = || TcpStream::connect(&reactor, &address.ip().to_string(), address.port());
        connect().cancel();
        // Nobody wants its result.
        connect().detach();
        turn_until(&reactor, || reactor.stats().sources == 1);
        turn_a_little(&reactor);
        assert_eq!(reactor.stats().sources, 1, "the port");
    });
}

/// Who was to be served next is gone, and the one behind him is served.
#[test]
fn who_gives_up_accepting_leaves_the_connection_to_the_next() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let port = Rc::new(listener(&reactor));
        let address = port.local_addr();
        let [first, second] = [Rc::clone(&port), Rc::clone(&port)]
            .map(|port| reactor.spawn(async move { Ok(port.accept().await?.1) }));
        turn_a_little(&reactor);
        drop(first);
        let _peer = std::net::TcpStream::connect(address).unwrap();
        result_of(&reactor, second).unwrap();

        let third = Rc::clone(&port);
        let third = reactor.spawn(async move { Ok(third.incoming().next().await) });
        turn_a_little(&reactor);
        let fourth = Rc::clone(&port);
        let fourth = reactor.spawn(async move { Ok(fourth.accept().await?.1) });
        turn_a_little(&reactor);
        let peer = std::net::TcpStream::connect(address).unwrap();
        drop(third);
        let found = result_of(&reactor, fourth).unwrap();
        assert_eq!(found, peer.local_addr().unwrap());
    });
}

/// Who was woken first is gone, or does something else by now.
#[test]
fn i2_no_wake_up_is_lost_with_who_was_woken() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let port = listener(&reactor);
        let [gone, busy, waits] = [(); 3].map(|()| Arc::<Count>::default());
        let wakers = [&gone, &busy, &waits].map(|count| Waker::from(Arc::clone(count)));
        let (mut first, mut third) = (Box::pin(port.accept()), Box::pin(port.accept()));
        let mut second = port.incoming();
        assert!(first.as_mut().poll(&mut Context::from_waker(&wakers[0])).is_pending());
        assert!(second.poll_next(&mut Context::from_waker(&wakers[1])).is_pending());
        assert!(third.as_mut().poll(&mut Context::from_waker(&wakers[2])).is_pending());
        let peer = std::net::TcpStream::connect(port.local_addr()).unwrap();
        turn_until(&reactor, || waits.get() == 1);
        assert_eq!((gone.get(), busy.get()), (1, 1));
        drop(first);
        let accepted = third.as_mut().poll(&mut Context::from_waker(&wakers[2]));
        let Poll::Ready(Ok((_, address))) = accepted else { panic!("nobody else has come") };
        assert_eq!(address, peer.local_addr().unwrap());
        turn_a_little(&reactor);
        assert_eq!((gone.get(), busy.get(), waits.get()), (1, 1, 1));
    });
}
