//! A connection that is made again and again.

mod backoff;
mod builder;
mod error;

mod course;
mod link;
mod state;
mod waiters;

pub use backoff::Backoff;
pub use builder::ClientServiceBuilder;
pub use error::{NoProtocol, NotConnected};

use crate::{Address, ClientEndpoint, Factory, Transport};
use course::Course;
use ropewalk_deferred::Deferred;
use ropewalk_reactor::Reactor;
use state::State;
use std::fmt;
use std::rc::{Rc, Weak};

/// A client that keeps a connection: it connects, and when the connection is lost, or none was made,
/// it waits for a while and connects again, until it is stopped.
///
/// The factory makes a protocol for each connection when it is there. How long the waits are is said
/// by a [`Backoff`]; a connection that was made sets them back. A panic of the factory or of a
/// protocol ends that connection only.
///
/// Clones are the same service. One that has been started is owned by its reactor: it goes on if all
/// clones are dropped. It ends with [`stop_service`](Self::stop_service), when the reactor stops, and
/// when the reactor is dropped. After the first two of them it can be started again.
///
/// # Threads
///
/// Reactor thread; it is neither `Send` nor `Sync`.
///
/// # Notes
///
/// The factory, its protocols and what prepares connections should not keep a clone of their own
/// service: they would keep each other alive for ever. [`downgrade`](Self::downgrade) gives what they
/// can keep.
///
/// # Examples
///
/// ```
/// use ropewalk_net::{ClientService, Protocol, Transport, client_from_string};
/// use ropewalk_reactor::Reactor;
/// use ropewalk_task::ReactorTask as _;
///
/// struct Quiet;
/// impl Protocol for Quiet {
///     fn data_received(&mut self, _: &Transport, _: &[u8]) {}
/// }
///
/// let server = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let endpoint = format!("tcp:127.0.0.1:{}", server.local_addr()?.port());
///
/// let reactor = Reactor::new()?;
/// let service = ClientService::new(&reactor, client_from_string(&endpoint)?, |_peer| Quiet);
/// service.start_service();
/// let transport = reactor.run_until(service.when_connected(3))?;
/// assert_eq!(transport.peer(), server.local_addr()?);
/// # Ok::<(), ropewalk_deferred::Failure>(())
/// ```
///
/// Twisted: `ClientService`.
#[derive(Clone)]
pub struct ClientService(Rc<Course>);

impl ClientService {
    /// A service with the usual waits, not yet started.
    #[must_use]
    #[track_caller]
    pub fn new(
        reactor: &Reactor,
        endpoint: impl ClientEndpoint,
        factory: impl Factory<Address>,
    ) -> Self {
        Self::builder(endpoint, factory).build(reactor)
    }

    /// A service with other settings.
    pub fn builder(
        endpoint: impl ClientEndpoint,
        factory: impl Factory<Address>,
    ) -> ClientServiceBuilder {
        ClientServiceBuilder::new(Box::new(endpoint), Box::new(factory))
    }

    /// Connects, and keeps connected.
    ///
    /// If it is on already, nothing happens. If it is being stopped, it begins anew when the old
    /// connection is gone. While the reactor is at its end, it stays off.
    ///
    /// # Panics
    ///
    /// If the factory panics when it is told that it is needed; the service stays off.
    ///
    /// Twisted: `startService`.
    #[doc(alias = "startService")]
    pub fn start_service(&self) {
        self.0.start();
    }

    /// Ends the connection, when everything written has been sent, or the attempt to make one; the
    /// deferred fires when it is gone and its protocol has been told.
    ///
    /// Those who wait for a connection are told [`NotConnected::Stopped`]. A peer that does not read
    /// delays the end: see [`Transport::lose_connection`].
    ///
    /// # Panics
    ///
    /// If the factory panics when it is told that it is not needed any more; the service has stopped.
    ///
    /// Twisted: `stopService`.
    #[doc(alias = "stopService")]
    #[track_caller]
    pub fn stop_service(&self) -> Deferred<()> {
        let (promise, deferred) = Deferred::new();
        let mut stopping = self.0.stopping.take();
        stopping.push(promise);
        self.0.stopping.set(stopping);
        self.0.stop();
        deferred
    }

    /// Fires with the transport when there is a connection, and it is prepared; at once if there is
    /// one. One that was asked to end counts no more: it is the next one that is waited for.
    ///
    /// `fail_after_failures` is how many attempts may fail from now on before the deferred does,
    /// with [`NotConnected::Failed`]; `None` waits for as long as it takes. If the service is stopped,
    /// it fails with [`NotConnected::Stopped`]. If it was never started, it waits for that too.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn example(service: &ropewalk_net::ClientService) {
    /// service
    ///     .when_connected(3) // or `None`
    ///     .add_callback(|transport| {
    ///         transport.write(b"hello");
    ///     })
    ///     .add_errback(|failure| eprintln!("no connection: {failure:#}"))
    ///     .detach();
    /// # }
    /// ```
    ///
    /// Twisted: `whenConnected`.
    #[doc(alias = "whenConnected")]
    #[track_caller]
    pub fn when_connected(
        &self,
        fail_after_failures: impl Into<Option<u32>>,
    ) -> Deferred<Transport> {
        if let Some(transport) = self.transport() {
            return Deferred::succeed(transport);
        }
        let is_over = |state: &State| {
            matches!(
                state,
                State::Stopped
                    | State::Starting { stopped: true }
                    | State::Disconnecting { restart: false }
            )
        };
        if self.0.look(is_over) {
            return Deferred::fail(NotConnected::Stopped);
        }
        self.0.waiters.add(fail_after_failures.into())
    }

    /// The connection, if there is one, it is prepared, and it was not asked to end.
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        self.0.look(|state| match state {
            State::Connected(transport) => transport.is_connected().then(|| transport.clone()),
            _ => None,
        })
    }

    /// Whether it was started, and neither stopped nor asked to stop since then.
    ///
    /// Twisted: `running`.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.0.look(|state| {
            state.is_off()
                || matches!(
                    state,
                    State::Starting { stopped: true } | State::Disconnecting { restart: false }
                )
        })
    }

    /// A reference that does not keep the service.
    #[must_use]
    pub fn downgrade(&self) -> WeakClientService {
        WeakClientService(Rc::downgrade(&self.0))
    }
}

impl fmt::Debug for ClientService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientService")
            .field("state", &format_args!("{}", self.0.look(State::name)))
            .field("failures", &self.0.failures.get())
            .field("waiting", &self.0.waiters.len())
            .field("location", &format_args!("{}", self.0.location))
            .finish()
    }
}

/// A [`ClientService`] that is kept by somebody else, or by its reactor.
///
/// # Threads
///
/// Reactor thread; it is neither `Send` nor `Sync`.
#[derive(Clone)]
pub struct WeakClientService(Weak<Course>);

impl WeakClientService {
    /// The service; `None` if it is gone.
    #[must_use]
    pub fn upgrade(&self) -> Option<ClientService> {
        self.0.upgrade().map(ClientService)
    }
}

impl fmt::Debug for WeakClientService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakClientService")
    }
}
