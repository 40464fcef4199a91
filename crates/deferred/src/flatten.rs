//! A deferred whose value is a deferred.

use crate::Deferred;

impl<T: 'static> Deferred<Deferred<T>> {
    /// Waits for the inner deferred, too, and gives its result.
    ///
    /// For a closure that uses `?` and ends in a deferred: it has to return `Ok(deferred)`, and what
    /// comes of that is a deferred of a deferred. A failure of the outer one passes by, and a cancel
    /// goes to whichever of the two is waited for.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_deferred::{Deferred, maybe_deferred};
    ///
    /// # fn fetch(port: u16) -> Deferred<String> { Deferred::succeed(format!("page of {port}")) }
    /// let page = |text: &str| maybe_deferred(|| Ok(fetch(text.parse()?))).flatten();
    /// assert_eq!(page("80").try_take().unwrap()?, "page of 80");
    /// assert!(page("eighty").try_take().unwrap().is_err());
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    ///
    /// Twisted: a `Deferred` that is returned by a callback is never a value there.
    #[track_caller]
    pub fn flatten(self) -> Deferred<T> {
        self.add_callback(|inner| inner)
    }
}
