//! The watchdog: ends the process when a thread of ours has been in one call for too long.
//!
//! A pool that hangs would say nothing. So the watchdog prints who waits where, what the pool says
//! of itself (on a thread of its own, for that may hang as well), and what is known without it.

use std::fmt;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::round::Round;

/// So long may any call take, on a machine that is busy with other things as well.
const LIMIT: Duration = Duration::from_secs(25);

const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Where a thread is.
#[derive(Debug, Default)]
pub(crate) struct Post(Mutex<Option<(&'static str, Instant)>>);

impl Post {
    pub(crate) fn is_at(&self, call: &'static str) {
        *lock(&self.0) = Some((call, Instant::now()));
    }

    pub(crate) fn is_off(&self) {
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

/// Watches one round; dropped, it stops.
pub(crate) struct Watchdog {
    _alive: Sender<()>,
}

impl Watchdog {
    /// Watches `posts` for as long as the value is kept.
    pub(crate) fn new(round: &Arc<Round>, posts: &Arc<Vec<Post>>) -> std::io::Result<Self> {
        let (alive, is_alive) = channel();
        let (round, posts) = (Arc::clone(round), Arc::clone(posts));
        let watch = move || {
            while is_alive.recv_timeout(LOOK_AGAIN) == Err(RecvTimeoutError::Timeout) {
                if posts.iter().any(Post::is_late) {
                    bark(&round, &posts);
                }
            }
        };
        thread::Builder::new().name("soak-watchdog".to_owned()).spawn(watch)?;
        Ok(Self { _alive: alive })
    }
}

/// Says what there is to say, and ends the process.
fn bark(round: &Arc<Round>, posts: &[Post]) -> ! {
    eprintln!("soak: no answer for {LIMIT:?} in the round of seed {}", round.plan.seed);
    for (number, post) in posts.iter().enumerate() {
        eprintln!("  thread {number}: {post}");
    }
    for complaint in round.complaints() {
        eprintln!("  {complaint}");
    }
    let (sender, receiver) = channel();
    let asked = Arc::clone(round);
    let ask = move || {
        let pool = asked.pool();
        let _ = sender.send(pool.map(|pool| format!("{pool:?}\n{}", pool.report())));
    };
    let spawned = thread::Builder::new().name("soak-report".to_owned()).spawn(ask);
    match spawned.map(|_| receiver.recv_timeout(Duration::from_secs(5))) {
        Ok(Ok(Some(report))) => eprintln!("{report}"),
        Ok(Ok(None)) => eprintln!("the handle of the pool is gone"),
        _ => eprintln!("the pool does not say anything of itself"),
    }
    eprintln!("{}", round.state_of_things());
    eprintln!("soak: repeat with the seed {}", round.plan.seed);
    std::process::abort();
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
