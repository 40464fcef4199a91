//! The mistakes that the Twisted text warns of, which here do not compile (I1), each next to a twin
//! that does.
//!
//! A test of the failing program alone could fail for any reason; the twin pins down which one. The
//! crates below have more of them; these go through the facade, as a program would.

/// What stands for a reactor crosses threads.
///
/// ```
/// use ropewalk::prelude::*;
/// let reactor = Reactor::new().unwrap();
/// let value = Reactor::new().unwrap().handle();
/// std::thread::spawn(move || drop(value));
/// ```
///
/// ```
/// use ropewalk::prelude::*;
/// let reactor = Reactor::new().unwrap();
/// let value = Reactor::new().unwrap().handle();
/// reactor.call_in_thread(move || drop(value)).is_ok();
/// ```
///
/// ```
/// use ropewalk::prelude::*;
/// let reactor = Reactor::new().unwrap();
/// let value = Reactor::new().unwrap().handle();
/// reactor.defer_to_thread(move || drop(value)).detach();
/// ```
///
/// ```
/// use ropewalk::prelude::*;
/// let reactor = Reactor::new().unwrap();
/// let value = Reactor::new().unwrap().handle();
/// reactor.handle().call_from_thread(move |_| drop(value)).is_ok();
/// ```
///
/// Not a reactor itself, to another thread.
///
/// ```compile_fail,E0277
/// use ropewalk::prelude::*;
/// let reactor = Reactor::new().unwrap();
/// let value = Reactor::new().unwrap();
/// std::thread::spawn(move || drop(value));
/// ```
///
/// Not a reactor itself, by `call_in_thread`.
///
/// ```compile_fail,E0277
/// use ropewalk::prelude::*;
/// let reactor = Reactor::new().unwrap();
/// let value = Reactor::new().unwrap();
/// reactor.call_in_thread(move || drop(value)).is_ok();
/// ```
///
/// Not a reactor itself, by `defer_to_thread`.
///
/// ```compile_fail,E0277
/// use ropewalk::prelude::*;
/// let reactor = Reactor::new().unwrap();
/// let value = Reactor::new().unwrap();
/// reactor.defer_to_thread(move || drop(value)).detach();
/// ```
///
/// Not a reactor itself, by `call_from_thread`.
///
/// ```compile_fail,E0277
/// use ropewalk::prelude::*;
/// let reactor = Reactor::new().unwrap();
/// let value = Reactor::new().unwrap();
/// reactor.handle().call_from_thread(move |_| drop(value)).is_ok();
/// ```
#[expect(dead_code, reason = "carries doc tests")]
struct ReactorStaysOnItsThread;

/// What stands for a `Deferred` crosses threads.
///
/// ```
/// use ropewalk::prelude::*;
/// let reactor = Reactor::new().unwrap();
/// let value = ropewalk::deferred::Panicked::from_payload(Box::new(7), std::panic::Location::caller());
/// std::thread::spawn(move || drop(value));
/// ```
///
/// ```
/// use ropewalk::prelude::*;
/// let reactor = Reactor::new().unwrap();
/// let value = ropewalk::deferred::Panicked::from_payload(Box::new(7), std::panic::Location::caller());
/// reactor.call_in_thread(move || drop(value)).is_ok();
/// ```
///
/// ```
/// use ropewalk::prelude::*;
/// let reactor = Reactor::new().unwrap();
/// let value = ropewalk::deferred::Panicked::from_payload(Box::new(7), std::panic::Location::caller());
/// reactor.defer_to_thread(move || drop(value)).detach();
/// ```
///
/// ```
/// use ropewalk::prelude::*;
/// let reactor = Reactor::new().unwrap();
/// let value = ropewalk::deferred::Panicked::from_payload(Box::new(7), std::panic::Location::caller());
/// reactor.handle().call_from_thread(move |_| drop(value)).is_ok();
/// ```
///
/// Not a `Deferred` itself, to another thread.
///
/// ```compile_fail,E0277
/// use ropewalk::prelude::*;
/// let reactor = Reactor::new().unwrap();
/// let value = Deferred::succeed(7);
/// std::thread::spawn(move || drop(value));
/// ```
///
/// Not a `Deferred` itself, by `call_in_thread`.
///
/// ```compile_fail,E0277
/// use ropewalk::prelude::*;
/// let reactor = Reactor::new().unwrap();
/// let value = Deferred::succeed(7);
/// reactor.call_in_thread(move || drop(value)).is_ok();
/// ```
///
/// Not a `Deferred` itself, by `defer_to_thread`.
///
/// ```compile_fail,E0277
/// use ropewalk::prelude::*;
/// let reactor = Reactor::new().unwrap();
/// let value = Deferred::succeed(7);
/// reactor.defer_to_thread(move || drop(value)).detach();
/// ```
///
/// Not a `Deferred` itself, by `call_from_thread`.
///
/// ```compile_fail,E0277
/// use ropewalk::prelude::*;
/// let reactor = Reactor::new().unwrap();
/// let value = Deferred::succeed(7);
/// reactor.handle().call_from_thread(move |_| drop(value)).is_ok();
/// ```
#[expect(dead_code, reason = "carries doc tests")]
struct DeferredStaysOnItsThread;

