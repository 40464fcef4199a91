//! One job: its cell and its life.
//!
//! A job is one allocation, shared by the queue, its handles and the worker that runs it. The
//! closure sits under a lock of the cell: whoever finds the job queued there and takes it out has
//! it, so a job is run, or cancelled, or handed back, and never two of them. That lock is held to
//! take the closure out and for nothing else. A closure is released when it has run or was
//! cancelled, however long a handle is kept. The room that it leaves is for the
//! [hooks](crate::hook) of the running job: those cost a job that waits nothing.

use std::any::{Any, type_name};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;

use crate::cells;
use crate::context::Around;
use crate::ending::Site;
use crate::error::Panicked;
use crate::events::tell;
use crate::header::{Ending, Header, JobState};
use crate::hook::Hooks;
use crate::shared::Shared;
use crate::sync::{Mutex, lock};

/// A job of any type, as the queue and the workers see it.
pub(crate) trait Run: Send + Sync {
    fn header(&self) -> &Header;

    /// The type name of its closure.
    fn name(&self) -> &'static str;

    /// Runs a queued job on this thread, from `now` on; none if it is not queued any more. Panics
    /// of user code do not leave it.
    fn run(&self, site: &Site<'_>, now: u64) -> Option<Ending>;

    /// Runs what a job holds that was handed back.
    fn run_returned(&self, pool: &str);

    /// Ends a queued job with `state`, but leaves it its closure, so that this may be called with a
    /// lock held. False if it is not queued any more.
    fn withdraw(&self, state: JobState) -> bool;

    /// Drops the closure of a job that was withdrawn.
    fn discard(&self);

    /// Lends the hooks under the lock of the cell, unless the job has not begun.
    fn with_hooks(&self, lend: &mut dyn FnMut(&mut Hooks));

    /// The cell as what it is, to be filled again.
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

/// What a job does once it is on its worker.
pub(crate) trait Work: Send {
    fn name() -> &'static str;

    /// `site` is where nothing else comes after it on the way back to the queue.
    fn work(self, pool: &str, header: &Header, site: Option<&Site<'_>>) -> Ending;
}

/// The cell of a job with work of type `W`.
pub(crate) struct Job<W> {
    header: Header,
    content: Mutex<Content<W>>,
}

/// What is in a cell.
enum Content<W> {
    Body(Body<W>),
    /// What comes where the body was.
    Hooks(Hooks),
}

struct Body<W> {
    work: W,
    around: Option<Box<Around>>,
}

impl<W> Content<W> {
    fn take_body(&mut self) -> Option<Body<W>> {
        match std::mem::replace(self, Self::Hooks(Hooks::default())) {
            Self::Body(body) => Some(body),
            hooks @ Self::Hooks(_) => {
                *self = hooks;
                None
            }
        }
    }
}

impl<W: Work + 'static> Job<W> {
    /// A queued job, in an empty cell that is at hand or in a new one.
    #[track_caller]
    pub(crate) fn new(
        pool: &Arc<Shared>,
        work: W,
        around: Option<Box<Around>>,
        submitted: u64,
    ) -> Arc<Self> {
        let (location, content) = (Location::caller(), Content::Body(Body { work, around }));
        let cell = cells::take().and_then(|cell| cell.into_any().downcast::<Self>().ok());
        if let Some(mut cell) = cell {
            // A handle to the job that it was may still be held; then the cell stays as it is.
            if let Some(own) = Arc::get_mut(&mut cell) {
                own.header.renew(pool, location, submitted);
                own.content = Mutex::new(content);
                return cell;
            }
        }
        let header = Header::new(pool, location, submitted);
        Arc::new(Self { header, content: Mutex::new(content) })
    }

    /// Takes the work of a job that no queue accepted.
    pub(crate) fn take(&self) -> Option<W> {
        self.take_body().map(|body| body.work)
    }

    fn take_body(&self) -> Option<Body<W>> {
        lock(&self.content).take_body()
    }

    /// Takes what is in the cell if the job is queued: it runs from `now` on.
    fn begin(&self, now: u64) -> Option<Body<W>> {
        let mut content = lock(&self.content);
        if !self.header.is_queued() {
            return None;
        }
        self.header.begin(now);
        content.take_body()
    }

    fn run_body(&self, body: Body<W>, pool: &str, site: Option<&Site<'_>>) -> Ending {
        let Body { work, around } = body;
        let Some(around) = around else { return work.work(pool, &self.header, site) };
        let (mut work, mut ending) = (Some(work), None);
        let mut job =
            || ending = work.take().map(|work| work.work(pool, &self.header, None)).or(ending);
        // Its destructor runs in there as well.
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let around = around;
            around.run(&mut job);
        }));
        // What a context has not called is still there.
        drop_contained(work);
        if let Err(payload) = ran {
            report(pool, W::name(), &self.header, "the context of a job panicked", payload);
            return Ending::Panicked;
        }
        ending.unwrap_or_else(|| {
            let (job, submitted_at) = (W::name(), self.header.location());
            let what = "the context of a job did not run it";
            tell(|| tracing::error!(pool, job, %submitted_at, "{what}"));
            Ending::Panicked
        })
    }
}

