//! Interrupts: the right query, no other, and in any case.

use crate::pool::ConnectionPool;
use crate::{Database, ENDLESS, NEVER, gate, insert, rows, select};
use ropewalk::deferred::{Cancelled, TimedOut};
use ropewalk::prelude::*;
use ropewalk::reactor::ManualClock;
use ropewalk_testing::{DEADLINE, failure_of, within};
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[test]
fn w9_a_query_that_times_out_is_interrupted_and_its_connection_goes_on() {
    within(DEADLINE, || {
        let database = Database::new("late");
        let clock = ManualClock::new();
        let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
        let pool = database.pool(&reactor, 1);
        let (gate, keeper) = gate();
        let limit = Duration::from_millis(50);
        let query = pool.run_with_connection(rows(gate, NEVER)).timeout(&reactor, limit);
        keeper.wait();
        clock.advance(limit);
        keeper.open();
        assert!(failure_of(query).is::<TimedOut>());
        assert_eq!(reactor.run_until(insert(&pool, 7)).unwrap(), 1);
        assert_eq!((database.entries(), database.opened()), (vec![7], 1));
    });
}

#[test]
fn w9_a_queued_query_that_is_cancelled_never_runs() {
    within(DEADLINE, || {
        let database = Database::new("queued");
        let reactor = Reactor::new().unwrap();
        let pool = database.pool(&reactor, 1);
        let (gate, keeper) = gate();
        let before = pool.run_with_connection(rows(gate, 1));
        keeper.wait();
        let never = insert(&pool, 1);
        let after = insert(&pool, 2);
        never.cancel();
        assert!(failure_of(never).is::<Cancelled>());
        keeper.open();
        assert_eq!(reactor.run_until(after).unwrap(), 1);
        assert_eq!(before.try_take().unwrap().unwrap(), 1);
        assert_eq!(database.entries(), [2]);
    });
}

/// The result of a query waits for the reactor thread, which cancels it, while its connection is
/// in the middle of the next query.
#[test]
fn an_interrupt_that_comes_too_late_does_not_hit_the_next_query() {
    within(DEADLINE, || {
        let database = Database::new("late-cancel");
        let reactor = Reactor::new().unwrap();
        let pool = database.pool(&reactor, 1);
        let (gate, keeper) = gate();
        let over = insert(&pool, 1);
        let next = pool.run_with_connection(rows(gate, 1_000));
        keeper.wait();
        over.cancel();
        keeper.open();
        assert_eq!(reactor.run_until(next).unwrap(), 1_000);
        assert!(failure_of(over).is::<Cancelled>());
        assert_eq!((database.entries(), database.opened()), (vec![1], 1));
    });
}

/// As above, at any moment around the end of a query.
#[test]
fn interrupts_around_the_end_of_a_query_hit_only_that_one() {
    within(DEADLINE, || {
        let database = Database::new("around");
        let reactor = Reactor::new().unwrap();
        let pool = database.pool(&reactor, 1);
        let rounds = reactor.spawn(async move {
            for round in 0..300 {
                let (gate, keeper) = gate();
                let short = pool.run_with_connection(rows(gate, 2));
                let next = pool.run_with_connection(rows(crate::gate().0, 500));
                keeper.wait();
                keeper.open();
                (0..round * 20).for_each(|_| std::hint::spin_loop());
                drop(short.cancel_on_drop());
                assert_eq!(next.await?, 500, "in round {round}");
            }
            Ok(())
        });
        reactor.run_until(rounds).unwrap();
    });
}

/// Between two statements SQLite would forget it.
#[test]
fn an_interrupt_that_comes_too_early_is_not_forgotten() {
    within(DEADLINE, || {
        let database = Database::new("early");
        let reactor = Reactor::new().unwrap();
        let pool = database.pool(&reactor, 1);
        let (gate, keeper) = gate();
        let query = pool.run_with_connection(move |connection| {
            gate.pass();
            Ok(connection.execute_batch(&format!("SELECT max(n) FROM ({ENDLESS})"))?)
        });
        keeper.wait();
        query.cancel();
        keeper.open();
        assert!(failure_of(query).is::<Cancelled>());
        assert_eq!(reactor.run_until(select(&pool)).unwrap(), []);
        assert_eq!(database.opened(), 1);
    });
}

#[test]
fn w9_a_query_that_is_cancelled_while_its_connection_is_opened_does_not_run() {
    within(DEADLINE, || {
        let database = Database::new("opening");
        let reactor = Reactor::new().unwrap();
        let (gate, keeper) = gate();
        let (gate, path) = (Mutex::new(gate), database.path.clone());
        let pool = ConnectionPool::new(&reactor, 1, move || {
            gate.lock().unwrap().pass();
            Connection::open(&path)
        });
        let pool = pool.unwrap();
        let has_run = Arc::new(AtomicBool::new(false));
        let runs = Arc::clone(&has_run);
        let query = pool.run_with_connection(move |_| {
            runs.store(true, Ordering::Relaxed);
            Ok(())
        });
        keeper.wait();
        query.cancel();
        keeper.open();
        assert!(failure_of(query).is::<Cancelled>());
        // On the same connection: a second one would find nobody who hears that it is at the gate.
        assert_eq!(reactor.run_until(select(&pool)).unwrap(), []);
        assert!(!has_run.load(Ordering::Relaxed));
    });
}

/// Nothing else ends the wait: who holds the lock waits for what comes behind it.
#[test]
fn w9_a_query_that_waits_for_a_lock_gives_up_when_it_is_cancelled() {
    within(DEADLINE, || {
        let database = Database::new("lock");
        let reactor = Reactor::new().unwrap();
        let pool = database.pool(&reactor, 1);
        let mut other = Connection::open(&database.path).unwrap();
        let writes = other.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        let (gate, keeper) = gate();
        let waits = pool.run_with_connection(move |connection| {
            gate.pass();
            Ok(connection.execute("INSERT INTO entry VALUES (1)", ())?)
        });
        keeper.wait();
        waits.cancel();
        keeper.open();
        assert_eq!(reactor.run_until(select(&pool)).unwrap(), []);
        writes.commit().unwrap();
        assert!(failure_of(waits).is::<Cancelled>());
        assert_eq!(database.entries(), []);
    });
}

#[test]
fn a_query_that_interrupts_itself_has_the_error_of_the_driver() {
    within(DEADLINE, || {
        let database = Database::new("itself");
        let reactor = Reactor::new().unwrap();
        let pool = database.pool(&reactor, 1);
        let query = pool.run_with_connection(|connection| {
            let handle = connection.get_interrupt_handle();
            let mut query = connection.prepare(ENDLESS)?;
            let rows = query.query_map((), |_| {
                handle.interrupt();
                Ok(())
            })?;
            Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?.len())
        });
        let failure = reactor.run_until(query).unwrap_err();
        let error = failure.downcast_ref::<rusqlite::Error>().unwrap();
        assert_eq!(error.sqlite_error_code(), Some(ErrorCode::OperationInterrupted));
    });
}
