//! What this module adds to a reactor.

use super::UnixListenOptions;
use super::listen::{adopt, listen};
use crate::connecting::{self, ConnectOptions, Target};
use crate::error::CannotListen;
use crate::listening::ListeningPort;
use crate::{Factory, Protocol, Transport, UnixAddress};
use ropewalk_deferred::Deferred;
use ropewalk_reactor::Reactor;
use std::os::unix::net::UnixListener;
use std::panic::Location;

mod sealed {
    use ropewalk_reactor::Reactor;

    #[expect(unnameable_types, reason = "what cannot be named cannot be implemented elsewhere")]
    pub trait Sealed {}
    impl Sealed for Reactor {}
}

/// Unix sockets on a [`Reactor`].
///
/// # Threads
///
/// Reactor thread, all of it.
///
/// Twisted: `IReactorUNIX`.
#[doc(alias = "IReactorUNIX")]
pub trait ReactorUnix: sealed::Sealed {
    /// Accepts connections at a path: text, a path, or a [`UnixAddress`].
    ///
    /// The socket listens when this returns. Its file is removed when the [`ListeningPort`] is closed:
    /// when it is dropped, and when the reactor stops or is dropped. A file that a program has left
    /// behind that was killed, so that nobody answers there, is replaced.
    ///
    /// # Errors
    ///
    /// [`CannotListen`], with the factory inside: somebody listens there already, something else has
    /// that name, the directory is not there or not ours, the path is too long, or the reactor is
    /// stopping.
    ///
    /// # Panics
    ///
    /// With the factory, in its `started`; the socket is closed then.
    ///
    /// # Notes
    ///
    /// Of two programs that start at the same moment, and both find a file left behind, one may lose
    /// its place to the other. Where that can happen, have each start under a lock.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_net::{Protocol, ReactorUnix as _, Transport};
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
    /// let path = std::env::temp_dir().join(format!("echo-{}.sock", std::process::id()));
    /// let port = reactor.listen_unix(&path, |_peer| Echo).unwrap();
    /// assert!(path.exists());
    /// drop(port);
    /// assert!(!path.exists());
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// Twisted: `listenUNIX`.
    #[doc(alias = "listenUNIX")]
    #[track_caller]
    fn listen_unix<F: Factory<UnixAddress>>(
        &self,
        path: impl Into<UnixAddress>,
        factory: F,
    ) -> Result<ListeningPort<UnixAddress>, CannotListen<F>>;

    /// As [`listen_unix`](Self::listen_unix), with options.
    ///
    /// # Errors
    ///
    /// As [`listen_unix`](Self::listen_unix).
    ///
    /// # Panics
    ///
    /// As [`listen_unix`](Self::listen_unix).
    #[track_caller]
    fn listen_unix_with<F: Factory<UnixAddress>>(
        &self,
        path: impl Into<UnixAddress>,
        options: UnixListenOptions,
        factory: F,
    ) -> Result<ListeningPort<UnixAddress>, CannotListen<F>>;

    /// As [`listen_unix`](Self::listen_unix), on a socket that listens already: one that a parent
    /// process has opened, for example. Its file stays.
    ///
    /// # Errors
    ///
    /// [`CannotListen`], with the socket and the factory inside.
    ///
    /// # Panics
    ///
    /// As [`listen_unix`](Self::listen_unix).
    #[track_caller]
    fn listen_unix_on<F: Factory<UnixAddress>>(
        &self,
        socket: UnixListener,
        factory: F,
    ) -> Result<ListeningPort<UnixAddress>, CannotListen<(UnixListener, F)>>;

    /// Connects to the socket at a path. The deferred fires when `protocol` has been told of the
    /// connection.
    ///
    /// A server whose backlog is full is waited for, up to 30 seconds.
    ///
    /// Fails with [`ConnectError`](crate::ConnectError), or with
    /// [`Cancelled`](ropewalk_deferred::Cancelled) if the deferred is cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_net::{ConnectError, Protocol, ReactorUnix as _, Transport};
    /// use ropewalk_reactor::Reactor;
    /// use ropewalk_task::ReactorTask as _;
    ///
    /// struct Quiet;
    ///
    /// impl Protocol for Quiet {
    ///     fn data_received(&mut self, _: &Transport, _: &[u8]) {}
    /// }
    ///
    /// let reactor = Reactor::new()?;
    /// let connected = reactor.connect_unix("nobody/is/here.sock", Quiet);
    /// let failure = reactor.run_until(connected).unwrap_err();
    /// assert!(failure.is::<ConnectError>());
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// Twisted: `connectUNIX`.
    #[doc(alias = "connectUNIX")]
    #[track_caller]
    fn connect_unix<P: Protocol>(
        &self,
        path: impl Into<UnixAddress>,
        protocol: P,
    ) -> Deferred<Transport>;

    /// As [`connect_unix`](Self::connect_unix), with options, of which the time limit alone has a
    /// meaning here.
    #[track_caller]
    fn connect_unix_with<P: Protocol>(
        &self,
        path: impl Into<UnixAddress>,
        options: ConnectOptions,
        protocol: P,
    ) -> Deferred<Transport>;
}

impl ReactorUnix for Reactor {
    fn listen_unix<F: Factory<UnixAddress>>(
        &self,
        path: impl Into<UnixAddress>,
        factory: F,
    ) -> Result<ListeningPort<UnixAddress>, CannotListen<F>> {
        listen(self, &path.into(), &UnixListenOptions::new(), factory, Location::caller())
    }

    fn listen_unix_with<F: Factory<UnixAddress>>(
        &self,
        path: impl Into<UnixAddress>,
        options: UnixListenOptions,
        factory: F,
    ) -> Result<ListeningPort<UnixAddress>, CannotListen<F>> {
        listen(self, &path.into(), &options, factory, Location::caller())
    }

    fn listen_unix_on<F: Factory<UnixAddress>>(
        &self,
        socket: UnixListener,
        factory: F,
    ) -> Result<ListeningPort<UnixAddress>, CannotListen<(UnixListener, F)>> {
        adopt(self, socket, factory, Location::caller())
    }

    fn connect_unix<P: Protocol>(
        &self,
        path: impl Into<UnixAddress>,
        protocol: P,
    ) -> Deferred<Transport> {
        self.connect_unix_with(path, ConnectOptions::new(), protocol)
    }

    fn connect_unix_with<P: Protocol>(
        &self,
        path: impl Into<UnixAddress>,
        options: ConnectOptions,
        protocol: P,
    ) -> Deferred<Transport> {
        connecting::connect(self, Target::Unix(path.into()), options.anywhere(), Box::new(protocol))
    }
}
