//! Mistakes that must not compile, each beside the twin that does.
//!
//! Stable rustdoc does not look at the error code; the twin is what proves that a block fails for
//! the reason given. The items are documentation only.

/// A deferred stays on its thread (I1); a plain value may go.
///
/// ```
/// let value = ropewalk_deferred::Failure::msg("a failure may cross");
/// std::thread::spawn(move || drop(value)).join().unwrap();
/// ```
///
/// ```compile_fail,E0277
/// let value = ropewalk_deferred::Deferred::<u32>::succeed(7);
/// std::thread::spawn(move || drop(value)).join().unwrap();
/// ```
struct SendingADeferred;

/// A promise stays on its thread (I1); so a foreign thread cannot fire it.
///
/// ```
/// let (promise, deferred) = ropewalk_deferred::Deferred::<u32>::new();
/// deferred.detach();
/// std::thread::spawn(|| 7).join().map(|n| promise.callback(n)).unwrap();
/// ```
///
/// ```compile_fail,E0277
/// let (promise, deferred) = ropewalk_deferred::Deferred::<u32>::new();
/// deferred.detach();
/// std::thread::spawn(move || promise.callback(7)).join().unwrap();
/// ```
struct SendingAPromise;

/// A cancel handle stays on its thread (I1).
///
/// ```
/// let (_promise, deferred) = ropewalk_deferred::Deferred::<()>::new();
/// let handle = deferred.add_errback(|_| ()).canceller();
/// std::thread::spawn(|| ()).join().map(|()| handle.cancel()).unwrap();
/// ```
///
/// ```compile_fail,E0277
/// let (_promise, deferred) = ropewalk_deferred::Deferred::<()>::new();
/// let handle = deferred.add_errback(|_| ()).canceller();
/// std::thread::spawn(move || handle.cancel()).join().unwrap();
/// ```
struct SendingACancelHandle;

/// A deferred cannot be looked at from another thread either (I1).
///
/// ```
/// fn assert_sync<T: Sync>() {}
/// assert_sync::<ropewalk_deferred::Failure>();
/// ```
///
/// ```compile_fail,E0277
/// fn assert_sync<T: Sync>() {}
/// assert_sync::<ropewalk_deferred::Deferred<u32>>();
/// ```
///
/// ```compile_fail,E0277
/// fn assert_sync<T: Sync>() {}
/// assert_sync::<ropewalk_deferred::Promise<u32>>();
/// ```
///
/// ```compile_fail,E0277
/// fn assert_sync<T: Sync>() {}
/// assert_sync::<ropewalk_deferred::CancelHandle>();
/// ```
struct SharingADeferred;

/// Firing consumes the promise (I2), in each combination (B144).
///
/// ```
/// let (promise, deferred) = ropewalk_deferred::Deferred::<u32>::new();
/// deferred.map(|_| ()).add_errback(|_| ()).detach();
/// promise.callback(7);
/// ```
///
/// ```compile_fail,E0382
/// let (promise, deferred) = ropewalk_deferred::Deferred::<u32>::new();
/// deferred.map(|_| ()).add_errback(|_| ()).detach();
/// promise.callback(7);
/// promise.callback(8);
/// ```
///
/// ```compile_fail,E0382
/// let (promise, deferred) = ropewalk_deferred::Deferred::<u32>::new();
/// deferred.map(|_| ()).add_errback(|_| ()).detach();
/// promise.errback(ropewalk_deferred::TimedOut);
/// promise.callback(8);
/// ```
///
/// ```compile_fail,E0382
/// let (promise, deferred) = ropewalk_deferred::Deferred::<u32>::new();
/// deferred.map(|_| ()).add_errback(|_| ()).detach();
/// promise.callback(7);
/// promise.errback(ropewalk_deferred::TimedOut);
/// ```
///
/// ```compile_fail,E0382
/// let (promise, deferred) = ropewalk_deferred::Deferred::<u32>::new();
/// deferred.map(|_| ()).add_errback(|_| ()).detach();
/// promise.errback(ropewalk_deferred::TimedOut);
/// promise.errback(ropewalk_deferred::TimedOut);
/// ```
struct FiringAPromiseTwice;

/// A promise is fired with a value of its type, not with a deferred of one (W26): for that there is
/// `chain_deferred`.
///
/// ```
/// use ropewalk_deferred::Deferred;
/// let (promise, deferred) = Deferred::<u32>::new();
/// deferred.map(|_| ()).detach();
/// Deferred::succeed(7).chain_deferred(promise);
/// ```
///
/// ```compile_fail,E0308
/// use ropewalk_deferred::Deferred;
/// let (promise, deferred) = Deferred::<u32>::new();
/// deferred.map(|_| ()).detach();
/// promise.callback(Deferred::succeed(7));
/// ```
struct FiringWithADeferred;

/// A deferred that nobody looks at is a warning, here made an error (W11): its failure would be
/// nobody's.
///
/// ```
/// #![deny(unused_must_use)]
/// ropewalk_deferred::Deferred::succeed(7).map(|_| ()).detach();
/// ```
///
/// ```compile_fail
/// #![deny(unused_must_use)]
/// ropewalk_deferred::Deferred::succeed(7).map(|_| ());
/// ```
struct ForgettingADeferred;

