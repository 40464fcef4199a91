//! The resolver that asks the system, which blocks: so it does in threads of its own (W24).
//!
//! The answer comes back through a `Remote` of the promise. The shutdown does not wait for the
//! system's answer: its pool is closed, not joined, and whoever waited has been told.

use super::Resolver;
use crate::error::{ResolveError, ResolveErrorKind};
use ropewalk_deferred::{Deferred, Promise};
use ropewalk_reactor::Reactor;
use ropewalk_threadpool::{JobHandle, ThreadPool};
use std::cell::{Cell, RefCell};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::rc::Rc;
use std::time::Duration;

/// Names that are looked up at the same time; the others wait.
const THREADS: usize = 4;

/// How long a thread waits for another name.
const IDLE: Duration = Duration::from_secs(10);

/// Asks the system. Its pool is made with the first name.
#[derive(Debug, Default)]
pub(crate) struct Threaded {
    pool: RefCell<Option<ThreadPool>>,
}

impl Threaded {
    fn pool(&self) -> io::Result<ThreadPool> {
        if let Some(pool) = &*self.pool.borrow() {
            return Ok(pool.clone());
        }
        let pool = ThreadPool::builder()
            .name("ropewalk-resolver")
            .min_threads(0)
            .max_threads(THREADS)
            .idle_timeout(IDLE)
            .stall_after(None)
            .build()
            .map_err(io::Error::other)?;
        pool.start().map_err(io::Error::other)?;
        self.pool.replace(Some(pool.clone()));
        Ok(pool)
    }
}

impl Resolver for Threaded {
    fn resolve(&self, reactor: &Reactor, host: &str, port: u16) -> Deferred<Vec<SocketAddr>> {
        let pool = match self.pool() {
            Ok(pool) => pool,
            Err(error) => {
                return Deferred::fail(ResolveError::new(host, ResolveErrorKind::Lookup(error)));
            }
        };
        let queued = Rc::new(Cell::new(None::<JobHandle>));
        let cancelled = Rc::clone(&queued);
        let (promise, deferred) = Deferred::with_canceller(move || {
            // A name that waits is forgotten; one that the system is at cannot be stopped, and its
            // answer will find nobody.
            if let Some(job) = cancelled.take() {
                job.cancel();
            }
        });
        let submit = {
            let host = host.to_owned();
            move |reactor: &Reactor| {
                if !promise.is_cancelled() {
                    queued.set(look_up(reactor, &pool, host, port, promise));
                }
            }
        };
        // Between two runs no answer could come in, also if somebody turns the loop by hand: then
        // the question waits for the next one.
        if reactor.handle().accepts_calls() {
            submit(reactor);
        } else {
            reactor.call_when_running(submit);
        }
        deferred
    }

    fn stopped(&self) {
        let pool = self.pool.borrow_mut().take();
        if let Some(pool) = pool {
            pool.close(|| ());
        }
    }
}

/// Has a thread ask the system; nothing if there is no thread, and then `promise` has failed.
fn look_up(
    reactor: &Reactor,
    pool: &ThreadPool,
    host: String,
    port: u16,
    promise: Promise<Vec<SocketAddr>>,
) -> Option<JobHandle> {
    let answer = reactor.share(Cell::new(Some(promise)));
    let (waiting, name) = (answer.clone(), host.clone());
    let submitted = pool.call_in_thread(move || {
        let result = match (host.as_str(), port).to_socket_addrs() {
            Ok(addresses) => Ok(distinct(addresses)),
            Err(error) => Err(ResolveError::new(host, ResolveErrorKind::Lookup(error))),
        };
        // A reactor that has stopped has told those who waited.
        let _ = answer.call_from_thread(move |promise, _| {
            if let Some(promise) = promise.take() {
                promise.settle(result.map_err(Into::into));
            }
        });
    });
    match submitted {
        Ok(job) => Some(job),
        Err(refused) => {
            let error = io::Error::other(refused.to_string());
            tracing::warn!(host = name, %error, "a name cannot be looked up");
            if let Some(promise) = waiting.get(reactor).and_then(|promise| promise.take()) {
                let error = ResolveError::new(name, ResolveErrorKind::Lookup(error));
                promise.settle(Err(error.into()));
            }
            None
        }
    }
}

/// The system gives one address once for each kind of socket.
fn distinct(addresses: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut all = Vec::new();
    for address in addresses {
        if !all.contains(&address) {
            all.push(address);
        }
    }
    all
}
