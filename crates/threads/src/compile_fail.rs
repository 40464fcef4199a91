//! Mistakes that must not compile (I1), each next to a twin that does.

/// A job may capture what is `Send`.
///
/// ```
/// # use ropewalk_threads::ReactorThreads as _;
/// let reactor = ropewalk_reactor::Reactor::new().unwrap();
/// let handle = reactor.handle();
/// reactor.call_in_thread(move || handle.stop()).unwrap();
/// ```
///
/// Not the reactor.
///
/// ```compile_fail,E0277
/// # use ropewalk_threads::ReactorThreads as _;
/// let reactor = ropewalk_reactor::Reactor::new().unwrap();
/// let weak = reactor.downgrade();
/// reactor.call_in_thread(move || { weak.with(|reactor| reactor.stop()); }).unwrap();
/// ```
#[expect(dead_code, reason = "carries a doc test")]
struct JobsCaptureWhatIsSend;

/// A job that is deferred may capture what is `Send`, and returns it.
///
/// ```
/// # use ropewalk_threads::ReactorThreads as _;
/// let reactor = ropewalk_reactor::Reactor::new().unwrap();
/// let number = std::sync::Arc::new(3);
/// reactor.defer_to_thread(move || Ok(number)).detach();
/// ```
///
/// It may not capture a `Deferred`.
///
/// ```compile_fail,E0277
/// # use ropewalk_threads::ReactorThreads as _;
/// # use ropewalk_deferred::Deferred;
/// let reactor = ropewalk_reactor::Reactor::new().unwrap();
/// let other = Deferred::succeed(3);
/// reactor.defer_to_thread(move || other.detach()).detach();
/// ```
///
/// And it may not return an `Rc`.
///
/// ```compile_fail,E0277
/// # use ropewalk_threads::ReactorThreads as _;
/// let reactor = ropewalk_reactor::Reactor::new().unwrap();
/// reactor.defer_to_thread(|| Ok(std::rc::Rc::new(3))).detach();
/// ```
#[expect(dead_code, reason = "carries a doc test")]
struct DeferredJobsCaptureAndReturnWhatIsSend;

/// The callback of a job's progress stays on its thread: it may capture an `Rc`, and the reactor.
///
/// ```
/// # use ropewalk_threads::ReactorThreads as _;
/// let reactor = ropewalk_reactor::Reactor::new().unwrap();
/// let (last, weak) = (std::rc::Rc::new(std::cell::Cell::new(0)), reactor.downgrade());
/// let heard = move |_: &ropewalk_reactor::Reactor, n: u32| {
///     last.set(n);
///     weak.with(|reactor| reactor.stop());
/// };
/// reactor.defer_to_thread_with(heard, |job| Ok(job.report(3))).detach();
/// ```
///
/// The job may not.
///
/// ```compile_fail,E0277
/// # use ropewalk_threads::ReactorThreads as _;
/// let reactor = ropewalk_reactor::Reactor::new().unwrap();
/// let last = std::rc::Rc::new(std::cell::Cell::new(0));
/// let heard = |_: &ropewalk_reactor::Reactor, _: u32| ();
/// reactor.defer_to_thread_with(heard, move |job| { last.set(3); Ok(job.report(3)) }).detach();
/// ```
///
/// Nor may it report one.
///
/// ```compile_fail,E0277
/// # use ropewalk_threads::ReactorThreads as _;
/// let reactor = ropewalk_reactor::Reactor::new().unwrap();
/// let heard = |_: &ropewalk_reactor::Reactor, _: std::rc::Rc<u32>| ();
/// reactor.defer_to_thread_with(heard, |job| Ok(job.report(std::rc::Rc::new(3)))).detach();
/// ```
///
/// And what it has been lent is not its own.
///
/// ```compile_fail
/// # use ropewalk_threads::ReactorThreads as _;
/// let reactor = ropewalk_reactor::Reactor::new().unwrap();
/// let heard = |_: &ropewalk_reactor::Reactor, _: u32| ();
/// reactor.defer_to_thread_with(heard, |job| Ok(std::thread::spawn(|| job.report(3)))).detach();
/// ```
///
/// Within a scope it may be lent on.
///
/// ```
/// # use ropewalk_threads::ReactorThreads as _;
/// let reactor = ropewalk_reactor::Reactor::new().unwrap();
/// let heard = |_: &ropewalk_reactor::Reactor, _: u32| ();
/// let job = |job: &ropewalk_threads::ReportingJob<u32>| std::thread::scope(|scope| {
///     scope.spawn(|| job.report(3));
/// });
/// reactor.defer_to_thread_with(heard, job).detach();
/// ```
#[expect(dead_code, reason = "carries a doc test")]
struct ProgressIsSendAndItsCallbackNeedNotBe;

