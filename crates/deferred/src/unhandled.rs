//! Failures that nobody handled: reported once, at the moment when that becomes certain.
//!
//! That moment is the drop of the deferred which holds the failure, or, if it was dropped before,
//! the end of its chain. Who hears of it is written down at [`Unhandled`], and decided in
//! [`tell`]. This crate knows no reactor: the crate that does lends it a router.
//!
//! **Borrow and lock rule:** a hook is called, and dropped, with nothing borrowed and no lock held.

use crate::chain::Place;
use crate::debugging::Traces;
use crate::{Abandoned, Cancelled, Failure, panics};
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::mem::replace;
use std::panic::Location;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

type Hook = Rc<dyn Fn(Unhandled)>;
type GlobalHook = Arc<dyn Fn(Unhandled) + Send + Sync>;
type Router = fn(Unhandled) -> Option<Unhandled>;

thread_local! {
    static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
    static REPORTING: Cell<bool> = const { Cell::new(false) };
}

static GLOBAL: Mutex<Option<GlobalHook>> = Mutex::new(None);
static ROUTER: OnceLock<Router> = OnceLock::new();

/// A failure that reached the end of its chain with nobody to handle it.
///
/// It is given to the first of these that is set, at once, on the thread of its deferred:
///
/// 1. the hook of the reactor that runs, or is being dropped, on this thread (`set_unhandled_hook`
///    of `ReactorTask`, in the crate `task`);
/// 2. the hook of the thread ([`set_unhandled_hook`]);
/// 3. the hook of the process ([`set_global_unhandled_hook`]);
/// 4. `tracing`, as one error with the failure's chain of causes and the place of creation.
///
/// A hook may do anything: drop, fire and cancel deferreds, replace or clear itself or another. A
/// failure that goes unhandled while one runs goes to `tracing`, so that no hook calls itself. Its
/// panic is one `tracing` error with the place of creation, and goes no further.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::{Deferred, TimedOut, clear_unhandled_hook, set_unhandled_hook};
/// use std::{cell::Cell, rc::Rc};
///
/// let last = Rc::new(Cell::new(None));
/// let seen = Rc::clone(&last);
/// set_unhandled_hook(move |unhandled| {
///     eprintln!("{}: {:#}", unhandled.created(), unhandled.failure());
///     seen.set(Some(unhandled));
/// });
/// drop(Deferred::<()>::fail(TimedOut));
///
/// let unhandled = last.take().unwrap();
/// assert!(unhandled.failure().is::<TimedOut>());
/// assert_eq!(unhandled.created().file(), file!());
/// # clear_unhandled_hook();
/// ```
pub struct Unhandled {
    failure: Failure,
    origin: Origin,
}

/// Where the chain of a failure comes from.
pub(crate) struct Origin {
    pub(crate) created: Place,
    pub(crate) fired: Option<Place>,
    /// Nothing was ever attached to it.
    pub(crate) bare: bool,
    /// Whoever had its end has dropped it to cancel it.
    pub(crate) given_up: bool,
    pub(crate) traces: Option<Box<Traces>>,
}

impl Origin {
    pub(crate) fn of(created: Place) -> Self {
        Self { created, fired: None, bare: false, given_up: false, traces: None }
    }

    /// Whether `failure` tells nobody anything: a promise was dropped and nobody had attached
    /// anything, or a chain was cancelled by whoever had it.
    fn expects(&self, failure: &Failure) -> bool {
        self.bare && failure.is::<Abandoned>() || self.given_up && failure.is::<Cancelled>()
    }
}

impl Unhandled {
    /// The failure.
    #[must_use]
    pub fn failure(&self) -> &Failure {
        &self.failure
    }

    /// The failure, to keep.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        self.failure
    }

    /// Where the [`Deferred`](crate::Deferred) was created.
    #[must_use]
    pub fn created(&self) -> &'static Location<'static> {
        self.origin.created
    }

    /// Where its [`Promise`](crate::Promise) was fired, as far as that is still known: a deferred
    /// that had its failure from the start was never fired, nor was one whose promise was dropped
    /// or that was cancelled.
    #[must_use]
    pub fn fired(&self) -> Option<&'static Location<'static>> {
        self.origin.fired
    }

    /// The call stack that created it, if [debugging](crate::set_debugging) was on.
    #[must_use]
    pub fn created_backtrace(&self) -> Option<&Backtrace> {
        self.origin.traces.as_ref().map(|traces| &traces.created)
    }

    /// The call stack that fired it, or dropped its promise, if
    /// [debugging](crate::set_debugging) was on.
    #[must_use]
    pub fn fired_backtrace(&self) -> Option<&Backtrace> {
        self.origin.traces.as_ref().and_then(|traces| traces.fired.as_ref())
    }
}

impl Unhandled {
    /// What happens if there is no hook.
    fn log(self) {
        let Origin { created, fired, traces, .. } = self.origin;
        let (fired, failure) = (fired.map(tracing::field::display), self.failure);
        match traces {
            None => {
                tracing::error!(%created, fired, "unhandled failure in a deferred: {failure:#}");
            }
            Some(traces) => {
                let stack = traces.fired.as_ref().map(tracing::field::display);
                tracing::error!(
                    %created,
                    fired,
                    created_by = %traces.created,
                    fired_by = stack,
                    "unhandled failure in a deferred: {failure:#}"
                );
            }
        }
    }
}

