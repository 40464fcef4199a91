//! What this crate adds to a reactor.

use crate::connecting::ConnectOptions;
use crate::error::CannotListen;
use crate::listening::ListeningPort;
use crate::resolver::{self, ResolveOptions, Resolver};
use crate::tcp::{self, ListenAddress, ListenOptions};
use crate::{Factory, Protocol, Transport, network};
use ropewalk_deferred::Deferred;
use ropewalk_reactor::Reactor;
use std::net::{SocketAddr, TcpListener};
use std::panic::Location;
use std::rc::Rc;

mod sealed {
    use ropewalk_reactor::Reactor;

    #[expect(unnameable_types, reason = "what cannot be named cannot be implemented elsewhere")]
    pub trait Sealed {}
    impl Sealed for Reactor {}
}

/// Networking on a [`Reactor`].
///
/// # Threads
///
/// Reactor thread, all of it.
///
/// Twisted: `IReactorTCP`, `IReactorPluggableResolver`.
#[doc(alias = "IReactorTCP")]
pub trait ReactorNet: sealed::Sealed {
    /// Listens on `address`; `factory`, mostly a closure such as `|_peer| Echo`, makes a protocol for
    /// each connection.
    ///
    /// The port is open when this returns; connections are accepted while the reactor runs. It is
    /// closed when the [`ListeningPort`] is dropped, and when the reactor stops.
    ///
    /// When the process has no descriptors left, the port warns, waits a little and tries again. Those
    /// who then still wait to be accepted are reset, so that they know, and do not wait for ever.
    ///
    /// # Errors
    ///
    /// [`CannotListen`], with the factory inside: the address is none, is in use or not allowed, or
    /// the reactor is stopping.
    ///
    /// # Panics
    ///
    /// With the factory, in its [`started`](Factory::started); the port is closed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_net::{Protocol, ReactorNet as _, Transport};
    /// use ropewalk_reactor::Reactor;
    ///
    /// struct Echo;
    ///
    /// impl Protocol for Echo {
    ///     fn data_received(&mut self, transport: &Transport, data: &[u8]) {
    ///         transport.write(data);
    ///     }
    /// }
    ///
    /// let reactor = Reactor::new()?;
    /// let port = reactor.listen_tcp("127.0.0.1:0", |_peer| Echo).unwrap();
    /// println!("listening on {}", port.address());
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// Twisted: `listenTCP`.
    #[doc(alias = "listenTCP")]
    #[track_caller]
    fn listen_tcp<F: Factory>(
        &self,
        address: impl ListenAddress,
        factory: F,
    ) -> Result<ListeningPort, CannotListen<F>>;

    /// As [`listen_tcp`](Self::listen_tcp), with other settings: for one, with a port that several
    /// reactors share.
    ///
    /// # Errors
    ///
    /// As `listen_tcp`; and a system that cannot do what an option asks for.
    ///
    /// # Panics
    ///
    /// As `listen_tcp`.
    #[track_caller]
    fn listen_tcp_with<F: Factory>(
        &self,
        address: impl ListenAddress,
        options: ListenOptions,
        factory: F,
    ) -> Result<ListeningPort, CannotListen<F>>;

    /// Listens on a socket that was opened elsewhere: by whoever started this program, or as a clone
    /// of the one of another reactor.
    ///
    /// It becomes non-blocking, and so do its clones. Reactors with clones of one socket share its
    /// connections: whoever is first has the next one. Each closes its own; the port is closed with
    /// the last.
    ///
    /// # Errors
    ///
    /// [`CannotListen`], with the listener and the factory inside: the operating system refuses to
    /// watch it, or the reactor is stopping.
    ///
    /// # Panics
    ///
    /// As [`listen_tcp`](Self::listen_tcp).
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_net::{Protocol, ReactorNet as _, Transport};
    /// use ropewalk_reactor::Reactor;
    /// # struct Quiet;
    /// # impl Protocol for Quiet {
    /// #     fn data_received(&mut self, _: &Transport, _: &[u8]) {}
    /// # }
    ///
    /// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let (reactor, other) = (Reactor::new()?, Reactor::new()?);
    /// let port = reactor.listen_on(listener.try_clone()?, |_peer| Quiet).unwrap();
    /// // Most likely that is done in another thread.
    /// let same = other.listen_on(listener, |_peer| Quiet).unwrap();
    /// assert_eq!(port.address(), same.address());
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// Twisted: `adoptStreamPort`.
    #[doc(alias = "adoptStreamPort")]
    #[track_caller]
    fn listen_on<F: Factory>(
        &self,
        listener: TcpListener,
        factory: F,
    ) -> Result<ListeningPort, CannotListen<(TcpListener, F)>>;

