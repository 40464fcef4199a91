//! What a job may return.

use ropewalk_deferred::{Failure, Result};

/// What the closure of a job may return: nothing, or a `Result`. A `Deferred` belongs to the
/// reactor thread and cannot come from a job.
///
/// `?` and a bare `Ok(value)` work in the closure without a type annotation.
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
