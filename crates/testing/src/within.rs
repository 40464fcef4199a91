//! A deadline for code that could hang.
//!
//! The code runs on the caller's own thread, so that thread-bound values may be used freely; a
//! watchdog thread ends the process if the deadline passes, because a hung thread cannot be
//! stopped from outside and a harness that waits for it says nothing.

use std::io::Write as _;
use std::panic::Location;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// A deadline that no healthy test of this workspace comes near, for use with [`within`].
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Runs `body` on this thread; if it has not returned after `limit`, says where it was called and
/// aborts the process.
///
/// A panic of `body` goes to the caller as if `within` were not there.
///
/// # Threads
///
/// Any thread. One watchdog thread lives for the time of the call.
///
/// # Panics
///
/// If the operating system refuses the watchdog thread.
///
/// # Examples
///
/// ```
/// use ropewalk_testing::{DEADLINE, within};
///
/// let (sender, receiver) = std::sync::mpsc::channel();
/// sender.send(3).unwrap();
/// assert_eq!(within(DEADLINE, || receiver.recv().unwrap()), 3);
/// ```
///
/// Twisted: trial's `TestCase.timeout`.
#[track_caller]
pub fn within<T>(limit: Duration, body: impl FnOnce() -> T) -> T {
    let location = Location::caller();
    let test = thread::current().name().unwrap_or("unnamed").to_owned();
    // Dropping `_finished`, on return or while unwinding, is what ends the watchdog.
    let (_finished, watched) = channel::<()>();
    let watchdog = thread::Builder::new().name("within-watchdog".to_owned()).spawn(move || {
        if watched.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            // Not `eprintln!`: the harness would capture it, and the process is about to end.
            let _ = writeln!(
                std::io::stderr(),
                "thread '{test}' is still inside within({limit:?}) at {location}: aborting"
            );
            std::process::abort();
        }
    });
    assert!(watchdog.is_ok(), "no thread for the watchdog: {watchdog:?}");
    body()
}

#[cfg(test)]
mod tests {
    use super::{DEADLINE, within};
    use std::panic::catch_unwind;

    #[test]
    fn gives_the_value_back() {
        assert_eq!(within(DEADLINE, || 7), 7);
    }

    #[test]
    fn lets_a_panic_through() {
        let panic = catch_unwind(|| within(DEADLINE, || panic!("as it was"))).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"as it was"));
    }
}
