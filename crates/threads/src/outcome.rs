//! What a job may return, and what the answer of a reactor may be.

use ropewalk_deferred::{Failure, Result};

/// What the closure of a job may return: nothing, or a `Result`. A `Deferred` belongs to the
/// reactor thread and cannot come from a job.
///
/// `?` and a bare `Ok(value)` work in the closure without a type annotation.
#[diagnostic::on_unimplemented(
    message = "a job cannot return `{Self}`",
    label = "this must be `()` or `Result<_, Failure>`, with a value that is `Send`",
    note = "a plain value: return `Ok(value)`",
    note = "a `Result` with an error of its own: return `Ok(result?)`; `?` makes a `Failure` of any error",
    note = "a `Deferred` belongs to the reactor thread: return it from a callback, or from the closure of \
            `blocking_call_from_thread`"
)]
pub trait JobOutcome: sealed::Sealed + Send + 'static {
    /// The value of success.
    type Value: Send + 'static;

    /// The outcome as a `Result`.
    ///
    /// # Errors
    ///
    /// The failure that the job returned.
    fn into_result(self) -> Result<Self::Value>;
}

impl JobOutcome for () {
    type Value = ();

    fn into_result(self) -> Result<()> {
        Ok(())
    }
}

impl<T: Send + 'static> JobOutcome for Result<T, Failure> {
    type Value = T;

    fn into_result(self) -> Self {
        self
    }
}

/// What the answer of a reactor may be: whatever is `Send`, for it crosses to the thread that asked.
///
/// It is `Send` by another name, so that the compiler says what to do instead where a closure of
/// [`blocking_call_from_thread`](crate::HandleThreads::blocking_call_from_thread) or
/// [`eventually`](crate::HandleThreads::eventually) has made a value that has to stay with the
/// reactor. All that is `Send` has it, so a function that asks in the name of others needs no more
/// than that.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::{Deferred, Failure, maybe_deferred};
/// use ropewalk_reactor::{Reactor, ReactorHandle};
/// use ropewalk_threads::{HandleThreads as _, ReactorThread};
///
/// fn parsed(text: &str) -> Result<Deferred<u32>, Failure> {
///     Ok(Deferred::succeed(text.parse()?))
/// }
///
/// // `Send` is enough for this bound.
/// fn ask<T: Send + 'static>(handle: &ReactorHandle, f: fn(&Reactor) -> Deferred<T>) -> T {
///     handle.blocking_call_from_thread(f).unwrap()
/// }
///
/// let reactor = ReactorThread::spawn()?;
/// // The `Deferred` itself, not in `Ok`: what comes back is its value.
/// assert_eq!(ask(reactor.handle(), |_| Deferred::succeed(7)), 7);
/// // And where a `?` comes before it.
/// assert_eq!(ask(reactor.handle(), |_| maybe_deferred(|| parsed("7")).flatten()), 7);
/// # std::io::Result::Ok(())
/// ```
#[diagnostic::on_unimplemented(
    message = "the answer `{Self}` cannot leave the reactor thread",
    label = "the closure must give a value that is `Send`, or a `Deferred` of one",
    note = "a `Deferred`: return the `Deferred` itself, not in `Ok`; its value is what comes back",
    note = "a `Deferred` after a `?`: return `maybe_deferred(|| {{ ..?; Ok(deferred) }}).flatten()`",
    note = "what lives with the reactor: return `Ok(reactor.share(value))`, and ask the `Remote` of it"
)]
pub trait Answer: Send {}

// Or the compiler would say why `Send` is not implemented: by way of private types.
#[diagnostic::do_not_recommend]
impl<T: Send> Answer for T {}

mod sealed {
    use ropewalk_deferred::{Failure, Result};

    #[expect(unnameable_types, reason = "this is what seals the trait")]
    pub trait Sealed {}
    impl Sealed for () {}
    impl<T> Sealed for Result<T, Failure> {}
}