    /// Connects to `port` of `host`, a name or an address, within 30 seconds.
    ///
    /// The addresses of the name are tried in turn. When one takes the connection the protocol's
    /// `connection_made` is called, and then the deferred fires with the transport. Otherwise it
    /// fails with [`ConnectError`](crate::ConnectError), and the protocol is dropped. Cancelling it
    /// ends the attempt, with [`Cancelled`](ropewalk_deferred::Cancelled).
    ///
    /// If `connection_made` panics that is the end of the connection, of which the protocol is told;
    /// the deferred fails with [`Panicked`](ropewalk_deferred::Panicked), and the panic goes on to the
    /// reactor.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_net::{ConnectError, Protocol, ReactorNet as _, Transport};
    /// use ropewalk_reactor::Reactor;
    /// use ropewalk_task::ReactorTask as _;
    ///
    /// struct Quiet;
    /// impl Protocol for Quiet {
    ///     fn data_received(&mut self, _: &Transport, _: &[u8]) {}
    /// }
    ///
    /// // A port that nobody listens on.
    /// let free = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    ///
    /// let reactor = Reactor::new()?;
    /// let connected = reactor.connect_tcp("127.0.0.1", free, Quiet);
    /// let failure = reactor.run_until(connected).unwrap_err();
    /// assert!(failure.downcast_ref::<ConnectError>().unwrap().is_refused());
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// Twisted: `connectTCP`.
    #[doc(alias = "connectTCP")]
    #[track_caller]
    fn connect_tcp<P: Protocol>(&self, host: &str, port: u16, protocol: P) -> Deferred<Transport>;

    /// As [`connect_tcp`](Self::connect_tcp), with other settings.
    #[track_caller]
    fn connect_tcp_with<P: Protocol>(
        &self,
        host: &str,
        port: u16,
        options: ConnectOptions,
        protocol: P,
    ) -> Deferred<Transport>;

    /// Finds the addresses of `host`, within 60 seconds; `port` is put into each.
    ///
    /// An address is its own answer. A name that is asked for outside of a run has its answer in
    /// the next one. Those who want the same name at the same time share one question.
    ///
    /// The deferred fails with [`ResolveError`](crate::ResolveError), which tells apart what cannot
    /// be a name, what does not exist, and what nobody answered. Cancelling it forgets the name.
    ///
    /// # Notes
    ///
    /// The default [`Resolver`] asks the system for four names at a time; the others wait. What it is
    /// asked for cannot be called off: a name whose servers keep silent takes up one of the four until
    /// the system gives up, however often it is asked for.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_net::ReactorNet as _;
    /// use ropewalk_reactor::Reactor;
    /// use ropewalk_task::ReactorTask as _;
    ///
    /// let reactor = Reactor::new()?;
    /// for address in reactor.run_until(reactor.resolve("localhost", 80))? {
    ///     println!("{address}");
    /// }
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    ///
    /// Twisted: `resolve`.
    #[track_caller]
    fn resolve(&self, host: &str, port: u16) -> Deferred<Vec<SocketAddr>>;

    /// As [`resolve`](Self::resolve), with other settings: one family of addresses, another deadline.
    ///
    /// Twisted: `IReactorPluggableNameResolver.nameResolver`, `resolveHostName`.
    #[doc(alias = "resolveHostName")]
    #[track_caller]
    fn resolve_with(
        &self,
        host: &str,
        port: u16,
        options: ResolveOptions,
    ) -> Deferred<Vec<SocketAddr>>;

    /// The resolver that answers for names now: for one that answers for some of them itself, and asks
    /// this one for the others.
    ///
    /// Twisted: `nameResolver`.
    #[doc(alias = "nameResolver")]
    fn resolver(&self) -> Rc<dyn Resolver>;

    /// Has another resolver answer for names from now on; gives back the one before.
    ///
    /// Twisted: `installResolver`.
    #[doc(alias = "installResolver")]
    fn install_resolver(&self, resolver: impl Resolver) -> Rc<dyn Resolver>;
}

impl ReactorNet for Reactor {
    fn listen_tcp<F: Factory>(
        &self,
        address: impl ListenAddress,
        factory: F,
    ) -> Result<ListeningPort, CannotListen<F>> {
        tcp::listen(self, address, &ListenOptions::new(), factory, Location::caller())
    }

    fn listen_tcp_with<F: Factory>(
        &self,
        address: impl ListenAddress,
        options: ListenOptions,
        factory: F,
    ) -> Result<ListeningPort, CannotListen<F>> {
        tcp::listen(self, address, &options, factory, Location::caller())
    }

    fn listen_on<F: Factory>(
        &self,
        listener: TcpListener,
        factory: F,
    ) -> Result<ListeningPort, CannotListen<(TcpListener, F)>> {
        tcp::adopt(self, listener, factory, Location::caller())
    }

    fn connect_tcp<P: Protocol>(&self, host: &str, port: u16, protocol: P) -> Deferred<Transport> {
        tcp::connect(self, (host, port), ConnectOptions::new(), Box::new(protocol))
    }

    fn connect_tcp_with<P: Protocol>(
        &self,
        host: &str,
        port: u16,
        options: ConnectOptions,
        protocol: P,
    ) -> Deferred<Transport> {
        tcp::connect(self, (host, port), options, Box::new(protocol))
    }

    fn resolve(&self, host: &str, port: u16) -> Deferred<Vec<SocketAddr>> {
        resolver::resolve(self, host, port, &ResolveOptions::new())
    }

    fn resolve_with(
        &self,
        host: &str,
        port: u16,
        options: ResolveOptions,
    ) -> Deferred<Vec<SocketAddr>> {
        resolver::resolve(self, host, port, &options)
    }

    fn resolver(&self) -> Rc<dyn Resolver> {
        network::Network::of(self).resolver()
    }

    fn install_resolver(&self, resolver: impl Resolver) -> Rc<dyn Resolver> {
        network::Network::of(self).install_resolver(Rc::new(resolver))
    }
}
