//! The database: SQLite blocks, so all of it happens on a private pool of one thread.
//!
//! One thread means that statements run in the order in which they were asked for, and that the
//! connection, which is not made for two at once, never sees two. Lines that come while one batch
//! is being stored are stored together in the next: one transaction, and one wait for the disk.

use ropewalk::prelude::*;
use rusqlite::{Connection, params};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// So many jobs may wait; beyond that a client is told to come back later.
const QUEUE_LIMIT: usize = 10_000;

/// How long to wait for another program that has the database locked.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// The most lines that one answer may have.
const LONGEST_ANSWER: u32 = 1_000;

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

/// A line on its way into the database.
struct Said {
    peer: String,
    text: String,
    stored: Promise<Line>,
}

pub(crate) struct Store {
    pool: ThreadPool,
    /// Locked by the pool's one thread only.
    connection: Arc<Mutex<Connection>>,
    waiting: RefCell<Vec<Said>>,
    batches: Cell<usize>,
}

impl Store {
    pub(crate) fn open(path: Option<&Path>) -> ropewalk::Result<Rc<Self>> {
        let connection = match path {
            Some(path) => Connection::open(path)?,
            None => Connection::open_in_memory()?,
        };
        connection.busy_timeout(LOCK_PATIENCE)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS line (
                 id INTEGER PRIMARY KEY AUTOINCREMENT,
                 peer TEXT NOT NULL,
                 text TEXT NOT NULL
             )",
        )?;
        // A table of that name with other columns is found out now.
        connection.prepare("SELECT id, peer, text FROM line")?;
        let pool = ThreadPool::builder()
            .name("store")
            .min_threads(1)
            .max_threads(1)
            .queue_limit(QUEUE_LIMIT)
            .build()?;
        pool.start()?;
        let connection = Arc::new(Mutex::new(connection));
        let (waiting, batches) = (RefCell::default(), Cell::new(0));
        Ok(Rc::new(Self { pool, connection, waiting, batches }))
    }

    /// Stores a line; it comes back with its number when it is safely in the database.
    pub(crate) fn append(
        self: &Rc<Self>,
        reactor: &Reactor,
        peer: String,
        text: String,
    ) -> Deferred<Line> {
        let (stored, line) = Deferred::new();
        self.waiting.borrow_mut().push(Said { peer, text, stored });
        if self.batches.get() == 0 {
            self.store_batch(reactor);
        }
        line
    }

    /// The last `count` lines, the oldest first; a thousand at most.
    pub(crate) fn last(self: &Rc<Self>, reactor: &Reactor, count: u32) -> Deferred<Vec<Line>> {
        self.read(reactor, move |connection| {
            let query = "SELECT * FROM (SELECT id, peer, text FROM line ORDER BY id DESC LIMIT ?1)
                         ORDER BY id";
            lines(connection, query, params![count.min(LONGEST_ANSWER)])
        })
    }

    /// The last hundred lines that contain `word`, the oldest first.
    pub(crate) fn find(self: &Rc<Self>, reactor: &Reactor, word: String) -> Deferred<Vec<Line>> {
        self.read(reactor, move |connection| {
            let query = "SELECT * FROM (SELECT id, peer, text FROM line WHERE instr(text, ?1) > 0
                         ORDER BY id DESC LIMIT 100) ORDER BY id";
            lines(connection, query, params![word])
        })
    }

    /// How many lines there are.
    pub(crate) fn count(self: &Rc<Self>, reactor: &Reactor) -> Deferred<i64> {
        self.read(reactor, |connection| {
            Ok(connection.query_row("SELECT count(*) FROM line", [], |row| row.get(0))?)
        })
    }

    /// Comes when everything that was asked for before has been done.
    pub(crate) fn settled(self: &Rc<Self>, reactor: &Reactor) -> Deferred<()> {
        self.read(reactor, |_| Ok(()))
    }

    pub(crate) fn pool(&self) -> &ThreadPool {
        &self.pool
    }

    /// Reads after everything that was said before.
    fn read<T: Send + 'static>(
        self: &Rc<Self>,
        reactor: &Reactor,
        job: impl FnOnce(&mut Connection) -> ropewalk::Result<T> + Send + 'static,
    ) -> Deferred<T> {
        self.store_batch(reactor);
        self.on_its_thread(reactor, job)
    }

    fn store_batch(self: &Rc<Self>, reactor: &Reactor) {
        let waiting = self.waiting.take();
        if waiting.is_empty() {
            return;
        }
        let (lines, promises): (Vec<_>, Vec<_>) =
            waiting.into_iter().map(|said| ((said.peer, said.text), said.stored)).unzip();
        self.batches.set(self.batches.get() + 1);
        let store = Rc::clone(self);
        self.on_its_thread(reactor, move |connection| insert(connection, lines))
            .add_both(move |result| {
                store.batches.set(store.batches.get() - 1);
                // First the next batch, so that the thread is not idle while this one is sent.
                Reactor::with_current(|reactor| store.store_batch(reactor));
                match result {
                    Ok(lines) => promises.into_iter().zip(lines).for_each(|(promise, line)| {
                        promise.callback(line);
                    }),
                    Err(failure) => promises.into_iter().for_each(|promise| {
                        promise.errback(Failure::msg(format!("not stored: {failure:#}")));
                    }),
                }
            })
            .detach();
    }

    fn on_its_thread<T: Send + 'static>(
        &self,
        reactor: &Reactor,
        job: impl FnOnce(&mut Connection) -> ropewalk::Result<T> + Send + 'static,
    ) -> Deferred<T> {
        let connection = Arc::clone(&self.connection);
        reactor.defer_to_thread_pool(&self.pool, move || {
            job(&mut connection.lock().unwrap_or_else(PoisonError::into_inner))
        })
    }
}

/// All of them, or none.
fn insert(
    connection: &mut Connection,
    lines: Vec<(String, String)>,
) -> ropewalk::Result<Vec<Line>> {
    let transaction = connection.transaction()?;
    let mut stored = Vec::with_capacity(lines.len());
    {
        let mut insert =
            transaction.prepare_cached("INSERT INTO line (peer, text) VALUES (?1, ?2)")?;
        for (peer, text) in lines {
            let id = insert.insert(params![peer, text])?;
            stored.push(Line { id, peer, text });
        }
    }
    transaction.commit()?;
    Ok(stored)
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
