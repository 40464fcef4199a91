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
#[expect(dead_code, reason = "carries a doc test")]
struct AnswersAreSend;
