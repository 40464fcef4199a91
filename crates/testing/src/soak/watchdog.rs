//! The watchdog: tells when a thread of ours has been in one call for too long.
//!
//! What hangs would say nothing. So each thread says where it is, and a thread of its own looks
//! after them.

use std::fmt;
use std::io;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::lock::lock;

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
    posts: Arc<Vec<Post>>,
    _alive: Sender<()>,
}

impl Watchdog {
    /// Watches as many threads, in the round of `seed`.
    ///
    /// As soon as one of them is late, it prints where each is, has `last_words` called, and aborts
    /// the process.
    ///
    /// # Errors
    ///
    /// The system refuses the thread.
    pub fn new(
        seed: u64,
        threads: usize,
        last_words: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        let (alive, is_alive) = channel();
        let posts: Arc<Vec<Post>> = Arc::new((0..threads).map(|_| Post::default()).collect());
        let watched = Arc::clone(&posts);
        let watch = move || {
            while is_alive.recv_timeout(LOOK_AGAIN) == Err(RecvTimeoutError::Timeout) {
                if watched.iter().any(Post::is_late) {
                    bark(seed, &watched, last_words);
                }
            }
        };
        thread::Builder::new().name("soak-watchdog".to_owned()).spawn(watch)?;
        Ok(Self { posts, _alive: alive })
    }

    /// Where each thread is.
    #[must_use]
    pub fn posts(&self) -> &[Post] {
        &self.posts
    }
}

#[expect(clippy::print_stderr, reason = "a part of programs for the terminal")]
fn bark(seed: u64, posts: &[Post], last_words: impl FnOnce()) -> ! {
    eprintln!("soak: no answer for {LIMIT:?}");
    for (number, post) in posts.iter().enumerate() {
        eprintln!("  thread {number}: {post}");
    }
    last_words();
    eprintln!("soak: repeat with the seed {seed}");
    std::process::abort();
}
