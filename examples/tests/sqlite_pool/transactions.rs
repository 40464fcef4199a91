//! Commit and rollback; which connections are used again.

use crate::{Database, gate, insert, select};
use ropewalk::deferred::{Cancelled, Panicked, gather_results};
use ropewalk::prelude::*;
use ropewalk_testing::{DEADLINE, failure_of, within};
use rusqlite::{ErrorCode, Transaction, ffi};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Barrier};

fn insert_both(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute("INSERT INTO entry VALUES (1)", ())?;
    transaction.execute("INSERT INTO entry VALUES (2)", ())?;
    Ok(())
}

#[test]
fn an_interaction_that_succeeds_is_committed() {
    within(DEADLINE, || {
        let database = Database::new("commit");
        let reactor = Reactor::new().unwrap();
        let pool = database.pool(&reactor, 1);
        let done = pool.run_interaction(|transaction| {
            insert_both(transaction)?;
            Ok("done")
        });
        assert_eq!(reactor.run_until(done).unwrap(), "done");
        assert_eq!(database.entries(), [1, 2]);
    });
}

#[test]
fn an_interaction_that_fails_is_rolled_back() {
    within(DEADLINE, || {
        let database = Database::new("fail");
        let reactor = Reactor::new().unwrap();
        let pool = database.pool(&reactor, 1);
        let fails = pool.run_interaction(|transaction| -> ropewalk::Result<()> {
            insert_both(transaction)?;
            anyhow::bail!("half-way")
        });
        let after = reactor.spawn(async move {
            let failure = fails.await.unwrap_err();
            Ok((failure.to_string(), select(&pool).await?))
        });
        assert_eq!(reactor.run_until(after).unwrap(), ("half-way".to_owned(), vec![]));
        assert_eq!(database.opened(), 1);
    });
}

#[test]
fn i3_an_interaction_that_panics_is_rolled_back() {
    within(DEADLINE, || {
        let database = Database::new("panic");
        let reactor = Reactor::new().unwrap();
        let pool = database.pool(&reactor, 1);
        let line = line!() + 1;
        let panics = pool.run_interaction(|transaction| -> ropewalk::Result<()> {
            insert_both(transaction)?;
            panic!("half-way")
        });
        let after = reactor.spawn(async move {
            let panicked = panics.await.unwrap_err().downcast::<Panicked>()?;
            Ok((panicked, select(&pool).await?))
        });
        let (panicked, entries) = reactor.run_until(after).unwrap();
        assert_eq!((panicked.message(), entries), ("half-way", vec![]));
        let asked = panicked.location();
        assert_eq!(
            (asked.file(), asked.line()),
            (file!(), line),
            "the user's line, not the pool's"
        );
        assert_eq!(database.opened(), 2, "nobody knows what the first one is like");
    });
}

#[test]
fn an_interaction_that_is_cancelled_before_its_end_is_rolled_back() {
    within(DEADLINE, || {
        let database = Database::new("unwanted");
        let reactor = Reactor::new().unwrap();
        let pool = database.pool(&reactor, 1);
        let (gate, keeper) = gate();
        let unwanted = pool.run_interaction(move |transaction| {
            insert_both(transaction)?;
            gate.pass();
            Ok(())
        });
        keeper.wait();
        unwanted.cancel();
        keeper.open();
        assert!(failure_of(unwanted).is::<Cancelled>());
        assert_eq!(reactor.run_until(select(&pool)).unwrap(), []);
        assert_eq!(database.opened(), 1);
    });
}

#[test]
fn a_transaction_that_is_left_open_is_rolled_back() {
    within(DEADLINE, || {
        let database = Database::new("open");
        let reactor = Reactor::new().unwrap();
        let pool = database.pool(&reactor, 1);
        let left = pool.run_with_connection(|connection| {
            Ok(connection.execute_batch("BEGIN; INSERT INTO entry VALUES (1)")?)
        });
        let next = insert(&pool, 2);
        reactor.run_until(gather_results([left.map(|()| 0), next])).unwrap();
        assert_eq!((database.entries(), database.opened()), (vec![2], 2));
    });
}

#[test]
fn errors_keep_their_type_and_their_connection() {
    within(DEADLINE, || {
        let database = Database::new("typed");
        let reactor = Reactor::new().unwrap();
        let pool = database.pool(&reactor, 1);
        let twice = reactor.spawn(async move {
            insert(&pool, 1).await?;
            Ok((insert(&pool, 1).await.unwrap_err(), select(&pool).await?))
        });
        let (failure, entries) = reactor.run_until(twice).unwrap();
        let error = failure.downcast::<rusqlite::Error>().unwrap();
        assert_eq!(error.sqlite_error_code(), Some(ErrorCode::ConstraintViolation));
        assert_eq!((entries, database.opened()), (vec![1], 1));
    });
}

#[test]
fn a_connection_that_is_broken_is_opened_anew() {
    within(DEADLINE, || {
        let database = Database::new("broken");
        let reactor = Reactor::new().unwrap();
        let pool = database.pool(&reactor, 1);
        let broken = pool.run_with_connection(|_| -> ropewalk::Result<()> {
            let error = ffi::Error::new(ffi::SQLITE_IOERR);
            Err(rusqlite::Error::SqliteFailure(error, None).into())
        });
        let after = broken.add_both(move |_| insert(&pool, 1));
        assert_eq!(reactor.run_until(after).unwrap(), 1);
        assert_eq!(database.opened(), 2);
    });
}

#[test]
fn who_cannot_have_a_connection_is_told_and_the_next_one_tries_again() {
    within(DEADLINE, || {
        let database = Database::new("refused");
        let reactor = Reactor::new().unwrap();
        let pool = database.pool(&reactor, 1);
        let away = database.with_suffix("-away");
        std::fs::rename(&database.path, &away).unwrap();
        std::fs::create_dir(&database.path).unwrap();
        let path = database.path.clone();
        let both = reactor.spawn(async move {
            let error = insert(&pool, 1).await.unwrap_err().downcast::<rusqlite::Error>()?;
            std::fs::remove_dir(&path)?;
            std::fs::rename(&away, &path)?;
            Ok((error.sqlite_error_code(), insert(&pool, 1).await?))
        });
        assert_eq!(reactor.run_until(both).unwrap(), (Some(ErrorCode::CannotOpen), 1));
    });
}

#[test]
fn connections_are_opened_when_needed_and_no_more_than_allowed() {
    within(DEADLINE, || {
        let database = Database::new("lazy");
        let reactor = Reactor::new().unwrap();
        let pool = database.pool(&reactor, 3);
        let opened = Arc::clone(&database.opened);
        let done = reactor.spawn(async move {
            let none = opened.load(Ordering::Relaxed);
            for n in 0..10 {
                insert(&pool, n).await?;
            }
            let one = opened.load(Ordering::Relaxed);
            // Each waits for two others, and that three times.
            let barrier = Arc::new(Barrier::new(3));
            let all = (0..9).map(|_| {
                let barrier = Arc::clone(&barrier);
                pool.run_with_connection(move |_| {
                    barrier.wait();
                    Ok(())
                })
            });
            gather_results(all).await?;
            Ok((none, one))
        });
        assert_eq!(reactor.run_until(done).unwrap(), (0, 1));
        assert_eq!(database.opened(), 3);
    });
}
