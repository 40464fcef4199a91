//! Mistakes that do not compile, each beside a twin that does.
//!
//! Stable rustdoc does not check the error code, so it is the twin that shows the mistake to be
//! the only reason.

/// A job may not capture an `Rc`; an `Arc` will do.
///
/// ```
/// use ropewalk_threadpool::ThreadPool;
/// use std::sync::Arc;
///
/// let pool = ThreadPool::builder().build().unwrap();
/// let shared = Arc::new(1);
/// pool.call_in_thread(move || drop(shared)).unwrap();
/// ```
///
/// ```compile_fail,E0277
/// use ropewalk_threadpool::ThreadPool;
/// use std::rc::Rc;
///
/// let pool = ThreadPool::builder().build().unwrap();
/// let shared = Rc::new(1);
/// pool.call_in_thread(move || drop(shared)).unwrap();
/// ```
struct RcInAJob;

/// A job may not borrow what its submitter owns; it may own a clone.
///
/// ```
/// use ropewalk_threadpool::ThreadPool;
///
/// fn submit(pool: &ThreadPool) {
///     let text = String::from("local");
///     let copy = text.clone();
///     pool.call_in_thread(move || drop(copy.len())).unwrap();
/// }
/// ```
///
/// ```compile_fail,E0597
/// use ropewalk_threadpool::ThreadPool;
///
/// fn submit(pool: &ThreadPool) {
///     let text = String::from("local");
///     let copy = &text;
///     pool.call_in_thread(move || drop(copy.len())).unwrap();
/// }
/// ```
struct BorrowInAJob;

/// A callback runs on the worker too, so it may not capture an `Rc` either.
///
/// ```
/// use ropewalk_threadpool::ThreadPool;
/// use std::sync::Arc;
///
/// let pool = ThreadPool::builder().build().unwrap();
/// let shared = Arc::new(1);
/// pool.call_in_thread_with_callback(move |_| drop(shared), || 7).unwrap();
/// ```
///
/// ```compile_fail,E0277
/// use ropewalk_threadpool::ThreadPool;
/// use std::rc::Rc;
///
/// let pool = ThreadPool::builder().build().unwrap();
/// let shared = Rc::new(1);
/// pool.call_in_thread_with_callback(move |_| drop(shared), || 7).unwrap();
/// ```
struct RcInACallback;