impl<W: Work + 'static> Run for Job<W> {
    fn header(&self) -> &Header {
        &self.header
    }

    fn name(&self) -> &'static str {
        W::name()
    }

    fn run(&self, site: &Site<'_>, now: u64) -> Option<Ending> {
        let body = self.begin(now)?;
        Some(self.run_body(body, &site.shared().config.name, Some(site)))
    }

    fn run_returned(&self, pool: &str) {
        if let Some(body) = self.take_body() {
            self.run_body(body, pool, None);
        }
    }

    fn withdraw(&self, state: JobState) -> bool {
        let _content = lock(&self.content);
        let is_queued = self.header.is_queued();
        if is_queued {
            self.header.set_state(state);
        }
        is_queued
    }

    fn discard(&self) {
        drop(self.take_body());
    }

    fn with_hooks(&self, lend: &mut dyn FnMut(&mut Hooks)) {
        let mut content = lock(&self.content);
        if let Content::Hooks(hooks) = &mut *content {
            lend(hooks);
        }
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

/// The work of [`call_in_thread`](crate::ThreadPool::call_in_thread).
pub(crate) struct Plain<F>(pub(crate) F);

impl<F: FnOnce() + Send> Work for Plain<F> {
    fn name() -> &'static str {
        type_name::<F>()
    }

    fn work(self, pool: &str, header: &Header, _site: Option<&Site<'_>>) -> Ending {
        let Err(payload) = catch_unwind(AssertUnwindSafe(self.0)) else {
            return Ending::Returned;
        };
        report(pool, Self::name(), header, "a job panicked", payload);
        Ending::Panicked
    }
}

/// The work of [`call_in_thread_with_callback`](crate::ThreadPool::call_in_thread_with_callback).
pub(crate) struct WithCallback<C, F> {
    pub(crate) on_result: C,
    pub(crate) job: F,
}

impl<T, C, F> Work for WithCallback<C, F>
where
    C: FnOnce(Result<T, Panicked>) + Send,
    F: FnOnce() -> T + Send,
{
    fn name() -> &'static str {
        type_name::<F>()
    }

    fn work(self, pool: &str, header: &Header, _site: Option<&Site<'_>>) -> Ending {
        let Self { on_result, job } = self;
        // The call consumes `job`: what it captured is gone when `on_result` begins.
        let result = call(job, header);
        let ending = if result.is_ok() { Ending::Returned } else { Ending::Panicked };
        call_back(pool, Self::name(), header, || on_result(result))
            .map_or(Ending::Panicked, |()| ending)
    }
}

/// The work of a job whose value is handed over to another thread; it is named after the type `N`,
/// that of a closure inside of its own.
pub(crate) struct WithHandover<C, F, N> {
    pub(crate) hand_over: C,
    pub(crate) job: F,
    named: PhantomData<fn() -> N>,
}

impl<C, F, N> WithHandover<C, F, N> {
    pub(crate) fn new(hand_over: C, job: F) -> Self {
        Self { hand_over, job, named: PhantomData }
    }
}

impl<T, C, F, R, N> Work for WithHandover<C, F, N>
where
    C: FnOnce(Result<T, Panicked>) -> Result<(), R> + Send,
    F: FnOnce() -> T + Send,
{
    fn name() -> &'static str {
        type_name::<N>()
    }

    fn work(self, pool: &str, header: &Header, site: Option<&Site<'_>>) -> Ending {
        let Self { hand_over, job, .. } = self;
        let result = call(job, header);
        let ending = if result.is_ok() { Ending::Returned } else { Ending::Panicked };
        // What a job has panicked with is the user's, and is dropped on the way.
        let site = site.filter(|_| result.is_ok());
        if let Some(site) = site {
            site.begin_to_end();
        }
        let refused = call_back(pool, Self::name(), header, || {
            let refused = hand_over(result).err();
            if let (Some(site), Some(_)) = (site, &refused) {
                site.go_on();
            }
            drop(refused);
        });
        refused.map_or(Ending::Panicked, |()| ending)
    }
}

/// Calls the closure of a job.
fn call<T>(job: impl FnOnce() -> T, header: &Header) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(job)).map_err(|payload| Panicked::new(payload, header.location()))
}

/// Calls what comes after the closure; nothing if it panics.
fn call_back(pool: &str, job: &str, header: &Header, callback: impl FnOnce()) -> Option<()> {
    let Err(payload) = catch_unwind(AssertUnwindSafe(callback)) else { return Some(()) };
    report(pool, job, header, "the callback of a job panicked", payload);
    None
}

/// The one report of a panic that nobody else learns of.
fn report(pool: &str, job: &str, header: &Header, what: &str, payload: Box<dyn Any + Send>) {
    let panic = Panicked::new(payload, header.location());
    let submitted_at = header.location();
    tell(|| tracing::error!(pool, job, %submitted_at, panic = panic.message(), "{what}"));
    drop_contained(panic);
}

/// Drops a user's value; a panic of its destructor ends here.
pub(crate) fn drop_contained<T>(value: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        #[expect(clippy::mem_forget, reason = "dropping the payload of a drop could panic again")]
        std::mem::forget(payload);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    //! What a job costs that waits.

    use std::sync::Arc;

    use super::{Body, Content};

    /// The size of what is in a cell, and what it would be without any hooks.
    fn sizes<W>(_: &W) -> (usize, usize) {
        (size_of::<Content<W>>(), size_of::<Option<Body<W>>>())
    }

    #[test]
    fn hooks_take_no_room_in_a_job_that_waits() {
        let (number, shared, text) = (7_u64, Arc::new(7), String::from("seven"));
        let nothing = || ();
        let one = move || number;
        let other = move || shared;
        let more = move || (number, text);
        let sizes = [sizes(&nothing), sizes(&one), sizes(&other), sizes(&more)];
        assert!(sizes.iter().all(|(own, without)| own == without), "{sizes:?}");
    }
}
