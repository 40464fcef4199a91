//! Closures of different types in one list, and one job for all of them.

/// A closure of a job, boxed, for a list of different ones.
pub type BoxedJob = Box<dyn FnOnce() + Send>;

/// Runs `jobs` one after the other. They are collected here and now: the iterator stays.
pub(crate) fn in_order(jobs: impl IntoIterator<Item = BoxedJob>) -> BoxedJob {
    let jobs: Vec<_> = jobs.into_iter().collect();
    Box::new(move || jobs.into_iter().for_each(|job| job()))
}