/// What stands for a `Promise` crosses threads.
///
/// ```
/// use ropewalk::prelude::*;
/// let reactor = Reactor::new().unwrap();
/// let value = reactor.share(Deferred::<u32>::new());
/// std::thread::spawn(move || drop(value));
/// ```
///
/// ```
/// use ropewalk::prelude::*;
/// let reactor = Reactor::new().unwrap();
/// let value = reactor.share(Deferred::<u32>::new());
/// reactor.call_in_thread(move || drop(value)).is_ok();
/// ```
///
/// ```
/// use ropewalk::prelude::*;
/// let reactor = Reactor::new().unwrap();
/// let value = reactor.share(Deferred::<u32>::new());
/// reactor.defer_to_thread(move || drop(value)).detach();
/// ```
///
/// ```
/// use ropewalk::prelude::*;
/// let reactor = Reactor::new().unwrap();
/// let value = reactor.share(Deferred::<u32>::new());
/// reactor.handle().call_from_thread(move |_| drop(value)).is_ok();
/// ```
///
/// Not a `Promise` itself, to another thread.
///
/// ```compile_fail,E0277
/// use ropewalk::prelude::*;
/// let reactor = Reactor::new().unwrap();
/// let (value, _deferred) = Deferred::<u32>::new();
/// std::thread::spawn(move || drop(value));
/// ```
///
/// Not a `Promise` itself, by `call_in_thread`.
///
/// ```compile_fail,E0277
/// use ropewalk::prelude::*;
/// let reactor = Reactor::new().unwrap();
/// let (value, _deferred) = Deferred::<u32>::new();
/// reactor.call_in_thread(move || drop(value)).is_ok();
/// ```
///
/// Not a `Promise` itself, by `defer_to_thread`.
///
/// ```compile_fail,E0277
/// use ropewalk::prelude::*;
/// let reactor = Reactor::new().unwrap();
/// let (value, _deferred) = Deferred::<u32>::new();
/// reactor.defer_to_thread(move || drop(value)).detach();
/// ```
///
/// Not a `Promise` itself, by `call_from_thread`.
///
/// ```compile_fail,E0277
/// use ropewalk::prelude::*;
/// let reactor = Reactor::new().unwrap();
/// let (value, _deferred) = Deferred::<u32>::new();
/// reactor.handle().call_from_thread(move |_| drop(value)).is_ok();
/// ```
#[expect(dead_code, reason = "carries doc tests")]
struct PromiseStaysOnItsThread;

