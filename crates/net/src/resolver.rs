//! Host names: what answers for them, and what every lookup has in common.
//!
//! Every lookup ends: with addresses, or with a typed error. Names that cannot be names and
//! addresses that need no lookup never reach a resolver.

mod host;
mod lookup;
mod threaded;

pub(crate) use host::{Host, classify};
pub(crate) use lookup::{TIMEOUT, resolve};
pub(crate) use threaded::Threaded;

use ropewalk_deferred::Deferred;
use ropewalk_reactor::Reactor;
use std::net::SocketAddr;
use std::rc::Rc;

/// Finds the addresses of host names.
///
/// The default one asks the system, in a few threads of its own: a name that takes long keeps no
/// other work from running, and no other work keeps a name from being found.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::Deferred;
/// use ropewalk_net::{ReactorNet as _, ResolveError, ResolveErrorKind, Resolver};
/// use ropewalk_reactor::Reactor;
/// use std::net::SocketAddr;
///
/// /// Knows one name.
/// struct Fixed;
///
/// impl Resolver for Fixed {
///     fn resolve(&self, _: &Reactor, host: &str, port: u16) -> Deferred<Vec<SocketAddr>> {
///         match host {
///             "database" => Deferred::succeed(vec![([127, 0, 0, 1], port).into()]),
///             _ => Deferred::fail(ResolveError::new(host, ResolveErrorKind::NoAddress)),
///         }
///     }
/// }
///
/// let reactor = Reactor::new()?;
/// reactor.install_resolver(Fixed);
/// let addresses = reactor.resolve("database", 5432).try_take().unwrap()?;
/// assert_eq!(addresses[0].to_string(), "127.0.0.1:5432");
/// # Ok::<(), ropewalk_deferred::Failure>(())
/// ```
///
/// Twisted: `IResolverSimple`, `IHostnameResolver`.
#[doc(alias = "IResolverSimple")]
#[doc(alias = "IHostnameResolver")]
pub trait Resolver: 'static {
    /// Looks up `host`, a name and not an address; the answer has `port` in it.
    ///
    /// Called on the reactor thread; it must not block. The deferred is cancelled if nobody wants
    /// the answer any more, or if it takes too long.
    fn resolve(&self, reactor: &Reactor, host: &str, port: u16) -> Deferred<Vec<SocketAddr>>;

    /// The reactor stops: let go of threads and sockets. Lookups may come again, in another run.
    fn stopped(&self) {}
}

impl<R: Resolver + ?Sized> Resolver for Rc<R> {
    fn resolve(&self, reactor: &Reactor, host: &str, port: u16) -> Deferred<Vec<SocketAddr>> {
        (**self).resolve(reactor, host, port)
    }

    fn stopped(&self) {
        (**self).stopped();
    }
}
