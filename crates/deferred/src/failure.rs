//! The one type-erased error, and the result that carries it.
//!
//! A kept library instead of a failure of our own: `?` converts every standard error into it,
//! `downcast_ref` and `is` find out which one it was, `context` adds to it, and it may cross
//! threads.

/// What an errback receives: any error, type-erased.
///
/// Whatever implements [`std::error::Error`] converts into it with `?`. The errors of this crate
/// can be found in it: `failure.is::<Cancelled>()`.
///
/// # Threads
///
/// `Send + Sync`: a worker may make one and the reactor thread receive it.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::{Cancelled, Failure};
///
/// let failure = Failure::from(Cancelled).context("while fetching the page");
/// assert!(failure.is::<Cancelled>());
/// ```
///
/// Twisted: `Failure`.
pub type Failure = anyhow::Error;

/// A result whose error is a [`Failure`] unless said otherwise.
///
/// # Examples
///
/// ```
/// fn port(text: &str) -> ropewalk_deferred::Result<u16> {
///     Ok(text.parse()?)
/// }
/// assert!(port("http").is_err());
/// ```
pub type Result<T, E = Failure> = std::result::Result<T, E>;
