//! An elastic, bounded, observable thread pool for blocking jobs.
