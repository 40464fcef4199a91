//! Context: what is current where a callback is attached, and is to be current when it runs.
//!
//! A callback runs wherever its promise is fired, often far from the code that attached it: the
//! request that it serves, the span in which it is to be logged, are not the current ones there. A
//! program that has such things says how to capture them; nobody else pays for it.
//!
//! **Borrow rule:** hooks and contexts are user code and run with nothing borrowed.

use crate::panics;
use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::rc::Rc;

type Hook = Rc<dyn Fn() -> Option<Rc<dyn CallbackContext>>>;

thread_local! {
    /// Whether there is a hook: all that is looked at as long as there is none.
    static ON: Cell<bool> = const { Cell::new(false) };
    /// The hook runs.
    static ASKING: Cell<bool> = const { Cell::new(false) };
    static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
}

/// What is current where a callback is attached or a task is spawned.
///
/// # Examples
///
/// The name of a request, in a thread-local variable:
///
/// ```
/// use ropewalk_deferred::{CallbackContext, Deferred, clear_context_hook, set_context_hook};
/// use std::{cell::Cell, rc::Rc};
///
/// thread_local!(static REQUEST: Cell<u32> = const { Cell::new(0) });
///
/// struct Request(u32);
/// impl CallbackContext for Request {
///     fn run(&self, callback: &mut dyn FnMut()) {
///         let before = REQUEST.replace(self.0);
///         callback();
///         REQUEST.set(before);
///     }
/// }
///
/// set_context_hook(|| Some(Rc::new(Request(REQUEST.get()))));
/// let (promise, answer) = Deferred::new();
/// REQUEST.set(7);
/// let seen = answer.map(|()| REQUEST.get());
/// REQUEST.set(8);
/// promise.callback(()); // whoever fires it
/// assert_eq!(seen.try_take().unwrap()?, 7);
/// assert_eq!(REQUEST.get(), 8);
/// # clear_context_hook();
/// # Ok::<(), ropewalk_deferred::Failure>(())
/// ```
pub trait CallbackContext {
    /// Makes it current, calls `callback`, and makes current what was before.
    ///
    /// A panic of the callback does not come out of it. One that is not called has failed: with
    /// [`Abandoned`](crate::Abandoned). A second call does nothing.
    fn run(&self, callback: &mut dyn FnMut());
}

/// Has `capture` called wherever a callback is attached on this thread to a deferred that has no
/// result yet, and where a task is spawned; the callback, and the task, runs in what it gives.
///
/// A callback attached to a result that is there runs at once, in the context of that place. A hook
/// set before is replaced. What was attached before keeps what it has. What the hook itself
/// attaches has no context. If it panics, that is one `tracing` error, and there is none either.
///
/// # Threads
///
/// Any thread; holds for that thread.
///
/// # Examples
///
/// Each callback in the `tracing` span in which it was attached:
///
/// ```
/// use ropewalk_deferred::{CallbackContext, clear_context_hook, set_context_hook};
/// use std::rc::Rc;
///
/// struct InSpan(tracing::Span);
/// impl CallbackContext for InSpan {
///     fn run(&self, callback: &mut dyn FnMut()) {
///         self.0.in_scope(callback);
///     }
/// }
///
/// set_context_hook(|| Some(Rc::new(InSpan(tracing::Span::current()))));
/// # clear_context_hook();
/// ```
pub fn set_context_hook(capture: impl Fn() -> Option<Rc<dyn CallbackContext>> + 'static) {
    replace(Some(Rc::new(capture)));
}

/// Takes back what [`set_context_hook`] has set on this thread.
///
/// # Threads
///
/// Any thread; holds for that thread.
///
/// # Examples
///
/// ```
/// ropewalk_deferred::clear_context_hook();
/// ```
pub fn clear_context_hook() {
    replace(None);
}

fn replace(hook: Option<Hook>) {
    let on = hook.is_some();
    // An ending thread has no hook any more and can get none.
    if let Ok(old) = HOOK.try_with(|cell| cell.replace(hook)) {
        ON.set(on);
        drop(old);
    }
}

/// The context of this place, if anybody cares. For the crate that spawns tasks, too.
#[doc(hidden)]
#[inline]
#[must_use]
pub fn capture_context() -> Option<Rc<dyn CallbackContext>> {
    if is_captured() { ask() } else { None }
}

/// Whether anybody has said how.
#[inline]
pub(crate) fn is_captured() -> bool {
    ON.get()
}

#[cold]
fn ask() -> Option<Rc<dyn CallbackContext>> {
    if ASKING.replace(true) {
        return None;
    }
    // A copy of the hook, so that it may be replaced while it runs.
    let hook = HOOK.try_with(|cell| cell.borrow().clone()).ok().flatten();
    let context =
        panics::contain("a context hook", Location::caller(), || hook.and_then(|hook| hook()));
    ASKING.set(false);
    context.flatten()
}

/// Runs `body` in `context`; nothing, if that does not run it. For the crate that spawns tasks, too.
#[doc(hidden)]
#[cold]
pub fn within_context<R>(context: &dyn CallbackContext, body: impl FnOnce() -> R) -> Option<R> {
    let (mut body, mut result) = (Some(body), None);
    context.run(&mut || {
        if let Some(body) = body.take() {
            result = Some(body());
        }
    });
    result
}
