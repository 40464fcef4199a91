//! Context: what is current where a job is submitted, and is to be current where it runs.
//!
//! The `tracing` span of the submitter always travels. What else is current on a thread, only
//! the application knows: it gives the pool a hook that captures it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tracing::Span;

use crate::events::tell;
use crate::job::drop_contained;

/// What is current where a job is submitted, as a pool's [`context`](crate::Builder::context) hook
/// captured it.
///
/// # Examples
///
/// The number of a request, in a thread-local variable:
///
/// ```
/// use ropewalk_threadpool::{JobContext, ThreadPool};
/// use std::cell::Cell;
///
/// thread_local!(static REQUEST: Cell<u32> = const { Cell::new(0) });
///
/// struct Request(u32);
/// impl JobContext for Request {
///     fn run(&self, job: &mut dyn FnMut()) {
///         let before = REQUEST.replace(self.0);
///         job();
///         REQUEST.set(before);
///     }
/// }
///
/// let pool = ThreadPool::builder().context(|| Some(Box::new(Request(REQUEST.get())))).build()?;
/// pool.start()?;
/// REQUEST.set(7);
/// let (sender, receiver) = std::sync::mpsc::channel();
/// pool.call_in_thread(move || sender.send(REQUEST.get()).unwrap())?;
/// assert_eq!(receiver.recv()?, 7);
/// pool.stop();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait JobContext: Send {
    /// Makes it current, calls `job`, and makes current what was before.
    ///
    /// Called on the worker. A panic of the job does not come out of `job`. A job that is not
    /// called counts as one that panicked, and is reported, and so does one whose context panics;
    /// a second call does nothing.
    fn run(&self, job: &mut dyn FnMut());
}

/// The hook of a pool.
pub(crate) type Capture = Arc<dyn Fn() -> Option<Box<dyn JobContext>> + Send + Sync>;

/// What goes with one job. Boxed, and not there at all for most jobs: a job that waits is small.
pub(crate) struct Around {
    span: Span,
    context: Option<Box<dyn JobContext>>,
}

impl Around {
    /// What is current here; runs the hook, so no lock may be held.
    #[inline]
    pub(crate) fn capture(hook: Option<&Capture>) -> Option<Box<Self>> {
        // Mostly nobody listens, and then nothing is to be captured.
        let has_been_set = tracing::dispatcher::has_been_set();
        if has_been_set || hook.is_some() { Self::capture_all(hook) } else { None }
    }

    fn capture_all(hook: Option<&Capture>) -> Option<Box<Self>> {
        let context = hook.and_then(ask);
        let mut span = Span::none();
        // The subscriber is asked for it.
        tell(|| span = Span::current());
        let is_empty = context.is_none() && span.is_none();
        (!is_empty).then(|| Box::new(Self { span, context }))
    }

    /// Runs `job` in it.
    pub(crate) fn run(&self, job: &mut dyn FnMut()) {
        self.span.in_scope(|| match &self.context {
            Some(context) => context.run(job),
            None => job(),
        });
    }
}

/// Calls the hook. One that panics gives no context, and the job is submitted all the same.
fn ask(capture: &Capture) -> Option<Box<dyn JobContext>> {
    catch_unwind(AssertUnwindSafe(|| capture())).unwrap_or_else(|payload| {
        tell(|| tracing::error!("the context hook of a pool panicked"));
        drop_contained(payload);
        None
    })
}

impl fmt::Debug for Around {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Around").field("span", &self.span).finish_non_exhaustive()
    }
}