/// What stands for a transport crosses threads.
///
/// ```
/// use ropewalk::prelude::*;
/// # use ropewalk::net::Transport;
/// # fn transport(_: &Reactor) -> Transport { ropewalk_testing::MemoryTransport::connect(Ignore).transport() }
/// # struct Ignore;
/// # impl ropewalk::net::Protocol for Ignore { fn data_received(&mut self, _: &Transport, _: &[u8]) {} }
/// let reactor = Reactor::new().unwrap();
/// let value: Remote<Transport> = reactor.share(transport(&reactor));
/// std::thread::spawn(move || drop(value));
/// ```
///
/// ```
/// use ropewalk::prelude::*;
/// # use ropewalk::net::Transport;
/// # fn transport(_: &Reactor) -> Transport { ropewalk_testing::MemoryTransport::connect(Ignore).transport() }
/// # struct Ignore;
/// # impl ropewalk::net::Protocol for Ignore { fn data_received(&mut self, _: &Transport, _: &[u8]) {} }
/// let reactor = Reactor::new().unwrap();
/// let value: Remote<Transport> = reactor.share(transport(&reactor));
/// reactor.call_in_thread(move || drop(value)).is_ok();
/// ```
///
/// ```
/// use ropewalk::prelude::*;
/// # use ropewalk::net::Transport;
/// # fn transport(_: &Reactor) -> Transport { ropewalk_testing::MemoryTransport::connect(Ignore).transport() }
/// # struct Ignore;
/// # impl ropewalk::net::Protocol for Ignore { fn data_received(&mut self, _: &Transport, _: &[u8]) {} }
/// let reactor = Reactor::new().unwrap();
/// let value: Remote<Transport> = reactor.share(transport(&reactor));
/// reactor.defer_to_thread(move || drop(value)).detach();
/// ```
///
/// ```
/// use ropewalk::prelude::*;
/// # use ropewalk::net::Transport;
/// # fn transport(_: &Reactor) -> Transport { ropewalk_testing::MemoryTransport::connect(Ignore).transport() }
/// # struct Ignore;
/// # impl ropewalk::net::Protocol for Ignore { fn data_received(&mut self, _: &Transport, _: &[u8]) {} }
/// let reactor = Reactor::new().unwrap();
/// let value: Remote<Transport> = reactor.share(transport(&reactor));
/// reactor.handle().call_from_thread(move |_| drop(value)).is_ok();
/// ```
///
/// Not a transport itself, to another thread.
///
/// ```compile_fail,E0277
/// use ropewalk::prelude::*;
/// # use ropewalk::net::Transport;
/// # fn transport(_: &Reactor) -> Transport { ropewalk_testing::MemoryTransport::connect(Ignore).transport() }
/// # struct Ignore;
/// # impl ropewalk::net::Protocol for Ignore { fn data_received(&mut self, _: &Transport, _: &[u8]) {} }
/// let reactor = Reactor::new().unwrap();
/// let value: Transport = transport(&reactor);
/// std::thread::spawn(move || drop(value));
/// ```
///
/// Not a transport itself, by `call_in_thread`.
///
/// ```compile_fail,E0277
/// use ropewalk::prelude::*;
/// # use ropewalk::net::Transport;
/// # fn transport(_: &Reactor) -> Transport { ropewalk_testing::MemoryTransport::connect(Ignore).transport() }
/// # struct Ignore;
/// # impl ropewalk::net::Protocol for Ignore { fn data_received(&mut self, _: &Transport, _: &[u8]) {} }
/// let reactor = Reactor::new().unwrap();
/// let value: Transport = transport(&reactor);
/// reactor.call_in_thread(move || drop(value)).is_ok();
/// ```
///
/// Not a transport itself, by `defer_to_thread`.
///
/// ```compile_fail,E0277
/// use ropewalk::prelude::*;
/// # use ropewalk::net::Transport;
/// # fn transport(_: &Reactor) -> Transport { ropewalk_testing::MemoryTransport::connect(Ignore).transport() }
/// # struct Ignore;
/// # impl ropewalk::net::Protocol for Ignore { fn data_received(&mut self, _: &Transport, _: &[u8]) {} }
/// let reactor = Reactor::new().unwrap();
/// let value: Transport = transport(&reactor);
/// reactor.defer_to_thread(move || drop(value)).detach();
/// ```
///
/// Not a transport itself, by `call_from_thread`.
///
/// ```compile_fail,E0277
/// use ropewalk::prelude::*;
/// # use ropewalk::net::Transport;
/// # fn transport(_: &Reactor) -> Transport { ropewalk_testing::MemoryTransport::connect(Ignore).transport() }
/// # struct Ignore;
/// # impl ropewalk::net::Protocol for Ignore { fn data_received(&mut self, _: &Transport, _: &[u8]) {} }
/// let reactor = Reactor::new().unwrap();
/// let value: Transport = transport(&reactor);
/// reactor.handle().call_from_thread(move |_| drop(value)).is_ok();
/// ```
#[cfg(feature = "net")]
#[expect(dead_code, reason = "carries doc tests")]
struct TransportStaysOnItsThread;

/// A promise is fired once.
///
/// ```
/// use ropewalk::prelude::*;
/// let (promise, deferred) = Deferred::new();
/// promise.callback(7);
/// assert_eq!(deferred.try_take().unwrap().unwrap(), 7);
/// ```
///
/// Not twice, and not after it has failed.
///
/// ```compile_fail,E0382
/// use ropewalk::prelude::*;
/// let (promise, deferred) = Deferred::new();
/// promise.callback(7);
/// promise.callback(7);
/// assert_eq!(deferred.try_take().unwrap().unwrap(), 7);
/// ```
///
/// ```compile_fail,E0382
/// use ropewalk::prelude::*;
/// let (promise, deferred) = Deferred::new();
/// promise.errback(std::fmt::Error);
/// promise.callback(7);
/// assert_eq!(deferred.try_take().unwrap().unwrap(), 7);
/// ```
#[expect(dead_code, reason = "carries doc tests")]
struct APromiseIsFiredOnce;

/// A `Deferred` goes on in what `add_callback` returns.
///
/// ```
/// use ropewalk::prelude::*;
/// let deferred = Deferred::succeed(7);
/// let deferred = deferred.add_callback(|_| ());
/// deferred.detach();
/// ```
///
/// Not in what it was.
///
/// ```compile_fail,E0382
/// use ropewalk::prelude::*;
/// let deferred = Deferred::succeed(7);
/// deferred.add_callback(|_| ()).detach();
/// deferred.detach();
/// ```
#[expect(dead_code, reason = "carries doc tests")]
struct ADeferredIsConsumed;
