//! A pool of connections for a reactor: what any driver that blocks needs around it.
//!
//! As many threads as connections, so a query that has a thread has a connection. What a query comes
//! back as is a `Deferred`; cancelling it, or a time limit for it, takes a query that is queued back
//! and interrupts one that runs.
//!
//! The shutdown lets the queries that it finds, and those that their results lead to, come to their
//! end, up to the shutdown deadline of the reactor. What then still runs is interrupted; who does not
//! want to wait that long gives the query a time limit. When `Reactor::run` returns, all connections
//! are closed.

use crate::connections::Connections;
use ropewalk::deferred::Abandoned;
use ropewalk::prelude::*;
use ropewalk::reactor::{Phase, SystemEvent, WeakReactor};
use rusqlite::{Connection, Params, Row, Transaction, TransactionBehavior};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// How long the end of the shutdown waits for queries that were interrupted.
const GRACE: Duration = Duration::from_secs(2);

/// Connections to one database; clones are the same pool.
///
/// Twisted: `adbapi.ConnectionPool`.
#[derive(Clone)]
pub(crate) struct ConnectionPool(Rc<Inner>);

struct Inner {
    reactor: WeakReactor,
    threads: ThreadPool,
    connections: Arc<Connections>,
}

impl ConnectionPool {
    /// At most `size` connections, each made by `open` on the thread that needs it. They last until
    /// the reactor stops.
    pub(crate) fn new(
        reactor: &Reactor,
        size: usize,
        open: impl Fn() -> rusqlite::Result<Connection> + Send + Sync + 'static,
    ) -> ropewalk::Result<Self> {
        let threads = ThreadPool::builder()
            .name("database")
            .min_threads(size)
            .max_threads(size)
            // Not even for one that blocks: each thread may have a connection.
            .max_spare_threads(0)
            .build()?;
        threads.start()?;
        let pool = Self(Rc::new(Inner {
            reactor: reactor.downgrade(),
            threads,
            connections: Arc::new(Connections::new(open)),
        }));
        // Not before: until then the reactor waits for results, and those may lead to new queries.
        let last = pool.clone();
        reactor.add_system_event_trigger(Phase::During, SystemEvent::Shutdown, move |_| {
            last.0.close();
        });
        Ok(pool)
    }

    /// Does `work` on a connection; a transaction that it leaves open is rolled back. What is reported
    /// of it has the line of who called this, as with all that follow.
    ///
    /// Twisted: `runWithConnection`.
    #[track_caller]
    pub(crate) fn run_with_connection<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> ropewalk::Result<T> + Send + 'static,
    ) -> Deferred<T> {
        let Some(reactor) = self.0.reactor.upgrade() else { return Deferred::fail(Abandoned) };
        let connections = Arc::clone(&self.0.connections);
        reactor.defer_to_thread_pool(&self.0.threads, move || connections.run(work))
    }

    /// Does `work` in a transaction: committed if it succeeds, rolled back if it fails or panics,
    /// and also if it was cancelled before the commit.
    ///
    /// It begins as one that writes, since a reader that becomes a writer can be refused. `work` must
    /// pass on the errors of its statements: after some of them SQLite has rolled back already.
    ///
    /// Twisted: `runInteraction`.
    #[track_caller]
    pub(crate) fn run_interaction<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> ropewalk::Result<T> + Send + 'static,
    ) -> Deferred<T> {
        self.run_with_connection(move |connection| {
            let begin = TransactionBehavior::Immediate;
            // Unchecked, since a shared connection could have another one. This one has none.
            let transaction = Transaction::new_unchecked(connection, begin)?;
            let value = work(&transaction)?;
            // It can be interrupted as any other statement.
            transaction.commit()?;
            Ok(value)
        })
    }

    /// The rows of a query, each as what `row` makes of it.
    ///
    /// Twisted: `runQuery`.
    #[track_caller]
    pub(crate) fn run_query<T: Send + 'static>(
        &self,
        sql: &'static str,
        params: impl Params + Send + 'static,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Deferred<Vec<T>> {
        self.run_with_connection(move |connection| {
            let mut query = connection.prepare_cached(sql)?;
            let rows = query.query_map(params, row)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Executes one statement; how many rows it has changed.
    ///
    /// Twisted: `runOperation`.
    #[track_caller]
    pub(crate) fn run_operation(
        &self,
        sql: &'static str,
        params: impl Params + Send + 'static,
    ) -> Deferred<usize> {
        self.run_with_connection(move |connection| {
            Ok(connection.prepare_cached(sql)?.execute(params)?)
        })
    }
}

impl Inner {
    /// The end. Unless the deadline has passed, nobody waits for a result any more: what still runs
    /// has been cancelled, and is about to end.
    fn close(&self) {
        drop(self.threads.stop_now());
        if let Err(late) = self.threads.stop_within(GRACE) {
            tracing::error!(%late, "queries go on that do not react to an interrupt");
        }
        self.connections.close_idle();
    }
}

impl Drop for Inner {
    /// Without a shutdown the reactor is gone, and nobody can get a result any more.
    fn drop(&mut self) {
        drop(self.threads.stop_now());
    }
}
