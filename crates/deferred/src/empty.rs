//! How something comes into being in its place on the heap: empty, and then it is filled.
//!
//! Made elsewhere, it would be copied there whole, right after it was written in single words; and
//! that is slower than all the rest of making it.

/// Whether something empty is better made than copied from a constant.
///
/// A constant is copied in large pieces. But it is as large as the thing itself, of which most may be
/// room for a result.
pub(crate) const fn is_large<S>() -> bool {
    size_of::<S>() > 512
}
