//! Handlers, which belong to the whole process, and what a signal does without them.
//!
//! signal-hook never takes its handler out of the process again. It calls the one that was there
//! before its own, but a signal that had none, and that its last listener has left, would do nothing
//! from then on: nobody could end the process with a SIGTERM any more. So whoever listens to a signal
//! first looks at what it does at that time. If that is the default action, an action stands beside
//! the handlers for ever, and does what the default one would as long as no handler is there.
//!
//! **Lock rule:** under the lock things are counted and handed to signal-hook; no user code runs.

use signal_hook::SigId;
use signal_hook::consts::FORBIDDEN;
use signal_hook::{flag, low_level};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Every signal that was ever listened to.
static SIGNALS: Mutex<BTreeMap<i32, Listened>> = Mutex::new(BTreeMap::new());

struct Listened {
    handlers: usize,
    /// The signal does what it does by default: nobody listens. Nothing looks at it if the signal
    /// did something else in the beginning.
    is_default: Arc<AtomicBool>,
}

impl Listened {
    fn new(signal: i32) -> io::Result<Self> {
        let is_default = Arc::new(AtomicBool::new(true));
        if does_the_default(signal)? {
            let stand_in = flag::register_conditional_default(signal, Arc::clone(&is_default));
            // It does not know this signal; then the system ends the process at it, most likely,
            // and a shell would say so with this number.
            stand_in.or_else(|_| {
                let ends = signal.saturating_add(128);
                flag::register_conditional_shutdown(signal, ends, Arc::clone(&is_default))
            })?;
        }
        Ok(Self { handlers: 0, is_default })
    }
}

fn signals() -> MutexGuard<'static, BTreeMap<i32, Listened>> {
    SIGNALS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A handler that writes a byte into each of its pipes; out of use again when it is dropped.
pub(super) struct Handler {
    signal: i32,
    ids: Vec<SigId>,
    counted: bool,
}

impl Handler {
    pub(super) fn install(
        signal: i32,
        pipes: impl IntoIterator<Item = UnixStream>,
    ) -> io::Result<Self> {
        if FORBIDDEN.contains(&signal) {
            // The library panics at these.
            let reason = "the system lets nobody catch it, or no program can go on after it";
            return Err(refused(signal, io::ErrorKind::InvalidInput, reason));
        }
        Self::try_install(signal, pipes)
            .map_err(|error| refused(signal, error.kind(), &error.to_string()))
    }

    fn try_install(signal: i32, pipes: impl IntoIterator<Item = UnixStream>) -> io::Result<Self> {
        // First of all: what the signal does can be seen only as long as nothing is installed.
        if let Entry::Vacant(unheard) = signals().entry(signal) {
            unheard.insert(Listened::new(signal)?);
        }
        let mut handler = Self { signal, ids: Vec::new(), counted: false };
        for pipe in pipes {
            handler.ids.push(low_level::pipe::register(signal, pipe)?);
        }
        // Until here, and again from where the last one goes, it does the default: so there is no
        // moment at which it does nothing.
        handler.count(true);
        Ok(handler)
    }

    fn count(&mut self, comes: bool) {
        let mut signals = signals();
        if let Some(listened) = signals.get_mut(&self.signal) {
            listened.handlers = if comes { listened.handlers + 1 } else { listened.handlers - 1 };
            listened.is_default.store(listened.handlers == 0, Ordering::SeqCst);
        }
        self.counted = comes;
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        if self.counted {
            self.count(false);
        }
        self.ids.drain(..).for_each(|id| {
            low_level::unregister(id);
        });
    }
}

fn refused(signal: i32, kind: io::ErrorKind, reason: &str) -> io::Error {
    io::Error::new(kind, format!("{} cannot be listened for: {reason}", Name(signal)))
}

/// How a signal is shown.
pub(super) struct Name(pub(super) i32);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match low_level::signal_name(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "signal {}", self.0),
        }
    }
}

/// Whether a signal is neither ignored nor handled. Where the system does not show that in a file,
/// it is taken to be so, as it nearly always is. A file that is there and cannot be read now, with no
/// descriptor left, is no answer: whoever took it for one would keep it for ever.
fn does_the_default(signal: i32) -> io::Result<bool> {
    match fs::read_to_string("/proc/self/status") {
        Ok(status) => Ok(is_default_in(&status, signal)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

fn is_default_in(status: &str, signal: i32) -> bool {
    let is_in = |set: &str| {
        let bits = status.lines().find_map(|line| line.strip_prefix(set));
        let bits = bits.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0);
        let bit = u32::try_from(signal).ok().and_then(|signal| signal.checked_sub(1));
        bit.and_then(|bit| bits.checked_shr(bit)).is_some_and(|bits| bits & 1 == 1)
    };
    !is_in("SigIgn:") && !is_in("SigCgt:")
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::is_default_in;

    #[test]
    fn what_a_signal_does_is_read_from_two_sets_of_bits() {
        let status = "Name:\tx\nSigBlk:\t0000000000004000\nSigIgn:\t0000000000001000\n\
                      SigCgt:\t8000000000000002\n";
        let others: Vec<i32> = (-1..=70).filter(|&signal| !is_default_in(status, signal)).collect();
        assert_eq!(others, [2, 13, 64], "caught, ignored, caught");
        assert!(is_default_in("", 2), "a system that does not say");
    }
}
