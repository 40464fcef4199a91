//! Mistakes that must not compile (I1), each next to a twin that does.
//!
//! A test of the first block alone could fail for any reason; the twin pins down which one.

/// The handle may go to another thread.
///
/// ```
/// let reactor = ropewalk_reactor::Reactor::new().unwrap();
/// let handle = reactor.handle();
/// std::thread::spawn(move || handle.stop()).join().unwrap();
/// ```
///
/// The reactor may not.
///
/// ```compile_fail,E0277
/// let reactor = ropewalk_reactor::Reactor::new().unwrap();
/// std::thread::spawn(move || reactor.stop()).join().unwrap();
/// ```
#[expect(dead_code, reason = "carries a doc test")]
struct ReactorStaysOnItsThread;

/// A call may capture what is `Send`.
///
/// ```
/// let reactor = ropewalk_reactor::Reactor::new().unwrap();
/// let shared = std::sync::Arc::new(1);
/// reactor.handle().call_from_thread(move |_| drop(shared)).unwrap();
/// ```
///
/// It may not capture what belongs to one thread.
///
/// ```compile_fail,E0277
/// let reactor = ropewalk_reactor::Reactor::new().unwrap();
/// let shared = std::rc::Rc::new(1);
/// reactor.handle().call_from_thread(move |_| drop(shared)).unwrap();
/// ```
#[expect(dead_code, reason = "carries a doc test")]
struct CallsCaptureWhatIsSend;

/// A timer is cancelled on the reactor thread, for example through a `Remote`.
///
/// ```
/// # use std::time::Duration;
/// let reactor = ropewalk_reactor::Reactor::new().unwrap();
/// let timer = reactor.share(reactor.call_later(Duration::ZERO, |_| ()));
/// std::thread::spawn(move || timer.call_from_thread(|timer, _| timer.cancel().unwrap()).is_ok());
/// ```
///
/// Not on another one.
///
/// ```compile_fail,E0277
/// # use std::time::Duration;
/// let reactor = ropewalk_reactor::Reactor::new().unwrap();
/// let timer = reactor.call_later(Duration::ZERO, |_| ());
/// std::thread::spawn(move || timer.cancel().is_ok());
/// ```
#[expect(dead_code, reason = "carries a doc test")]
struct TimersStayOnTheirThread;
