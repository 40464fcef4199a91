//! Who is woken, and how often the system is asked.

use super::{both, pair, run};
use crate::fixture::{thread, turn_a_little, turn_until};
use allocation_counter::measure;
use futures_lite::{AsyncRead as _, AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _};
use ropewalk_net::TcpStream;
use ropewalk_reactor::Reactor;
use ropewalk_task::ReactorTask as _;
use ropewalk_testing::{DEADLINE, within};
use std::cell::Cell;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

#[derive(Default)]
pub(super) struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Count {
    pub(super) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

fn poll_read(stream: &TcpStream, count: &Arc<Count>, length: usize) -> Poll<usize> {
    let waker = Waker::from(Arc::clone(count));
    let mut stream = stream;
    let mut context = Context::from_waker(&waker);
    Pin::new(&mut stream).poll_read(&mut context, &mut vec![0; length]).map(Result::unwrap)
}

fn poll_write(stream: &TcpStream, count: &Arc<Count>, length: usize) -> Poll<usize> {
    let waker = Waker::from(Arc::clone(count));
    let mut stream = stream;
    let mut context = Context::from_waker(&waker);
    Pin::new(&mut stream).poll_write(&mut context, &vec![7; length]).map(Result::unwrap)
}

/// Writes until nothing more is taken, also after what was taken has moved on to the peer's system.
fn fill(reactor: &Reactor, stream: &TcpStream) {
    let count = Arc::<Count>::default();
    loop {
        while poll_write(stream, &count, 1 << 20).is_ready() {}
        let woken = count.get();
        turn_a_little(reactor);
        if count.get() == woken {
            return;
        }
    }
}

#[test]
fn one_message_is_one_wake_up_and_one_event() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (stream, mut peer) = pair(&reactor);
        let count = Arc::<Count>::default();
        for round in 1..=5 {
            assert_eq!(poll_read(&stream, &count, 64), Poll::Pending);
            assert_eq!(poll_read(&stream, &count, 64), Poll::Pending, "the same waker again");
            let events = reactor.stats().events;
            peer.write_all(b"hello").unwrap();
            turn_until(&reactor, || count.get() == round);
            assert_eq!(poll_read(&stream, &count, 64), Poll::Ready(5));
            turn_a_little(&reactor);
            assert_eq!((count.get(), reactor.stats().events), (round, events + 1));
        }
    });
}

#[test]
fn a_message_allocates_nothing() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (stream, mut peer) = pair(&reactor);
        let count = Arc::<Count>::default();
        let waker = Waker::from(Arc::clone(&count));
        let (mut stream, mut context) = (&stream, Context::from_waker(&waker));
        let mut buffer = [0; 64];
        for round in 1..=5 {
            let waiting = measure(|| {
                let read = Pin::new(&mut stream).poll_read(&mut context, &mut buffer);
                assert!(read.is_pending());
            });
            peer.write_all(b"hello").unwrap();
            turn_until(&reactor, || count.get() == round);
            let moving = measure(|| {
                let read = Pin::new(&mut stream).poll_read(&mut context, &mut buffer);
                assert!(matches!(read, Poll::Ready(Ok(5))));
                let written = Pin::new(&mut stream).poll_write(&mut context, &buffer[..5]);
                assert!(matches!(written, Poll::Ready(Ok(5))));
            });
            assert_eq!((waiting.count_total, moving.count_total), (0, 0));
        }
    });
}

/// Whoever is told that there is no more asks the system no more.
#[test]
fn a_read_that_leaves_room_was_the_last() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (stream, mut peer) = pair(&reactor);
        let count = Arc::<Count>::default();
        assert_eq!(poll_read(&stream, &count, 64), Poll::Pending);
        peer.write_all(b"one").unwrap();
        turn_until(&reactor, || count.get() == 1);
        assert_eq!(poll_read(&stream, &count, 64), Poll::Ready(3));
        peer.write_all(b"two").unwrap();
        assert_eq!(poll_read(&stream, &count, 64), Poll::Pending, "without a look");
        turn_until(&reactor, || count.get() == 2);
        assert_eq!(poll_read(&stream, &count, 64), Poll::Ready(3));
    });
}

