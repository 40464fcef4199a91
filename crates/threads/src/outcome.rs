//! What a job may return.

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

mod sealed {
    use ropewalk_deferred::{Failure, Result};

    #[expect(unnameable_types, reason = "this is what seals the trait")]
    pub trait Sealed {}
    impl Sealed for () {}
    impl<T> Sealed for Result<T, Failure> {}
}
