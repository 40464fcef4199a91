//! Mistakes that must not compile, each beside the twin that does.
//!
//! Stable rustdoc does not look at the error code; the twin is what proves that a block fails for
//! the reason given.