/// Attaching consumes the deferred: only the end of a chain can be extended, and what a later
/// callback changes is seen by nobody before it (W26).
///
/// ```
/// let deferred = ropewalk_deferred::Deferred::succeed(7);
/// let deferred = deferred.map(|n| n + 1);
/// deferred.map(|n| n + 2).detach();
/// ```
///
/// ```compile_fail,E0382
/// let deferred = ropewalk_deferred::Deferred::succeed(7);
/// let longer = deferred.map(|n| n + 1);
/// deferred.map(|n| n + 2).detach();
/// ```
///
/// So does returning it from a callback (B133, B137).
///
/// ```compile_fail,E0382
/// let inner = ropewalk_deferred::Deferred::succeed(7);
/// ropewalk_deferred::Deferred::succeed(()).add_callback(move |()| inner).detach();
/// inner.map(|n| n + 2).detach();
/// ```
struct UsingAConsumedDeferred;

/// A value that cannot be the next one's input is not an outcome.
///
/// ```
/// ropewalk_deferred::Deferred::succeed(7).add_callback(|n| Ok(n + 1)).detach();
/// ```
///
/// ```compile_fail,E0277
/// ropewalk_deferred::Deferred::succeed(7).add_callback(|n| n + 1).detach();
/// ```
struct ReturningAPlainValue;

/// An outcome is one of three types; nobody else can add a fourth.
///
/// ```
/// struct Mine;
/// impl From<Mine> for ropewalk_deferred::Result<u32> {
///     fn from(_: Mine) -> Self {
///         Ok(7)
///     }
/// }
/// ```
///
/// ```compile_fail,E0277
/// struct Mine;
/// impl ropewalk_deferred::Outcome for Mine {
///     type Value = u32;
///     fn into_deferred(self) -> ropewalk_deferred::Deferred<u32> {
///         ropewalk_deferred::Deferred::succeed(7)
///     }
/// }
/// ```
struct AddingAnOutcome;

/// A lock, what waits in a queue and whoever holds a permit stay on their thread (I1).
///
/// ```
/// let lock = ropewalk_deferred::DeferredLock::with_value(7);
/// let value = *lock.try_acquire().unwrap();
/// std::thread::spawn(move || drop(value)).join().unwrap();
/// ```
///
/// ```compile_fail,E0277
/// let lock = ropewalk_deferred::DeferredLock::with_value(7);
/// std::thread::spawn(move || drop(lock)).join().unwrap();
/// ```
///
/// ```compile_fail,E0277
/// let queue = ropewalk_deferred::DeferredQueue::<u32>::new();
/// std::thread::spawn(move || drop(queue)).join().unwrap();
/// ```
///
/// ```compile_fail,E0277
/// let permit = ropewalk_deferred::DeferredSemaphore::new(1).unwrap().try_acquire();
/// std::thread::spawn(move || drop(permit)).join().unwrap();
/// ```
struct SendingALock;

/// What is not held cannot be released (1.7), and the value of a lock not be reached without it.
///
/// ```
/// let lock = ropewalk_deferred::DeferredLock::with_value(7);
/// let guard = lock.try_acquire().unwrap();
/// assert_eq!(*guard, 7);
/// drop(guard);
/// ```
///
/// ```compile_fail,E0382
/// let lock = ropewalk_deferred::DeferredLock::with_value(7);
/// let guard = lock.try_acquire().unwrap();
/// drop(guard);
/// drop(guard);
/// ```
///
/// ```compile_fail,E0505
/// let lock = ropewalk_deferred::DeferredLock::with_value(7);
/// let guard = lock.try_acquire().unwrap();
/// let value = &*guard;
/// drop(guard);
/// assert_eq!(*value, 7);
/// ```
struct ReleasingTwice;

/// A tuple is joined, a list gathered.
///
/// ```
/// use ropewalk_deferred::{Deferred, gather_results, join};
/// join((Deferred::succeed(7), Deferred::succeed("seven"))).detach();
/// gather_results(vec![Deferred::succeed(7)]).detach();
/// ```
///
/// ```compile_fail,E0277
/// use ropewalk_deferred::{Deferred, join};
/// join(vec![Deferred::succeed(7)]).detach();
/// ```
struct JoiningAVec;

/// What a list fires with is in its type: one that fires on one callback has no list to give.
///
/// ```
/// use ropewalk_deferred::{Deferred, DeferredList, Result};
/// let list = DeferredList::new([Deferred::succeed(7)]);
/// let _results: Deferred<Vec<Result<i32>>> = list.into_deferred();
/// ```
///
/// ```compile_fail,E0308
/// use ropewalk_deferred::{Deferred, DeferredList, Result};
/// let list = DeferredList::new([Deferred::succeed(7)]).fire_on_one_callback();
/// let _results: Deferred<Vec<Result<i32>>> = list.into_deferred();
/// ```
struct TakingAListOfOne;
