//! Streams that are dropped in the middle of something, whatever that is: nothing of them is left.

use super::waking::Count;
use super::{both, listener};
use crate::fixture::{Probe, pair, result_of, turn_a_little, turn_until};
use futures_lite::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use ropewalk_net::{NetReport, TcpStream};
use ropewalk_reactor::Reactor;
use ropewalk_task::ReactorTask as _;
use ropewalk_testing::{DEADLINE, EventLog, within};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// Any kind of stream.
trait Bytes: AsyncRead + AsyncWrite + Clone + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Clone + Unpin + 'static> Bytes for S {}

thread_local! {
    /// What a waker drops when it is woken.
    static HELD: RefCell<Vec<Box<dyn Any>>> = const { RefCell::new(Vec::new()) };
    static DROPS: Cell<usize> = const { Cell::new(0) };
}

fn hold(value: impl Any) {
    HELD.with_borrow_mut(|held| held.push(Box::new(value)));
}

fn drop_held() {
    drop(HELD.take());
}

/// Drops the streams that are held, from inside of whoever wakes it.
struct Dropping;

impl Wake for Dropping {
    fn wake(self: Arc<Self>) {
        if HELD.with_borrow(|held| !held.is_empty()) {
            DROPS.set(DROPS.get() + 1);
        }
        drop_held();
    }
}

/// What a stream is in the middle of when it is dropped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Doing {
    Nothing,
    Reading,
    Writing,
    Both,
    Closing,
}

const ALL: [Doing; 5] =
    [Doing::Nothing, Doing::Reading, Doing::Writing, Doing::Both, Doing::Closing];

fn begin(doing: Doing, stream: &mut impl Bytes) {
    let waker = Waker::from(Arc::new(Dropping));
    let mut context = Context::from_waker(&waker);
    let mut stream = Pin::new(stream);
    if matches!(doing, Doing::Writing | Doing::Both | Doing::Closing) {
        while stream.as_mut().poll_write(&mut context, &[7; 100_000]).is_ready() {}
    }
    if matches!(doing, Doing::Reading | Doing::Both) {
        assert!(stream.as_mut().poll_read(&mut context, &mut [0; 9]).is_pending());
    }
    if doing == Doing::Closing {
        let _ = stream.as_mut().poll_close(&mut context);
    }
}

/// Waits until the other end notices, and looks for what is left.
fn check(reactor: &Reactor, sources: usize, mut other: impl Bytes) {
    let heard = reactor.spawn(async move {
        let mut part = vec![0; 1 << 16];
        while other.read(&mut part).await? > 0 {}
        Ok(())
    });
    // The end, or a reset.
    let _ = result_of(reactor, heard);
    turn_until(reactor, || reactor.stats().sources == sources);
}

fn each_way<S: Bytes>(connect: fn(&Reactor) -> (S, S)) {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        for doing in ALL {
            // From outside of everything.
            let (mut stream, other) = connect(&reactor);
            begin(doing, &mut stream);
            drop(stream);
            check(&reactor, 0, other);

            // From inside of the loop, later.
            let (mut stream, other) = connect(&reactor);
            begin(doing, &mut stream);
            turn_a_little(&reactor);
            reactor.call_soon(move |_| drop(stream));
            turn_a_little(&reactor);
            check(&reactor, 0, other);

            // From inside of what another connection is told.
            let (mut stream, other) = connect(&reactor);
            begin(doing, &mut stream);
            let log = EventLog::new();
            let mut stream = Some(stream);
            let mut bystander =
                pair(&reactor, Probe::new(&log).data(move |_, _| drop(stream.take())));
            bystander.peer.write_all(b"x").unwrap();
            turn_until(&reactor, || log.len() == 2);
            check(&reactor, 2, other);
            drop(bystander);
            turn_until(&reactor, || reactor.stats().sources == 0);
        }
        // From inside of its own waker.
        for doing in [Doing::Reading, Doing::Writing, Doing::Both, Doing::Closing] {
            for keeps_clone in [false, true] {
                DROPS.set(0);
                let (mut stream, mut other) = connect(&reactor);
                begin(doing, &mut stream);
                let clone = keeps_clone.then(|| stream.clone());
                hold(stream);
                // Something to read, and room.
                let waker = Waker::noop();
                let mut context = Context::from_waker(waker);
                let _ = Pin::new(&mut other).poll_write(&mut context, b"x");
                turn_until(&reactor, || {
                    let mut part = vec![0; 1 << 16];
                    let read = Pin::new(&mut other).poll_read(&mut context, &mut part);
                    // Until it has a reason to be woken, or has ended anyway.
                    DROPS.get() == 1 || matches!(read, Poll::Ready(Err(_) | Ok(0)))
                });
                // One that is closed waits for room only if it is encrypted.
                assert!(DROPS.get() == 1 || doing == Doing::Closing, "{doing:?}");
                drop_held();
                drop(clone);
                check(&reactor, 0, other);
            }
        }
        // No timer, and no place among the connections that a stop would close.
        assert_eq!(reactor.stats().pending_timers, 0);
        reactor.stop();
        assert_eq!(NetReport::of(&reactor.run().unwrap()), NetReport::default());
    });
}

