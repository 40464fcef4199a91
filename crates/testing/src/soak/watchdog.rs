//! The watchdog: tells when a thread of ours has been in one call for too long.
//!
//! What hangs would say nothing. So each thread says where it is, and a thread of its own looks
//! after them.

use std::fmt;
use std::io;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// So long may any call take, on a machine that is busy with other things as well.
const LIMIT: Duration = Duration::from_secs(25);

const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Where a thread is.
#[derive(Debug, Default)]
pub struct Post(Mutex<Option<(&'static str, Instant)>>);

impl Post {
    /// It enters this call.
    pub fn is_at(&self, call: &'static str) {
        *lock(&self.0) = Some((call, Instant::now()));
    }

    /// It has left them all.
    pub fn is_off(&self) {
        *lock(&self.0) = None;
    }

    fn is_late(&self) -> bool {
        lock(&self.0).is_some_and(|(_, since)| since.elapsed() > LIMIT)
    }
}

impl fmt::Display for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = *lock(&self.0);
        match at {
            Some((call, since)) => write!(f, "in {call} for {:.1?}", since.elapsed()),
            None => write!(f, "done"),
        }
    }
}

/// Watches some threads; dropped, it stops.
#[derive(Debug)]
#[must_use = "dropped, it watches no more"]
pub struct Watchdog {
    _alive: Sender<()>,
}

impl Watchdog {
    /// Prints where each of `posts` is as soon as one is late, has `last_words` called, and aborts
    /// the process.
    ///
    /// # Errors
    ///
    /// The system refuses the thread.
    pub fn new(
        posts: &Arc<Vec<Post>>,
        last_words: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        let (alive, is_alive) = channel();
        let posts = Arc::clone(posts);
        let watch = move || {
            while is_alive.recv_timeout(LOOK_AGAIN) == Err(RecvTimeoutError::Timeout) {
                if posts.iter().any(Post::is_late) {
                    return bark(&posts, last_words);
                }
            }
        };
        thread::Builder::new().name("soak-watchdog".to_owned()).spawn(watch)?;
        Ok(Self { _alive: alive })
    }
}

#[expect(clippy::print_stderr, reason = "a part of programs for the terminal")]
fn bark(posts: &[Post], last_words: impl FnOnce()) {
    eprintln!("soak: no answer for {LIMIT:?}");
    for (number, post) in posts.iter().enumerate() {
        eprintln!("  thread {number}: {post}");
    }
    last_words();
    std::process::abort();
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
