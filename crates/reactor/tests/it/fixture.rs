//! What several topics need: threads, sockets, counted drops, a log of what ran, the log of tracing.

use ropewalk_reactor::Reactor;
use ropewalk_testing::{LogLines, capture_tracing};
use std::cell::RefCell;
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, JoinHandle};

/// A foreign thread.
pub(crate) fn foreign<T: Send + 'static>(
    body: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    Builder::new().name("foreign".to_owned()).spawn(body).unwrap()
}

/// Both ends of a connection; neither blocks.
pub(crate) fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    for end in [&server, &client] {
        end.set_nonblocking(true).unwrap();
        end.set_nodelay(true).unwrap();
    }
    (server, client)
}

/// A regular file, wherever a test runs.
pub(crate) const A_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");

/// How many descriptors a test may use that would like to have so many.
#[cfg(unix)]
pub(crate) fn descriptors(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    // What all other tests of this process may need meanwhile.
    const OTHERS: u64 = 9_000;
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Refused or not, what counts is what is allowed after it.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let room = allowed.saturating_sub(OTHERS).max(allowed / 4);
    usize::try_from(room).unwrap_or(usize::MAX).min(wanted)
}

#[cfg(not(unix))]
pub(crate) fn descriptors(wanted: usize) -> usize {
    wanted
}

/// Counts how many of its [`Payload`]s were dropped.
#[derive(Clone, Default)]
pub(crate) struct Drops(Arc<AtomicUsize>);

impl Drops {
    pub(crate) fn payload(&self) -> Payload {
        Payload(Arc::clone(&self.0))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Something for a closure to capture.
pub(crate) struct Payload(Arc<AtomicUsize>);

impl Drop for Payload {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Runs code when it is dropped.
pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// What ran, in order.
#[derive(Clone, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub(crate) fn add(&self, entry: impl Into<String>) {
        self.0.borrow_mut().push(entry.into());
    }

    /// A callback that adds `entry`.
    pub(crate) fn adds(&self, entry: &str) -> impl FnOnce(&Reactor) + use<> {
        let (log, entry) = (self.clone(), entry.to_owned());
        move |_| log.add(entry)
    }

    /// The entries, joined by blanks.
    pub(crate) fn text(&self) -> String {
        self.0.borrow().join(" ")
    }
}

/// What the code reports to `tracing` on this thread.
pub(crate) fn reported(code: impl FnOnce()) -> String {
    // It leaves a second subscriber behind. With one alone, a thread of another test that logs first
    // from some place would have that place count as unwanted.
    capture_tracing(|| ());
    let lines = LogLines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG);
    let subscriber = subscriber.with_ansi(false).with_writer(move || writer.clone());
    tracing::subscriber::with_default(subscriber.finish(), code);
    lines.text()
}

/// Runs `reactor` until it stops, and stops it after what is due now.
pub(crate) fn run_briefly(reactor: &Reactor) {
    reactor.call_soon(Reactor::stop);
    reactor.run().unwrap();
}
