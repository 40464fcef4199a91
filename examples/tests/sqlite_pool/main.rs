//! The pool of connections of the example `sqlite_pool`, on real threads.
//!
//! Queries tell where they are and wait for their turn through channels. While the reactor does not
//! run, its thread, which is that of the test, may wait as well.
#![expect(clippy::unwrap_used, reason = "helpers of tests, which are not tests themselves")]

#[path = "../../sqlite_pool/connections.rs"]
mod connections;
#[path = "../../sqlite_pool/pool.rs"]
mod pool;

// Interrupts: the right query, no other, and in any case.
mod interrupts;
// What the end of a run does with queries.
mod shutdown;
// Commit and rollback; which connections are used again.
mod transactions;

use pool::ConnectionPool;
use ropewalk::prelude::*;
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

/// So far that nobody gets there.
const ENDLESS: &str = "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number)
                       SELECT n FROM number";

/// A database with one empty table in a file of its own, which is removed.
struct Database {
    path: PathBuf,
    /// How many connections the pool has opened.
    opened: Arc<AtomicU32>,
}

impl Database {
    fn new(name: &str) -> Self {
        let file = format!("sqlite_pool-{name}-{}.db", std::process::id());
        let database = Self { path: std::env::temp_dir().join(file), opened: Arc::default() };
        database.remove();
        let connection = Connection::open(&database.path).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        connection.execute_batch("CREATE TABLE entry (n INTEGER PRIMARY KEY)").unwrap();
        database
    }

    fn pool(&self, reactor: &Reactor, size: usize) -> ConnectionPool {
        let (path, opened) = (self.path.clone(), Arc::clone(&self.opened));
        let open = move || {
            opened.fetch_add(1, Ordering::Relaxed);
            Connection::open(&path)
        };
        ConnectionPool::new(reactor, size, open).unwrap()
    }

    fn opened(&self) -> u32 {
        self.opened.load(Ordering::Relaxed)
    }

    fn entries(&self) -> Vec<i64> {
        let connection = Connection::open(&self.path).unwrap();
        let mut select = connection.prepare("SELECT n FROM entry ORDER BY n").unwrap();
        let rows = select.query_map((), |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    /// The last connection to be closed, if it is closed properly, removes the log.
    fn has_log(&self) -> bool {
        self.with_suffix("-wal").exists()
    }

    fn with_suffix(&self, suffix: &str) -> PathBuf {
        let mut file = self.path.clone().into_os_string();
        file.push(suffix);
        file.into()
    }

    fn remove(&self) {
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(self.with_suffix(suffix));
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.remove();
    }
}

fn insert(pool: &ConnectionPool, n: i64) -> Deferred<usize> {
    pool.run_operation("INSERT INTO entry VALUES (?1)", (n,))
}

fn select(pool: &ConnectionPool) -> Deferred<Vec<i64>> {
    pool.run_query("SELECT n FROM entry ORDER BY n", (), |row| row.get(0))
}

/// The one side of two channels: tells that it is there, and waits to be let go.
struct Gate {
    reached: Sender<()>,
    open: Receiver<()>,
}

/// The other side.
struct Keeper {
    reached: Receiver<()>,
    open: Sender<()>,
}

fn gate() -> (Gate, Keeper) {
    let ((reached, is_reached), (open, is_open)) = (channel(), channel());
    (Gate { reached, open: is_open }, Keeper { reached: is_reached, open })
}

impl Gate {
    fn pass(&self) {
        // A keeper that is gone lets everybody pass.
        let _ = self.reached.send(());
        let _ = self.open.recv();
    }
}

impl Keeper {
    fn wait(&self) {
        self.reached.recv().unwrap();
    }

    fn open(self) {
        drop(self.open);
    }
}

/// A query that passes a gate at its first row, in the middle of its statement, and then reads on,
/// to that row.
fn rows(gate: Gate, last: i64) -> impl FnOnce(&Connection) -> ropewalk::Result<i64> {
    move |connection| {
        let mut query = connection.prepare(ENDLESS)?;
        let mut rows = query.query(())?;
        while let Some(row) = rows.next()? {
            let n: i64 = row.get(0)?;
            if n == 1 {
                gate.pass();
            }
            if n == last {
                break;
            }
        }
        Ok(last)
    }
}

const NEVER: i64 = i64::MAX;
