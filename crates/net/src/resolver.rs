//! Host names: what answers for them, and what every lookup has in common.
//!
//! Every lookup ends: with addresses, or with a typed error. Names that cannot be names and
//! addresses that need no lookup never reach a resolver.

mod options;
mod query;

mod lookup;

mod flight;
mod host;
mod international;

mod question;
mod system;
mod threaded;

pub(crate) use host::{Host, classify};
#[cfg(feature = "tls")]
pub(crate) use international::to_ascii;
pub(crate) use lookup::resolve;
pub use options::ResolveOptions;
pub use query::{AddressFamily, NameQuery};
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
/// Whichever it is, what all lookups have in common is done around it: names with letters beyond ASCII
/// are encoded (feature `idna`), each lookup has a deadline, those who want the same name at the same
/// time share one question, and failures of other types, panics among them, become
/// [`ResolveErrorKind::Resolver`](crate::ResolveErrorKind::Resolver).
///
/// # Threads
///
/// It is used on the reactor thread, and need be neither `Send` nor `Sync`. What takes long it gives to
/// others: it must not block.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::Deferred;
/// use ropewalk_net::{NameQuery, ReactorNet as _, ResolveError, ResolveErrorKind, Resolver};
/// use ropewalk_reactor::Reactor;
/// use std::net::SocketAddr;
///
/// /// Knows one name.
/// struct Fixed;
///
/// impl Resolver for Fixed {
///     fn resolve(&self, _: &Reactor, query: &NameQuery<'_>) -> Deferred<Vec<SocketAddr>> {
///         match query.name() {
///             "database" => Deferred::succeed(vec![([127, 0, 0, 1], 0).into()]),
///             name => Deferred::fail(ResolveError::new(name, ResolveErrorKind::NotFound)),
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
    /// Looks up a name.
    ///
    /// The addresses are tried in the order given. Port 0 in them stands for the one that is wanted;
    /// another one is kept. If there are none, the answer is an empty list, or a
    /// [`ResolveError`](crate::ResolveError) that knows more.
    ///
    /// Called on the reactor thread; it must not block. The deferred is cancelled if nobody wants
    /// the answer any more, or if it takes too long for everybody. A resolver that has the reactor
    /// look up the very name that it is asked for waits for itself, until the deadline.
    fn resolve(&self, reactor: &Reactor, query: &NameQuery<'_>) -> Deferred<Vec<SocketAddr>>;

    /// The reactor stops: let go of threads and sockets. Lookups may come again, in another run.
    fn stopped(&self) {}
}

impl<R: Resolver + ?Sized> Resolver for Rc<R> {
    fn resolve(&self, reactor: &Reactor, query: &NameQuery<'_>) -> Deferred<Vec<SocketAddr>> {
        (**self).resolve(reactor, query)
    }

    fn stopped(&self) {
        (**self).stopped();
    }
}
