//! The connections, as the workers see them: opened when needed, used again, closed if broken.
//!
//! SQLite's interrupt hits whatever statement its connection is in, which can go wrong in three ways:
//!
//! - *It comes too late.* The query that is meant is over, and the connection has begun with another.
//!   So a query has a number, which stands in `running` exactly as long as the query may be
//!   interrupted, and an interrupt is sent under the lock under which a worker takes the number out.
//! - *It comes too early.* The query is between two statements, where an interrupt is lost without
//!   a trace. So it has to be sent again as long as the number is there. Earlier still a worker has
//!   the job, but no connection: that is why it looks at its `CancelToken` after it has written down
//!   the number.
//! - *It stays.* The connection remembers it until the next statement begins. If it is closed before,
//!   it does not carry over into the database what is in the write-ahead log. So an empty query
//!   makes it forget.
//!
//! **Lock rule:** nothing is opened, closed or run with the lock held.

use ropewalk::deferred::Cancelled;
use ropewalk::threadpool::CancelToken;
use rusqlite::{Connection, ErrorCode, InterruptHandle};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) struct Connections {
    open: Box<Open>,
    state: Mutex<State>,
}

type Open = dyn Fn() -> rusqlite::Result<Connection> + Send + Sync;

#[derive(Default)]
struct State {
    idle: Vec<Connection>,
    running: BTreeMap<u64, InterruptHandle>,
}

impl Connections {
    pub(crate) fn new(
        open: impl Fn() -> rusqlite::Result<Connection> + Send + Sync + 'static,
    ) -> Self {
        Self { open: Box::new(open), state: Mutex::default() }
    }

    /// Does `work` on a connection that nobody else has meanwhile.
    pub(crate) fn run<T>(
        &self,
        query: u64,
        work: impl FnOnce(&mut Connection) -> ropewalk::Result<T>,
    ) -> ropewalk::Result<T> {
        let mut connection = self.take(query)?;
        // Who cancels after this finds the number; who did it before has left a mark.
        let result = if CancelToken::current().is_cancelled() {
            Ok(Err(Cancelled.into()))
        } else {
            // The pool would catch the panic as well, but not take care of the connection.
            catch_unwind(AssertUnwindSafe(|| work(&mut connection)))
        };
        self.lock().running.remove(&query);
        if result.as_ref().is_ok_and(|result| is_sound(&connection, result)) {
            self.lock().idle.push(connection);
        }
        // One that is not sound is closed at the end of this, and so rolled back.
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }

    fn take(&self, query: u64) -> rusqlite::Result<Connection> {
        let idle = self.lock().idle.pop();
        let connection = match idle {
            Some(connection) => connection,
            None => {
                let connection = (self.open)()?;
                connection.busy_handler(Some(wait_for_lock))?;
                connection
            }
        };
        self.lock().running.insert(query, connection.get_interrupt_handle());
        Ok(connection)
    }

    /// Interrupts this query and no other; false if it does not run, so that there is no use in
    /// doing it again.
    pub(crate) fn interrupt(&self, query: u64) -> bool {
        let state = self.lock();
        state.running.get(&query).inspect(|running| running.interrupt()).is_some()
    }

    pub(crate) fn interrupt_all(&self) {
        self.lock().running.values().for_each(InterruptHandle::interrupt);
    }

    pub(crate) fn close_idle(&self) {
        let idle = std::mem::take(&mut self.lock().idle);
        drop(idle);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
    let forgets = || connection.query_row("SELECT 1", (), |_| Ok(())).is_ok();
    let is_clean = !CancelToken::current().is_cancelled() || forgets();
    connection.is_autocommit() && !is_broken && is_clean
}

/// Whether to go on waiting for another connection, which has the database locked: as long as
/// somebody waits for the result. An interrupt does not end this, so it has to be asked.
fn wait_for_lock(_times: i32) -> bool {
    let wanted = !CancelToken::current().is_cancelled();
    if wanted {
        std::thread::park_timeout(Duration::from_millis(2));
    }
    wanted
}
