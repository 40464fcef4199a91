//! The connections, as the workers see them: opened when needed, used again, closed if broken.
//!
//! SQLite's interrupt hits whatever statement its connection is in, which can go wrong in three ways:
//!
//! - *It comes too late.* The query that is meant is over, and the connection has begun with another.
//!   So it is sent by a `CancelHook`, which is taken back before the connection is.
//! - *It comes too early.* The query has no connection yet, or is between two statements, where an
//!   interrupt is forgotten. A hook that is set too late is called at once, and SQLite forgets
//!   nothing as long as a statement is under way: so one is, from the first to the last.
//! - *It stays.* The connection remembers it until the next statement begins. If it is closed before,
//!   it does not carry over into the database what is in the write-ahead log. So a last statement
//!   makes it forget.
//!
//! **Lock rule:** nothing is opened, closed or run with the lock held.

use ropewalk::deferred::Cancelled;
use ropewalk::threadpool::CancelToken;
use rusqlite::{Connection, ErrorCode};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) struct Connections {
    open: Box<Open>,
    idle: Mutex<Vec<Connection>>,
}

type Open = dyn Fn() -> rusqlite::Result<Connection> + Send + Sync;

impl Connections {
    pub(crate) fn new(
        open: impl Fn() -> rusqlite::Result<Connection> + Send + Sync + 'static,
    ) -> Self {
        Self { open: Box::new(open), idle: Mutex::default() }
    }

    /// Does `work` on a connection that nobody else has meanwhile.
    pub(crate) fn run<T>(
        &self,
        work: impl FnOnce(&Connection) -> ropewalk::Result<T>,
    ) -> ropewalk::Result<T> {
        let connection = self.take()?;
        // The pool would catch the panic as well, but not take care of the connection.
        let result = catch_unwind(AssertUnwindSafe(|| interruptible(&connection, work)));
        if result.as_ref().is_ok_and(|result| is_sound(&connection, result)) {
            self.idle().push(connection);
        }
        // One that is not sound is closed at the end of this, and so rolled back.
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }

    fn take(&self) -> rusqlite::Result<Connection> {
        let idle = self.idle().pop();
        if let Some(connection) = idle {
            return Ok(connection);
        }
        let connection = (self.open)()?;
        connection.busy_handler(Some(wait_for_lock))?;
        Ok(connection)
    }

    pub(crate) fn close_idle(&self) {
        let idle = std::mem::take(&mut *self.idle());
        drop(idle);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does `work`, and interrupts it when it is cancelled.
fn interruptible<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> ropewalk::Result<T>,
) -> ropewalk::Result<T> {
    // Under way, at its first row, until `rows` is dropped. It reads no table, so it keeps nobody
    // from writing; only `VACUUM` would have to be alone.
    let mut two = connection.prepare_cached("SELECT 1 UNION ALL SELECT 2")?;
    let mut rows = two.query(())?;
    rows.next()?;
    let (token, interrupts) = (CancelToken::current(), connection.get_interrupt_handle());
    // Dropped first, and with that it is over.
    let _hook = token.on_cancel(move || interrupts.interrupt());
    if token.is_cancelled() {
        return Err(Cancelled.into());
    }
    work(connection)
}

/// Whether the next query may have the connection: nothing has been left open, the error is not
/// one of those after which it is better to begin anew, and no interrupt is left behind.
fn is_sound<T>(connection: &Connection, result: &ropewalk::Result<T>) -> bool {
    let error = result.as_ref().err().and_then(|failure| failure.downcast_ref());
    let is_broken = matches!(
        error.and_then(rusqlite::Error::sqlite_error_code),
        Some(
            ErrorCode::CannotOpen
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::InternalMalfunction
                | ErrorCode::NotADatabase
                | ErrorCode::OutOfMemory
                | ErrorCode::SystemIoFailure
        )
    );
    // A transaction could not be rolled back while it was remembered.
    let last = if connection.is_autocommit() { "SELECT 1" } else { "ROLLBACK" };
    let forgets = || connection.execute_batch(last).is_ok();
    let is_clean = !CancelToken::current().is_cancelled() || forgets();
    connection.is_autocommit() && !is_broken && is_clean
}

/// Whether to go on waiting for another connection, which has the database locked: as long as
/// somebody waits for the result. An interrupt does not end this.
fn wait_for_lock(_times: i32) -> bool {
    !CancelToken::current().wait_timeout(Duration::from_millis(2))
}