#[test]
fn only_the_latest_reader_and_the_latest_writer_are_woken() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (stream, mut peer) = pair(&reactor);
        let [old, new, writer] = [(); 3].map(|()| Arc::<Count>::default());
        fill(&reactor, &stream);
        while poll_write(&stream, &writer, 9).is_ready() {}
        assert_eq!(poll_read(&stream, &old, 9), Poll::Pending);
        assert_eq!(poll_read(&stream, &new, 9), Poll::Pending);
        assert_eq!(Arc::strong_count(&old), 1, "its waker is gone");
        peer.write_all(b"hello").unwrap();
        turn_until(&reactor, || new.get() == 1);
        turn_a_little(&reactor);
        assert_eq!(old.get(), 0);
        // The system may have made room by putting together what waits to be read.
        assert!(writer.get() == 0 || poll_write(&stream, &writer, 9).is_ready());
    });
}

/// I6, with nobody who reads: the loop tells, tells again, and is asked to be silent.
#[test]
fn i6_what_nobody_reads_does_not_keep_the_loop_busy() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (stream, mut peer) = pair(&reactor);
        peer.write_all(b"hello").unwrap();
        turn_a_little(&reactor);
        let events = reactor.stats().events;
        turn_a_little(&reactor);
        assert_eq!(reactor.stats().events, events);
        let count = Arc::<Count>::default();
        assert_eq!(poll_read(&stream, &count, 9), Poll::Ready(5));
        assert_eq!(poll_read(&stream, &count, 9), Poll::Pending);
        peer.write_all(b"again").unwrap();
        turn_until(&reactor, || count.get() == 1);
        assert_eq!(poll_read(&stream, &count, 9), Poll::Ready(5));
    });
}

#[test]
fn i6_an_idle_stream_whose_peer_is_gone_does_not_keep_the_loop_busy() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (half, half_peer) = pair(&reactor);
        let (gone, gone_peer) = pair(&reactor);
        let (reset, mut reset_peer) = pair(&reactor);
        let (read, read_peer) = pair(&reactor);
        half_peer.shutdown(Shutdown::Write).unwrap();
        drop(gone_peer);
        let mut writer = &reset;
        futures_lite::future::block_on(writer.write_all(b"unread")).unwrap();
        reset_peer.write_all(b"last words").unwrap();
        drop(reset_peer);
        drop(read_peer);
        turn_a_little(&reactor);
        assert_eq!(poll_read(&read, &Arc::default(), 9), Poll::Ready(0));
        turn_a_little(&reactor);
        let events = reactor.stats().events;
        turn_a_little(&reactor);
        assert_eq!(reactor.stats().events, events);
        drop((half, gone, reset, read));
        assert_eq!(reactor.stats().sources, 0);
    });
}

#[test]
fn i6_idle_streams_cost_no_events() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let pairs: Vec<_> = (0..10).map(|_| pair(&reactor)).collect();
        let count = Arc::<Count>::default();
        for (stream, _) in &pairs {
            assert_eq!(poll_read(stream, &count, 9), Poll::Pending);
        }
        turn_a_little(&reactor);
        let events = reactor.stats().events;
        turn_a_little(&reactor);
        assert_eq!((reactor.stats().events, count.get()), (events, 0));
    });
}

/// The task never waits: there always is something to read, and room to write.
#[test]
fn i7_who_reads_and_writes_without_end_starves_nobody() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (mut one, mut other) = both(&reactor);
        let rounds = Rc::new(Cell::new(0));
        let count = Rc::clone(&rounds);
        reactor
            .spawn(async move {
                let mut buffer = [0; 16];
                while one.write_all(&buffer).await.is_ok() {
                    other.read_exact(&mut buffer).await?;
                    count.set(count.get() + 1);
                }
                Ok(())
            })
            .on_failure(|_| ());
        let fired = Rc::new(Cell::new(false));
        let timer = Rc::clone(&fired);
        reactor.call_later(Duration::from_millis(1), move |_| timer.set(true));
        turn_until(&reactor, || fired.get() && rounds.get() > 100);
    });
}

#[test]
fn i7_who_writes_to_a_peer_that_takes_everything_starves_nobody() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (stream, _peer) = pair(&reactor);
        let count = Arc::<Count>::default();
        let written = (0..1000).take_while(|_| poll_write(&stream, &count, 1).is_ready()).count();
        assert!((1..100).contains(&written), "{written}");
        turn_until(&reactor, || count.get() == 1);
        assert_eq!(poll_write(&stream, &count, 1), Poll::Ready(1));
        turn_a_little(&reactor);
        let events = reactor.stats().events;
        turn_a_little(&reactor);
        assert_eq!((reactor.stats().events, count.get()), (events, 1), "nobody waits any more");
    });
}

