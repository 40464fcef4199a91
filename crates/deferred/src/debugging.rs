//! The debug mode: what is remembered for people and costs too much to be remembered always.
//!
//! Places in the source are known in any case, since they cost a word each. With the mode on, a
//! chain also knows the call stacks that made and fired it and can be found in the list of those
//! that are alive; and a contained panic tells where it happened. All of it lies in one box that a
//! chain made without the mode does not have, so that turning the mode on or off in between harms
//! nobody.
//!
//! **Borrow rule:** the list is borrowed to add, remove or copy entries; no user code runs then.

use crate::chain::{Chain, ChainRef, Place, Stage};
use crate::stretch::AnyStretch;
use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicBool, Ordering};

static ON: AtomicBool = AtomicBool::new(false);

thread_local! {
    static LIVE: RefCell<Live> = const { RefCell::new(Live { next: 0, chains: BTreeMap::new() }) };
}

struct Live {
    next: u64,
    /// In order of creation.
    chains: BTreeMap<u64, Weak<Chain<dyn AnyStretch>>>,
}

/// What a chain remembers in debug mode.
pub(crate) struct Traces {
    key: u64,
    pub(crate) created: Backtrace,
    pub(crate) fired: Option<Backtrace>,
}

/// Turns the debug mode of the whole process on or off.
///
/// While it is on,
///
/// - each deferred remembers the call stack that made it and the one that fired it, which
///   [`Unhandled`](crate::Unhandled) tells;
/// - [`live_deferreds`] lists those made in this mode that still exist;
/// - a contained panic remembers where it happened, with its call stack: see
///   [`Panicked`](crate::Panicked). For that a panic hook is installed, once, in front of the one
///   that there was, which it calls. (A thread that is panicking itself cannot install it.)
///
/// What was made before keeps what it knows, and knows no more. A call stack costs microseconds;
/// the mode is for finding a mistake, not for production.
///
/// # Threads
///
/// Any thread; holds for all.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::{Deferred, set_debugging, set_unhandled_hook};
///
/// set_debugging(true);
/// set_unhandled_hook(|unhandled| {
///     eprintln!("{:#}", unhandled.failure());
///     eprintln!("made by\n{}", unhandled.created_backtrace().expect("debugging"));
/// });
/// let (promise, deferred) = Deferred::<u32>::new();
/// promise.errback(std::fmt::Error);
/// drop(deferred);
/// # set_debugging(false);
/// ```
///
/// Twisted: `setDebugging`.
#[doc(alias = "setDebugging")]
pub fn set_debugging(on: bool) {
    if on {
        crate::panics::remember();
    }
    ON.store(on, Ordering::Relaxed);
}

/// Whether the debug mode is on.
///
/// # Threads
///
/// Any thread.
///
/// # Examples
///
/// ```
/// assert!(!ropewalk_deferred::debugging());
/// ```
///
/// Twisted: `getDebugging`.
#[doc(alias = "getDebugging")]
#[inline]
#[must_use]
pub fn debugging() -> bool {
    ON.load(Ordering::Relaxed)
}

/// The deferreds of this thread that were made in debug mode and still exist, oldest first.
///
/// For the question what a program still waits for, or holds and has never looked at: a failure in
/// a deferred that is neither dropped nor looked at is reported to nobody, and here it is seen.
/// Empty unless the mode is or was [on](set_debugging).
///
/// # Threads
///
/// Any thread; those made on it.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::{Deferred, live_deferreds, set_debugging};
///
/// set_debugging(true);
/// let (promise, deferred) = Deferred::<u32>::new();
/// for one in live_deferreds() {
///     println!("{one}"); // created src/main.rs:5:27, waits to be fired
///     assert!(!one.has_failed());
/// }
/// # promise.callback(7);
/// # drop(deferred);
/// # assert!(live_deferreds().is_empty());
/// # set_debugging(false);
/// ```
#[must_use]
pub fn live_deferreds() -> Vec<LiveDeferred> {
    let chains: Vec<ChainRef> = LIVE
        .try_with(|live| live.borrow().chains.values().filter_map(Weak::upgrade).collect())
        .unwrap_or_default();
    chains.iter().filter(|chain| chain.stage.get() != Stage::Done).map(LiveDeferred::of).collect()
}

/// One of [`live_deferreds`]: where it comes from, and what it waits for.
#[derive(Clone, Debug)]
pub struct LiveDeferred {
    created: Place,
    fired: Option<Place>,
    stage: Stage,
    waits_for: Vec<Place>,
    failed: bool,
}

impl LiveDeferred {
    fn of(chain: &ChainRef) -> Self {
        Self {
            created: chain.created,
            fired: chain.fired.get(),
            stage: chain.stage.get(),
            waits_for: chain.waits_for(),
            failed: chain.stage.get() == Stage::Settled && chain.has_failed(),
        }
    }

    /// Where it was created.
    #[must_use]
    pub fn created(&self) -> Place {
        self.created
    }

    /// Where its promise was fired, if it was.
    #[must_use]
    pub fn fired(&self) -> Option<Place> {
        self.fired
    }

    /// Whether it holds a failure that nobody has looked at yet.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed
    }
}

impl fmt::Display for LiveDeferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "created {}", self.created)?;
        if let Some(fired) = self.fired {
            write!(f, ", fired {fired}")?;
        }
        match self.stage {
            Stage::Unfired if self.waits_for.is_empty() => f.write_str(", waits to be fired")?,
            Stage::Settled if self.failed => f.write_str(", holds a failure")?,
            Stage::Settled | Stage::Done => f.write_str(", has its result")?,
            Stage::Running => f.write_str(", is running its callbacks")?,
            Stage::Unfired | Stage::Waiting => {}
        }
        for place in &self.waits_for {
            write!(f, ", waiting on one created {place}")?;
        }
        Ok(())
    }
}

/// Has a chain that was just made remember what debugging wants.
#[cold]
pub(crate) fn watch(chain: &ChainRef) {
    let key = LIVE.try_with(|live| {
        let mut live = live.borrow_mut();
        let key = live.next;
        live.next += 1;
        live.chains.insert(key, Rc::downgrade(chain));
        key
    });
    // An ending thread has no list any more.
    let key = key.unwrap_or(u64::MAX);
    let traces = Traces { key, created: Backtrace::force_capture(), fired: None };
    chain.traces.set(Some(Box::new(traces)));
}

/// Has it remember that it is being fired.
#[cold]
pub(crate) fn fired(chain: &Chain<impl AnyStretch + ?Sized>) {
    if let Some(mut traces) = chain.traces.take() {
        traces.fired = Some(Backtrace::force_capture());
        chain.traces.set(Some(traces));
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        let _ = LIVE.try_with(|live| live.borrow_mut().chains.remove(&self.key));
    }
}
