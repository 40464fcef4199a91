//! Hooks: what is called when a running job is cancelled.
//!
//! A hook is set, being called, or over. Who finds it set has it: whoever cancels the job calls it,
//! whoever takes it back drops it, and so does the end of the job. Who takes back one that is being
//! called waits until that is over, so that it cannot hit what this thread does next; but for the
//! thread that is in the call itself, which would wait for itself.
//!
//! A job's hooks are listed in its cell, under the cell's lock, and each has a lock of its own. They
//! are held one at a time and for a few instructions: neither calls nor drops are done under them.

use std::any::Any;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;

use crate::blocking::blocking;
use crate::error::Panicked;
use crate::events::tell;
use crate::job::{Run, drop_contained};
use crate::place;
use crate::sync::{Condvar, Mutex, ThreadId, current, lock, wait_until};

type Call = Box<dyn FnOnce() + Send>;

pub(crate) struct Hook {
    state: Mutex<State>,
    /// Notified when the call is over.
    over: Condvar,
    set_at: &'static Location<'static>,
}

enum State {
    Set(Call),
    /// By whom.
    BeingCalled(ThreadId),
    Over,
}

impl Hook {
    #[track_caller]
    pub(crate) fn new(call: Call) -> Arc<Self> {
        let (state, over) = (Mutex::new(State::Set(call)), Condvar::new());
        Arc::new(Self { state, over, set_at: Location::caller() })
    }

    /// Calls it here, unless it has been taken back. A panic ends here.
    pub(crate) fn call(&self, job: &Arc<dyn Run>) {
        let Some(call) = self.take(|| State::BeingCalled(current().id())) else { return };
        let called = place::inside_hook(job, || catch_unwind(AssertUnwindSafe(call)));
        *lock(&self.state) = State::Over;
        self.over.notify_all();
        if let Err(payload) = called {
            self.report(&**job, payload);
        }
    }

    fn report(&self, job: &dyn Run, payload: Box<dyn Any + Send>) {
        let panic = Panicked::new(payload, self.set_at);
        let (header, set_at) = (job.header(), self.set_at);
        let pool = header.pool();
        tell(|| {
            tracing::error!(
                pool = pool.as_ref().map(|pool| &*pool.config.name),
                job = job.name(),
                submitted_at = %header.location(),
                %set_at,
                panic = panic.message(),
                "a cancel hook of a job panicked"
            );
        });
        drop_contained(panic);
    }

    /// When this returns, it is not being called by another thread, and will not be.
    fn take_back(&self) {
        match self.take(|| State::Over) {
            Some(call) => drop(call),
            None => self.await_call(),
        }
    }

    fn await_call(&self) {
        let is_called = |state: &State| match state {
            State::BeingCalled(by) => *by != current().id(),
            State::Set(_) | State::Over => false,
        };
        let is_called_now = is_called(&lock(&self.state));
        if is_called_now {
            // It may do anything, such as wait for another job of the pool.
            blocking(|| {
                let mut state = lock(&self.state);
                while is_called(&state) {
                    state = wait_until(&self.over, state, None).0;
                }
            });
        }
    }

    /// Takes it if it is set.
    fn take(&self, then: impl FnOnce() -> State) -> Option<Call> {
        let mut state = lock(&self.state);
        if !matches!(*state, State::Set(_)) {
            return None;
        }
        match std::mem::replace(&mut *state, then()) {
            State::Set(call) => Some(call),
            State::BeingCalled(_) | State::Over => None,
        }
    }
}

/// The hooks of a job, the one set last at the end. One word, and nothing else if there are none.
#[derive(Default)]
#[expect(clippy::box_collection, reason = "a vector has three words, which a cell may not have")]
pub(crate) struct Hooks(Option<Box<Vec<Arc<Hook>>>>);

impl Hooks {
    fn push(&mut self, hook: Arc<Hook>) {
        self.0.get_or_insert_default().push(hook);
    }

    fn pop(&mut self) -> Option<Arc<Hook>> {
        self.0.as_mut()?.pop()
    }

    fn remove(&mut self, hook: &Arc<Hook>) {
        let Some(hooks) = &mut self.0 else { return };
        // Mostly the last one.
        if let Some(place) = hooks.iter().rposition(|own| Arc::ptr_eq(own, hook)) {
            hooks.remove(place);
        }
    }
}

/// What has become of a hook that was to be set.
#[derive(Clone, Copy)]
pub(crate) enum Added {
    /// It is on the list.
    Set,
    /// It is not, since the job has been cancelled.
    Late,
    /// It is not, since the job is over.
    Refused,
}

pub(crate) fn add(job: &dyn Run, hook: &Arc<Hook>) -> Added {
    let mut added = Added::Refused;
    job.with_hooks(&mut |hooks| {
        let header = job.header();
        // Whoever cancels says so, and takes this lock afterwards: if it does not stand here yet,
        // that one finds the hook. It is the same with the end of the job, and its mark.
        added = if header.is_cancel_requested() {
            Added::Late
        } else if header.expect_hook().is_final() {
            Added::Refused
        } else {
            hooks.push(Arc::clone(hook));
            Added::Set
        };
    });
    added
}

/// When this returns, the hook is not being called by another thread, and will not be.
pub(crate) fn take_back(job: &dyn Run, hook: &Arc<Hook>) {
    job.with_hooks(&mut |hooks| hooks.remove(hook));
    hook.take_back();
}

/// Tells a job that it is wanted no more.
pub(crate) fn cancel(job: &Arc<dyn Run>) {
    if job.header().request_cancel() {
        call_all(job);
    }
}

/// Calls all hooks here, those that are taken back meanwhile excepted. Nobody adds any more.
pub(crate) fn call_all(job: &Arc<dyn Run>) {
    while let Some(hook) = pop(&**job) {
        hook.call(job);
    }
}

/// Drops the hooks that are left when the job is over. Nobody adds any more.
pub(crate) fn drop_all(job: &dyn Run) {
    while let Some(hook) = pop(job) {
        drop_contained(hook.take(|| State::Over));
    }
}

fn pop(job: &dyn Run) -> Option<Arc<Hook>> {
    let mut last = None;
    job.with_hooks(&mut |hooks| last = hooks.pop());
    last
}

#[cfg(all(test, not(loom)))]
mod tests {
    //! What is not seen from outside.

    use std::sync::mpsc::channel;

    use crate::{CancelToken, ThreadPool};

    #[test]
    fn a_job_that_sets_hooks_all_the_time_keeps_none() {
        let manual = ThreadPool::manual();
        let (sender, receiver) = channel();
        let count = move |own: &crate::JobHandle| {
            own.job().with_hooks(&mut |hooks| {
                sender.send(hooks.0.as_ref().map_or(0, |hooks| hooks.len())).unwrap();
            });
        };
        let (handles, handle) = channel();
        let job = move || {
            let (token, own) = (CancelToken::current(), handle.recv().unwrap());
            let outer = token.on_cancel(|| ());
            (0..3).for_each(|_| drop(token.on_cancel(|| ())));
            let inner = token.on_cancel(|| ());
            count(&own);
            drop(outer);
            count(&own);
            drop(inner);
            count(&own);
        };
        handles.send(manual.pool().call_in_thread(job).unwrap()).unwrap();
        assert!(manual.run_next());
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [2, 1, 0]);
    }
}
