//! Mistakes that must not compile (I1, W16), each next to a twin that does.
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

/// A reference to the current reactor is for this thread.
///
/// ```
/// use ropewalk_reactor::Reactor;
/// let look = || Reactor::current().is_none();
/// assert!(std::thread::spawn(look).join().unwrap());
/// ```
///
/// It does not go to another one.
///
/// ```compile_fail,E0277
/// use ropewalk_reactor::Reactor;
/// let current = Reactor::current();
/// let look = || current.is_none();
/// assert!(std::thread::spawn(look).join().unwrap());
/// ```
#[expect(dead_code, reason = "carries a doc test")]
struct ReferencesStayOnTheirThread;

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

/// A source is lent by its registration, as long as that lives.
///
/// ```
/// # use ropewalk_reactor::{Interest, Reactor};
/// let reactor = Reactor::new().unwrap();
/// let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
/// let registration = reactor.register(socket, Interest::READABLE, |_, _, _| ()).unwrap();
/// assert!(registration.source().local_addr().is_ok());
/// drop(registration); // closes it, and that is the one way
/// ```
///
/// Nobody else has it any more, to close it while it is watched.
///
/// ```compile_fail,E0382
/// # use ropewalk_reactor::{Interest, Reactor};
/// let reactor = Reactor::new().unwrap();
/// let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
/// let registration = reactor.register(socket, Interest::READABLE, |_, _, _| ()).unwrap();
/// drop(socket);
/// ```
///
/// It cannot be taken out.
///
/// ```compile_fail,E0507
/// # use ropewalk_reactor::{Interest, Reactor};
/// let reactor = Reactor::new().unwrap();
/// let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
/// let registration = reactor.register(socket, Interest::READABLE, |_, _, _| ()).unwrap();
/// drop::<std::net::UdpSocket>(*registration.source());
/// ```
///
/// Its callback is lent it as well.
///
/// ```compile_fail,E0507
/// # use ropewalk_reactor::{Interest, Reactor};
/// let reactor = Reactor::new().unwrap();
/// let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
/// let drops = |_: &Reactor, socket: &std::net::UdpSocket, _| drop::<std::net::UdpSocket>(*socket);
/// let registration = reactor.register(socket, Interest::READABLE, drops).unwrap();
/// ```
#[expect(dead_code, reason = "carries a doc test")]
struct SourcesAreClosedByTheirRegistration;

/// A hold may go to the thread on which the work ends that it waits for.
///
/// ```
/// # use ropewalk_reactor::{Reactor, SystemEvent};
/// let reactor = Reactor::new().unwrap();
/// let hold = reactor.hold(SystemEvent::Shutdown);
/// std::thread::spawn(move || drop(hold)).join().unwrap();
/// ```
///
/// A registration may not: its drop is the reactor's business.
///
/// ```compile_fail,E0277
/// # use ropewalk_reactor::{Interest, Reactor};
/// let reactor = Reactor::new().unwrap();
/// let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
/// let registration = reactor.register(socket, Interest::READABLE, |_, _, _| ()).unwrap();
/// std::thread::spawn(move || drop(registration));
/// ```
#[expect(dead_code, reason = "carries a doc test")]
struct RegistrationsStayOnTheirThread;

/// A remote gives its value on the reactor thread.
///
/// ```
/// # use ropewalk_reactor::Reactor;
/// let reactor = Reactor::new().unwrap();
/// let remote = reactor.share(std::rc::Rc::new(1));
/// std::thread::spawn(move || remote.call_from_thread(|one, _| drop(one.clone())).is_ok());
/// ```
///
/// What it gives there stays there.
///
/// ```compile_fail,E0277
/// # use ropewalk_reactor::Reactor;
/// let reactor = Reactor::new().unwrap();
/// let remote = reactor.share(std::rc::Rc::new(1));
/// let value = remote.get(&reactor).unwrap();
/// std::thread::spawn(move || drop(value));
/// ```
///
/// Nor can it be brought to a reactor that is asked for on another thread.
///
/// ```compile_fail,E0277
/// # use ropewalk_reactor::Reactor;
/// let reactor = Reactor::new().unwrap();
/// let remote = reactor.share(std::rc::Rc::new(1));
/// let weak = reactor.downgrade();
/// std::thread::spawn(move || weak.with(|reactor| remote.get(reactor)));
/// ```
#[expect(dead_code, reason = "carries a doc test")]
struct SharedValuesStayOnTheirThread;

/// A selector that is driven by hand stays with its reactor.
///
/// ```
/// # use ropewalk_reactor::{ManualSelector, Reactor};
/// let selector = ManualSelector::new();
/// let reactor = Reactor::builder().manual_selector(&selector).build().unwrap();
/// let handle = reactor.handle();
/// std::thread::spawn(move || handle.stop()).join().unwrap(); // wakes it
/// assert!(selector.waits().is_empty());
/// ```
///
/// It does not go to another thread.
///
/// ```compile_fail,E0277
/// # use ropewalk_reactor::{ManualSelector, Reactor};
/// let selector = ManualSelector::new();
/// let reactor = Reactor::builder().manual_selector(&selector).build().unwrap();
/// std::thread::spawn(move || selector.waits()).join().unwrap();
/// ```
#[expect(dead_code, reason = "carries a doc test")]
struct ManualSelectorsStayWithTheirReactor;
