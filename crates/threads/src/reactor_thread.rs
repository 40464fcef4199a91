//! A reactor in a thread of its own.

use crate::reactor_pool::ReactorPool;
use crate::slot::{Taker, slot};
use ropewalk_reactor::{Reactor, ReactorHandle, RunError};
use ropewalk_threadpool::blocking;
use std::fmt;
use std::io;
use std::thread::{self, Builder, JoinHandle};

/// A reactor that runs in a thread of its own, for a program whose main thread blocks.
///
/// Dropping it stops the reactor and waits for its thread, which the shutdown deadline bounds. A
/// callback of this reactor, or a job of its pool, does not wait: the reactor waits for it. A job
/// of another pool waits inside of [`blocking`].
///
/// # Examples
///
/// ```
/// use ropewalk_threads::{HandleThreads as _, ReactorThread};
///
/// let reactor = ReactorThread::spawn()?;
/// let running = reactor.handle().blocking_call_from_thread(|reactor| Ok(reactor.running()));
/// assert!(running.unwrap());
/// reactor.join().unwrap();
/// # std::io::Result::Ok(())
/// ```
#[must_use = "dropping it stops the reactor"]
pub struct ReactorThread {
    handle: ReactorHandle,
    thread: Option<JoinHandle<Result<(), RunError>>>,
}

impl ReactorThread {
    /// Starts a thread and, in it, a reactor with the default settings.
    ///
    /// # Threads
    ///
    /// Any thread.
    ///
    /// # Errors
    ///
    /// What the operating system says if it refuses the thread, or the reactor its descriptors.
    pub fn spawn() -> io::Result<Self> {
        Self::spawn_with(Reactor::new)
    }

    /// Starts a thread and, in it, the reactor that `make` makes there.
    ///
    /// # Errors
    ///
    /// What the operating system says if it refuses the thread, or the error of `make`.
    pub fn spawn_with(
        make: impl FnOnce() -> io::Result<Reactor> + Send + 'static,
    ) -> io::Result<Self> {
        let (filler, taker) = slot();
        let thread = Builder::new().name("reactor".to_owned()).spawn(move || match make() {
            Ok(reactor) => {
                filler.fill(Ok(reactor.handle()));
                reactor.run()
            }
            Err(error) => {
                filler.fill(Err(error));
                Ok(())
            }
        })?;
        let handle = first_word(&taker)?;
        Ok(Self { handle, thread: Some(thread) })
    }

    /// The handle of the reactor.
    #[must_use]
    pub fn handle(&self) -> &ReactorHandle {
        &self.handle
    }

    /// Stops the reactor and waits for the end of its thread.
    ///
    /// # Errors
    ///
    /// What [`Reactor::run`] returned; [`RunError::AlreadyRunning`] in a callback of this reactor
    /// and in a job of its pool, for whose end the reactor itself has to wait. It stops all the
    /// same.
    ///
    /// # Panics
    ///
    /// With the panic of the reactor's thread, if that panicked (which callbacks cannot make it
    /// do).
    pub fn join(mut self) -> Result<(), RunError> {
        self.handle.stop();
        if self.waits_for_this_thread() {
            return Err(RunError::AlreadyRunning);
        }
        match self.wait_for_end() {
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            Some(Ok(result)) => result,
            None => Ok(()),
        }
    }

    fn wait_for_end(&mut self) -> Option<thread::Result<Result<(), RunError>>> {
        let thread = self.thread.take()?;
        // Its shutdown may wait for jobs of the pool that this thread is in.
        Some(blocking(|| thread.join()))
    }

    /// Whether the reactor cannot end before the code that asks has returned.
    fn waits_for_this_thread(&self) -> bool {
        self.handle.is_reactor_thread() || self.handle.shared::<ReactorPool>().is_worker()
    }
}

fn first_word(taker: &Taker<io::Result<ReactorHandle>>) -> io::Result<ReactorHandle> {
    let panicked = || Err(io::Error::other("making the reactor panicked"));
    // Making it is the caller's code, and may need the pool that this thread is in.
    blocking(|| taker.wait()).unwrap_or_else(panicked)
}

impl Drop for ReactorThread {
    fn drop(&mut self) {
        self.handle.stop();
        if self.waits_for_this_thread() {
            return;
        }
        if let Some(Ok(Err(error))) = self.wait_for_end() {
            tracing::error!(%error, "the reactor's thread ended with an error");
        }
    }
}

impl fmt::Debug for ReactorThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReactorThread").field("handle", &self.handle).finish_non_exhaustive()
    }
}