impl fmt::Debug for Unhandled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unhandled")
            .field("failure", &self.failure)
            .field("created", &format_args!("{}", self.origin.created))
            .finish_non_exhaustive()
    }
}

/// Has `hook` called for each unhandled failure on this thread.
///
/// A hook set before is replaced. Who hears of a failure is told at [`Unhandled`].
///
/// # Threads
///
/// Any thread; holds for that thread, since a deferred never leaves the one it was made on.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::{Deferred, clear_unhandled_hook, set_unhandled_hook};
/// use std::{cell::Cell, rc::Rc};
///
/// let count = Rc::new(Cell::new(0));
/// let seen = Rc::clone(&count);
/// set_unhandled_hook(move |_| seen.set(seen.get() + 1));
/// Deferred::<()>::fail(std::fmt::Error).detach();
/// assert_eq!(count.get(), 1);
/// # clear_unhandled_hook();
/// ```
pub fn set_unhandled_hook(hook: impl Fn(Unhandled) + 'static) {
    replace_local(Some(Rc::new(hook)));
}

/// Takes back what [`set_unhandled_hook`] has set on this thread.
///
/// # Threads
///
/// Any thread; holds for that thread.
///
/// # Examples
///
/// ```
/// ropewalk_deferred::clear_unhandled_hook();
/// ```
pub fn clear_unhandled_hook() {
    replace_local(None);
}

fn replace_local(hook: Option<Hook>) {
    // An ending thread has no hook any more and can get none.
    let old = HOOK.try_with(|cell| cell.replace(hook));
    drop(old);
}

/// Has `hook` called for each unhandled failure of the process, on whatever thread it happens,
/// unless that thread or its reactor has a hook of its own.
///
/// A hook set before is replaced. Who hears of a failure is told at [`Unhandled`].
///
/// # Threads
///
/// Any thread. The hook may be called on several at once.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::{Deferred, clear_global_unhandled_hook, set_global_unhandled_hook};
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// static COUNT: AtomicU32 = AtomicU32::new(0);
/// set_global_unhandled_hook(|_| {
///     COUNT.fetch_add(1, Ordering::Relaxed);
/// });
/// std::thread::spawn(|| Deferred::<()>::fail(std::fmt::Error).detach()).join().unwrap();
/// assert_eq!(COUNT.load(Ordering::Relaxed), 1);
/// # clear_global_unhandled_hook();
/// ```
pub fn set_global_unhandled_hook(hook: impl Fn(Unhandled) + Send + Sync + 'static) {
    replace_global(Some(Arc::new(hook)));
}

/// Takes back what [`set_global_unhandled_hook`] has set.
///
/// # Threads
///
/// Any thread. A call of the hook that is under way on another one may still be when this returns.
///
/// # Examples
///
/// ```
/// ropewalk_deferred::clear_global_unhandled_hook();
/// ```
pub fn clear_global_unhandled_hook() {
    replace_global(None);
}

fn replace_global(hook: Option<GlobalHook>) {
    // Dropped in a statement of its own: after the lock.
    let old = replace(&mut *global(), hook);
    drop(old);
}

fn global() -> MutexGuard<'static, Option<GlobalHook>> {
    GLOBAL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has `router` asked first; what it gives back goes on to the hook of the thread. The first one
/// stays. For the crate that gives reactors hooks.
#[doc(hidden)]
pub fn route_unhandled(router: fn(Unhandled) -> Option<Unhandled>) {
    let _ = ROUTER.set(router);
}

/// Reports `failure`, unless it is one that tells nobody anything, and drops it.
#[cold]
pub(crate) fn report(failure: Failure, origin: Origin) {
    let created = origin.created;
    if origin.expects(&failure) {
        panics::discard("dropping a failure", created, failure);
        return;
    }
    let mut untold = Some(Unhandled { failure, origin });
    if !REPORTING.replace(true) {
        panics::contain("the hook for unhandled failures", created, || {
            untold = untold.take().and_then(tell);
        });
        REPORTING.set(false);
    }
    if let Some(unhandled) = untold {
        panics::contain("reporting an unhandled failure", created, || unhandled.log());
    }
}

/// Gives it to the first hook that there is; `Some`: there is none.
fn tell(unhandled: Unhandled) -> Option<Unhandled> {
    let unhandled = match ROUTER.get() {
        Some(router) => router(unhandled)?,
        None => unhandled,
    };
    // A copy of the hook, so that it may be replaced while it runs.
    let local = HOOK.try_with(|cell| cell.borrow().clone()).ok().flatten();
    if let Some(hook) = local {
        hook(unhandled);
        return None;
    }
    let everywhere = global().clone();
    match everywhere {
        Some(hook) => hook(unhandled),
        None => return Some(unhandled),
    }
    None
}