#[test]
fn i7_a_peer_that_floods_lets_others_have_their_turn() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (stream, mut peer) = pair(&reactor);
        peer.write_all(&[7; 10_000]).unwrap();
        turn_a_little(&reactor);
        let count = Arc::<Count>::default();
        let read = (0..1000).take_while(|_| poll_read(&stream, &count, 1).is_ready()).count();
        assert!((1..100).contains(&read), "{read}");
        turn_until(&reactor, || count.get() == 1);
        assert_eq!(poll_read(&stream, &count, 1), Poll::Ready(1));
    });
}

/// A waker is somebody's code.
#[test]
fn i5_a_waker_may_use_the_stream() {
    within(DEADLINE, || {
        struct Nosy;
        impl Wake for Nosy {
            fn wake(self: Arc<Self>) {
                STREAM.with(|stream| {
                    let stream = stream.take().unwrap();
                    assert_eq!(poll_read(&stream, &Arc::default(), 9), Poll::Ready(5));
                    stream.abort();
                });
            }
        }
        thread_local!(static STREAM: Cell<Option<TcpStream>> = const { Cell::new(None) });
        let reactor = Reactor::new().unwrap();
        let (stream, mut peer) = pair(&reactor);
        let waker = Waker::from(Arc::new(Nosy));
        let mut reading = &stream;
        let read = Pin::new(&mut reading).poll_read(&mut Context::from_waker(&waker), &mut [0; 9]);
        assert!(read.is_pending());
        STREAM.with(|slot| slot.set(Some(stream)));
        peer.write_all(b"hello").unwrap();
        turn_until(&reactor, || reactor.stats().sources == 0);
        assert_eq!(reactor.stats().panics, 0);
    });
}

#[test]
fn i3_a_waker_that_panics_ends_one_connection() {
    within(DEADLINE, || {
        struct Bad;
        impl Wake for Bad {
            fn wake(self: Arc<Self>) {
                panic!("a bug");
            }
        }
        let reactor = Reactor::new().unwrap();
        let (stream, mut peer) = pair(&reactor);
        let mut reading = &stream;
        let waker = Waker::from(Arc::new(Bad));
        let read = Pin::new(&mut reading).poll_read(&mut Context::from_waker(&waker), &mut [0; 9]);
        assert!(read.is_pending());
        peer.write_all(b"hello").unwrap();
        turn_until(&reactor, || reactor.stats().panics == 1);
        let error =
            run(&reactor, async move { Ok((&stream).read(&mut [0; 9]).await.unwrap_err()) });
        assert!(error.to_string().contains("a bug"), "{error}");
    });
}

/// An answer that comes before anybody reads, on a stream whose half that sends was closed first.
#[test]
fn i6_an_answer_that_nobody_has_asked_for_yet_does_not_keep_the_loop_busy() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (stream, mut peer) = pair(&reactor);
        let mut writing = stream.clone();
        run(&reactor, async move {
            writing.write_all(b"ask").await?;
            writing.close().await?;
            Ok(())
        });
        peer.read_to_end(&mut Vec::new()).unwrap();
        peer.write_all(b"answer").unwrap();
        drop(peer);
        turn_a_little(&reactor);
        let events = reactor.stats().events;
        turn_a_little(&reactor);
        assert_eq!(reactor.stats().events, events);
        let mut reading = stream;
        let heard = run(&reactor, async move {
            let mut heard = String::new();
            reading.read_to_string(&mut heard).await?;
            Ok(heard)
        });
        assert_eq!(heard, "answer");
    });
}

/// What a peer still sends after the end is thrown away: it is not reset.
#[test]
fn a_peer_that_still_sends_after_the_end_of_an_unread_stream_is_not_reset() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (stream, mut peer) = pair(&reactor);
        assert_eq!(poll_read(&stream, &Arc::default(), 64), Poll::Pending);
        let mut writing = stream.clone();
        run(&reactor, async move {
            writing.write_all(b"enough").await?;
            writing.close().await?;
            Ok(())
        });
        drop(stream);
        let sender = thread(move || {
            let sent = peer.write_all(&vec![7; 8 << 20]);
            sent.and_then(|()| peer.read_to_string(&mut String::new()))
        });
        turn_until(&reactor, || sender.is_finished());
        assert_eq!(sender.join().unwrap().unwrap(), 6);
    });
}
