//! Mistakes that must not compile (I1), each next to a twin that does.
//!
//! A test of the second block alone could fail for any reason; the twin pins down which one.

/// What a task gives is used on the reactor thread.
///
/// ```
/// use ropewalk_reactor::Reactor;
/// use ropewalk_task::ReactorTask;
///
/// let reactor = Reactor::new().unwrap();
/// let deferred = reactor.spawn(async { Ok(1) });
/// deferred.cancel();
/// # deferred.map(|_| ()).add_errback(|_| ()).detach();
/// ```
///
/// Not on another one.
///
/// ```compile_fail,E0277
/// use ropewalk_reactor::Reactor;
/// use ropewalk_task::ReactorTask;
///
/// let reactor = Reactor::new().unwrap();
/// let deferred = reactor.spawn(async { Ok(1) });
/// std::thread::spawn(move || deferred.cancel());
/// ```
#[expect(dead_code, reason = "carries a doc test")]
struct DeferredStaysOnItsThread;

/// Another thread has the future made where it will run.
///
/// ```
/// use ropewalk_reactor::Reactor;
/// use ropewalk_task::ReactorTask;
/// use std::{future::ready, rc::Rc};
///
/// let reactor = Reactor::new().unwrap();
/// let handle = reactor.handle();
/// let call = move |reactor: &Reactor| {
///     let future = ready(Ok(Rc::new(1)));
///     reactor.spawn(future).detach();
/// };
/// std::thread::spawn(move || handle.call_from_thread(call).is_ok()).join().unwrap();
/// ```
///
/// It does not make a future that is bound to its thread and send that.
///
/// ```compile_fail,E0277
/// use ropewalk_reactor::Reactor;
/// use ropewalk_task::ReactorTask;
/// use std::{future::ready, rc::Rc};
///
/// let reactor = Reactor::new().unwrap();
/// let handle = reactor.handle();
/// let future = ready(Ok(Rc::new(1)));
/// let call = move |reactor: &Reactor| {
///     reactor.spawn(future).detach();
/// };
/// std::thread::spawn(move || handle.call_from_thread(call).is_ok()).join().unwrap();
/// ```
#[expect(dead_code, reason = "carries a doc test")]
struct FuturesStayOnTheirThread;

/// A task owns what it uses.
///
/// ```
/// use ropewalk_reactor::Reactor;
/// use ropewalk_task::ReactorTask;
///
/// let reactor = Reactor::new().unwrap();
/// let text = String::from("owned");
/// reactor.spawn(async move { println!("{text}") }).detach();
/// ```
///
/// It does not borrow from whoever spawns it.
///
/// ```compile_fail,E0597
/// use ropewalk_reactor::Reactor;
/// use ropewalk_task::ReactorTask;
///
/// let reactor = Reactor::new().unwrap();
/// let text = String::from("borrowed");
/// let borrowed = &text;
/// reactor.spawn(async move { println!("{borrowed}") }).detach();
/// ```
#[expect(dead_code, reason = "carries a doc test")]
struct TasksOwnWhatTheyUse;

/// A deferred with a time limit goes on as the one it was made from.
///
/// ```
/// use ropewalk_deferred::Deferred;
/// use ropewalk_reactor::Reactor;
/// use ropewalk_task::DeferredTimeout;
/// use std::time::Duration;
///
/// let reactor = Reactor::new().unwrap();
/// let deferred = Deferred::succeed(1).timeout(&reactor, Duration::from_secs(1));
/// deferred.map(|n| n + 1).detach();
/// ```
///
/// The one without the limit is used up.
///
/// ```compile_fail,E0382
/// use ropewalk_deferred::Deferred;
/// use ropewalk_reactor::Reactor;
/// use ropewalk_task::DeferredTimeout;
/// use std::time::Duration;
///
/// let reactor = Reactor::new().unwrap();
/// let deferred = Deferred::succeed(1);
/// deferred.timeout(&reactor, Duration::from_secs(1)).detach();
/// deferred.map(|n| n + 1).detach();
/// ```
#[expect(dead_code, reason = "carries a doc test")]
struct TimeoutConsumes;

/// A future, or a deferred, becomes the deferred of a task (B149).
///
/// ```
/// use ropewalk_deferred::Deferred;
/// use ropewalk_reactor::Reactor;
/// use ropewalk_task::ReactorTask;
///
/// let reactor = Reactor::new().unwrap();
/// reactor.spawn(async { Ok(1) }).detach();
/// reactor.spawn(Deferred::succeed(1)).detach();
/// ```
///
/// Nothing else does.
///
/// ```compile_fail,E0277
/// use ropewalk_reactor::Reactor;
/// use ropewalk_task::ReactorTask;
///
/// let reactor = Reactor::new().unwrap();
/// reactor.spawn(|| Ok(1)).detach();
/// ```
#[expect(dead_code, reason = "carries a doc test")]
struct OnlyFuturesAreSpawned;

/// A loop that never ends has the type that its task would have.
///
/// ```
/// use ropewalk_deferred::Failure;
/// use ropewalk_reactor::Reactor;
/// use ropewalk_task::ReactorTask;
///
/// async fn serve(name: &str) -> Result<(), Failure> {
///     std::future::pending::<()>().await;
///     Ok(println!("served {name}"))
/// }
///
/// let reactor = Reactor::new().unwrap();
/// let name = String::from("anybody");
/// reactor
///     .spawn(async move {
///         (loop {
///             serve(&name).await?;
///         }) as Result<(), Failure>
///     })
///     .detach();
/// ```
///
/// What it has by itself is no outcome.
///
/// ```compile_fail,E0277
/// use ropewalk_deferred::Failure;
/// use ropewalk_reactor::Reactor;
/// use ropewalk_task::ReactorTask;
///
/// async fn serve(name: &str) -> Result<(), Failure> {
///     std::future::pending::<()>().await;
///     Ok(println!("served {name}"))
/// }
///
/// let reactor = Reactor::new().unwrap();
/// let name = String::from("anybody");
/// reactor
///     .spawn(async move {
///         loop {
///             serve(&name).await.unwrap();
///         }
///     })
///     .detach();
/// ```
#[expect(dead_code, reason = "carries a doc test")]
struct EndlessTasksHaveAType;