#[test]
fn i5_a_tcp_stream_may_be_dropped_anywhere() {
    each_way(both);
}

#[cfg(feature = "tls")]
#[test]
fn i5_an_encrypted_stream_may_be_dropped_anywhere() {
    each_way(super::secure::secured);
}

#[cfg(unix)]
#[test]
fn i5_a_unix_stream_may_be_dropped_anywhere() {
    use super::run;
    use crate::unix::Directory;
    use ropewalk_net::{UnixListener, UnixStream};
    each_way(|reactor| {
        let directory = Directory::new();
        let port = UnixListener::bind(reactor, directory.path("a.sock")).unwrap();
        let connecting = UnixStream::connect(reactor, port.local_addr());
        run(reactor, async move { Ok((port.accept().await?.0, connecting.await?)) })
    });
}

/// A waker that is a bug, where it is woken or where it is dropped.
struct Bad {
    wake: bool,
    drop: bool,
}

impl Bad {
    fn waker(wake: bool, drop: bool) -> Waker {
        Waker::from(Arc::new(Self { wake, drop }))
    }
}

impl Wake for Bad {
    fn wake(self: Arc<Self>) {
        assert!(!self.wake, "a bug in a wake-up");
    }
}

impl Drop for Bad {
    fn drop(&mut self) {
        assert!(!self.drop, "a bug in the drop of a waker");
    }
}

fn wait_to_read(stream: &TcpStream, waker: Waker) {
    let mut context = Context::from_waker(&waker);
    assert!(Pin::new(&mut &*stream).poll_read(&mut context, &mut [0; 9]).is_pending());
}

fn wait_to_write(stream: &TcpStream, waker: Waker) {
    let mut context = Context::from_waker(&waker);
    while Pin::new(&mut &*stream).poll_write(&mut context, &[7; 100_000]).is_ready() {}
}

/// Who waits beside somebody whose waker is a bug is not forgotten.
#[test]
fn i3_a_waker_that_panics_keeps_no_other_from_being_woken() {
    within(DEADLINE, || {
        for is_reader in [true, false] {
            let reactor = Reactor::new().unwrap();
            let (stream, _other) = both(&reactor);
            let count = Arc::<Count>::default();
            let (bad, good) = (Bad::waker(true, false), Waker::from(Arc::clone(&count)));
            let (reader, writer) = if is_reader { (bad, good) } else { (good, bad) };
            wait_to_read(&stream, reader);
            wait_to_write(&stream, writer);
            stream.abort();
            turn_until(&reactor, || reactor.stats().sources == 1);
            assert_eq!((count.get(), reactor.stats().panics), (1, 1));
        }
    });
}

#[test]
fn i3_a_waker_that_panics_keeps_nobody_from_being_accepted() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let port = listener(&reactor);
        let count = Arc::<Count>::default();
        let (bad, good) = (Bad::waker(true, false), Waker::from(Arc::clone(&count)));
        let (mut first, mut second) = (Box::pin(port.accept()), Box::pin(port.accept()));
        assert!(first.as_mut().poll(&mut Context::from_waker(&bad)).is_pending());
        assert!(second.as_mut().poll(&mut Context::from_waker(&good)).is_pending());
        let _peer = std::net::TcpStream::connect(port.local_addr()).unwrap();
        turn_until(&reactor, || reactor.stats().panics == 1);
        assert_eq!(count.get(), 1);

        // And when the port is closed.
        let (bad, good) = (Bad::waker(true, false), Waker::from(Arc::clone(&count)));
        let (mut third, mut fourth) = (Box::pin(port.accept()), Box::pin(port.accept()));
        let _ = third.as_mut().poll(&mut Context::from_waker(&bad));
        assert!(fourth.as_mut().poll(&mut Context::from_waker(&good)).is_pending());
        let before = count.get();
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(count.get(), before + 1);
    });
}

/// Two panics at once would end the process.
#[test]
fn i3_wakers_whose_drop_panics_do_no_harm_to_a_task_that_panics() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (stream, other) = both(&reactor);
        wait_to_read(&stream, Bad::waker(false, true));
        wait_to_write(&stream, Bad::waker(false, true));
        let payload = catch_unwind(AssertUnwindSafe(|| {
            let _stream = stream;
            panic!("a bug in a task");
        }));
        assert_eq!(payload.unwrap_err().downcast_ref::<&str>(), Some(&"a bug in a task"));
        check(&reactor, 0, other);
    });
}