/// A job returns nothing or a `Result`; `?` makes its error a `Failure`.
///
/// ```
/// # use ropewalk_threads::ReactorThreads as _;
/// let reactor = ropewalk_reactor::Reactor::new().unwrap();
/// reactor.defer_to_thread(|| Ok(3)).detach();
/// reactor.defer_to_thread(|| Ok("3".parse::<u32>()?)).detach();
/// reactor.defer_to_thread(|| ()).add_callback(|()| ropewalk_deferred::Deferred::succeed(3)).detach();
/// ```
///
/// Neither a plain value, nor an error of its own, nor a `Deferred`.
///
/// ```compile_fail,E0277
/// # use ropewalk_threads::ReactorThreads as _;
/// let reactor = ropewalk_reactor::Reactor::new().unwrap();
/// reactor.defer_to_thread(|| 3).detach();
/// ```
///
/// ```compile_fail,E0277
/// # use ropewalk_threads::ReactorThreads as _;
/// let reactor = ropewalk_reactor::Reactor::new().unwrap();
/// reactor.defer_to_thread(|| "3".parse::<u32>()).detach();
/// ```
///
/// ```compile_fail,E0277
/// # use ropewalk_threads::ReactorThreads as _;
/// let reactor = ropewalk_reactor::Reactor::new().unwrap();
/// reactor.defer_to_thread(|| ropewalk_deferred::Deferred::succeed(3)).detach();
/// ```
#[expect(dead_code, reason = "carries a doc test")]
struct JobsReturnNothingOrAResult;

/// A blocking call brings back what is `Send`.
///
/// ```
/// # use ropewalk_threads::HandleThreads as _;
/// let reactor = ropewalk_reactor::Reactor::new().unwrap();
/// let answer = reactor.handle().eventually(|_| Ok(String::new()));
/// # drop(answer);
/// ```
///
/// Not a timer, which belongs to the reactor thread.
///
/// ```compile_fail,E0277
/// # use ropewalk_threads::HandleThreads as _;
/// # use std::time::Duration;
/// let reactor = ropewalk_reactor::Reactor::new().unwrap();
/// let answer = reactor.handle().eventually(|reactor| Ok(reactor.call_later(Duration::ZERO, |_| ())));
/// # drop(answer);
/// ```
///
/// Nor a `Deferred` in `Ok`: it is returned itself.
///
/// ```
/// # use ropewalk_threads::HandleThreads as _;
/// # use ropewalk_deferred::Deferred;
/// let reactor = ropewalk_reactor::Reactor::new().unwrap();
/// let answer = reactor.handle().eventually(|_| Deferred::succeed(3));
/// # drop(answer);
/// ```
///
/// ```compile_fail,E0277
/// # use ropewalk_threads::HandleThreads as _;
/// # use ropewalk_deferred::Deferred;
/// let reactor = ropewalk_reactor::Reactor::new().unwrap();
/// let answer = reactor.handle().eventually(|_| Ok(Deferred::succeed(3)));
/// # drop(answer);
/// ```
#[expect(dead_code, reason = "carries a doc test")]
struct AnswersAreSend;

/// What lives with the reactor answers from there.
///
/// ```
/// # use ropewalk_threads::RemoteThreads as _;
/// let reactor = ropewalk_reactor::Reactor::new().unwrap();
/// let remote = reactor.share(std::cell::Cell::new(3));
/// drop(remote.eventually(|number, _| Ok(number.get())));
/// ```
///
/// It does not come itself.
///
/// ```compile_fail,E0277
/// # use ropewalk_threads::RemoteThreads as _;
/// let reactor = ropewalk_reactor::Reactor::new().unwrap();
/// let remote = reactor.share(std::cell::Cell::new(3));
/// drop(remote.eventually(|number, _| Ok(number.clone())));
/// ```
///
/// Nor by a reference: it is lent for the time of the call.
///
/// ```compile_fail
/// # use ropewalk_threads::RemoteThreads as _;
/// let reactor = ropewalk_reactor::Reactor::new().unwrap();
/// let remote = reactor.share(std::sync::atomic::AtomicU32::new(3));
/// drop(remote.eventually(|number, _| Ok(&**number)));
/// ```
#[expect(dead_code, reason = "carries a doc test")]
struct AValueStaysWithItsReactor;
