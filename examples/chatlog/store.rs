//! The database: SQLite blocks, so all of it happens on a private pool of one thread.
//!
//! One thread means that statements run in the order in which they were asked for, and that the
//! connection, which is not made for two at once, never sees two.

use ropewalk::prelude::*;
use rusqlite::{Connection, params};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// So many statements may wait; beyond that a client is told to come back later.
const QUEUE_LIMIT: usize = 100_000;

/// One stored line.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) id: i64,
    pub(crate) peer: String,
    pub(crate) text: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {}: {}", self.id, self.peer, self.text)
    }
}

pub(crate) struct Store {
    pool: ThreadPool,
    /// Locked by the pool's one thread only.
    connection: Arc<Mutex<Connection>>,
}

impl Store {
    pub(crate) fn open(path: Option<&Path>) -> ropewalk::Result<Self> {
        let connection = match path {
            Some(path) => Connection::open(path)?,
            None => Connection::open_in_memory()?,
        };
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS line (
                 id INTEGER PRIMARY KEY AUTOINCREMENT,
                 peer TEXT NOT NULL,
                 text TEXT NOT NULL
             )",
        )?;
        let pool = ThreadPool::builder()
            .name("store")
            .min_threads(1)
            .max_threads(1)
            .queue_limit(QUEUE_LIMIT)
            .build()?;
        pool.start()?;
        Ok(Self { pool, connection: Arc::new(Mutex::new(connection)) })
    }

    /// Stores a line; its number comes when it is safely in the database.
    pub(crate) fn append(&self, reactor: &Reactor, peer: String, text: String) -> Deferred<Line> {
        self.on_its_thread(reactor, move |connection| {
            let mut insert =
                connection.prepare_cached("INSERT INTO line (peer, text) VALUES (?1, ?2)")?;
            let id = insert.insert(params![peer, text])?;
            Ok(Line { id, peer, text })
        })
    }

    /// The last `count` lines, the oldest first.
    pub(crate) fn last(&self, reactor: &Reactor, count: u32) -> Deferred<Vec<Line>> {
        self.on_its_thread(reactor, move |connection| {
            let query = "SELECT * FROM (SELECT id, peer, text FROM line ORDER BY id DESC LIMIT ?1)
                         ORDER BY id";
            lines(connection, query, params![count])
        })
    }

    /// The last hundred lines that contain `word`, the oldest first.
    pub(crate) fn find(&self, reactor: &Reactor, word: String) -> Deferred<Vec<Line>> {
        self.on_its_thread(reactor, move |connection| {
            let query = "SELECT * FROM (SELECT id, peer, text FROM line WHERE instr(text, ?1) > 0
                         ORDER BY id DESC LIMIT 100) ORDER BY id";
            lines(connection, query, params![word])
        })
    }

    /// How many lines there are.
    pub(crate) fn count(&self, reactor: &Reactor) -> Deferred<i64> {
        self.on_its_thread(reactor, |connection| {
            Ok(connection.query_row("SELECT count(*) FROM line", [], |row| row.get(0))?)
        })
    }

    /// Comes when everything that was asked for before has been done.
    pub(crate) fn settled(&self, reactor: &Reactor) -> Deferred<()> {
        reactor.defer_to_thread_pool(&self.pool, || ())
    }

    pub(crate) fn pool(&self) -> &ThreadPool {
        &self.pool
    }

    fn on_its_thread<T: Send + 'static>(
        &self,
        reactor: &Reactor,
        job: impl FnOnce(&Connection) -> ropewalk::Result<T> + Send + 'static,
    ) -> Deferred<T> {
        let connection = Arc::clone(&self.connection);
        reactor.defer_to_thread_pool(&self.pool, move || {
            job(&connection.lock().unwrap_or_else(PoisonError::into_inner))
        })
    }
}

fn lines(
    connection: &Connection,
    query: &str,
    params: impl rusqlite::Params,
) -> ropewalk::Result<Vec<Line>> {
    let mut select = connection.prepare_cached(query)?;
    let rows = select.query_map(params, |row| {
        Ok(Line { id: row.get(0)?, peer: row.get(1)?, text: row.get(2)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
