//! `sqlite_pool`: a database driver that blocks, behind a pool of connections that does not.
//!
//! Twisted has `twisted.enterprise.adbapi` for this: `runQuery`, `runOperation` and `runInteraction`
//! give `Deferred`s. The module `pool` beside this file is the same for SQLite, with what Twisted
//! leaves out: a query that is cancelled, or takes too long, is really interrupted, and only that
//! one. For another driver `connections` is what changes.
//!
//! Run it: `cargo run --example sqlite_pool`

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

mod connections;
mod pool;

use pool::ConnectionPool;
use ropewalk::deferred::{TimedOut, gather_results};
use ropewalk::prelude::*;
use rusqlite::{Connection, Transaction};
use std::path::PathBuf;
use std::time::Duration;

const ACCOUNTS: i64 = 10;
const TRANSFERS: i64 = 200;
const LIMIT: Duration = Duration::from_millis(50);

const CREATE: &str = "
    CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0));
    WITH RECURSIVE ids (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids WHERE id < 10)
        INSERT INTO account SELECT id, 1000 FROM ids";

const ENDLESS: &str = "
    WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number)
        SELECT max(n) FROM number";

fn open(file: &DatabaseFile) -> rusqlite::Result<Connection> {
    let connection = Connection::open(&file.0)?;
    // Readers and a writer do not wait for each other, and nobody for the disk.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    Ok(connection)
}

fn transfer(bank: &Transaction<'_>, from: i64, to: i64, amount: i64) -> ropewalk::Result<()> {
    let mut add = bank.prepare_cached("UPDATE account SET balance = balance + ?2 WHERE id = ?1")?;
    add.execute((from, -amount))?;
    anyhow::ensure!(add.execute((to, amount))? == 1, "there is no account {to}");
    Ok(())
}

/// What all accounts have together.
fn total(bank: &ConnectionPool) -> Deferred<i64> {
    bank.run_query("SELECT sum(balance) FROM account", (), |row| row.get::<_, i64>(0))
        .map(|sums| sums.iter().sum())
}

fn endless(bank: &ConnectionPool) -> Deferred<Vec<i64>> {
    bank.run_query(ENDLESS, (), |row| row.get(0))
}

#[expect(clippy::expect_used, reason = "a task runs on a reactor")]
fn within<T>(limit: Duration, result: Deferred<T>) -> Deferred<T> {
    let reactor = Reactor::current().expect("a task runs on one");
    result.timeout(&reactor, limit)
}

async fn program(bank: ConnectionPool) -> ropewalk::Result<()> {
    bank.run_with_connection(|connection| Ok(connection.execute_batch(CREATE)?)).await?;
    println!("{ACCOUNTS} accounts, {} in all", total(&bank).await?);

    let transfers = (0..TRANSFERS).map(|n| {
        let (from, to) = (1 + n % ACCOUNTS, 1 + (n * 7 + 3) % ACCOUNTS);
        bank.run_interaction(move |bank| transfer(bank, from, to, n % 5))
    });
    let done = gather_results(transfers).await?.len();
    println!("{done} transfers at once, {} in all", total(&bank).await?);

    let half = bank.run_interaction(|bank| transfer(bank, 1, 99, 100));
    let failure = half.await.map_or_else(|failure| failure.to_string(), |()| "done".to_owned());
    println!("a transfer to nowhere: {failure}; rolled back, {} in all", total(&bank).await?);

    let overdrawn = bank.run_interaction(|bank| transfer(bank, 1, 2, 1_000_000)).await;
    let error = overdrawn.err().and_then(|failure| failure.downcast::<rusqlite::Error>().ok());
    let code = error.as_ref().and_then(rusqlite::Error::sqlite_error_code);
    println!("a transfer of too much: {code:?}");

    let changed = bank.run_operation("UPDATE account SET balance = balance + ?1", [10]).await?;
    println!("interest for {changed} accounts, {} in all", total(&bank).await?);

    // One on each of the four connections, and as many again that wait for one.
    let endless: Vec<_> = (0..8).map(|_| within(LIMIT, endless(&bank))).collect();
    for query in endless {
        let failure = query.await.err();
        let late = failure.is_some_and(|failure| failure.is::<TimedOut>());
        println!("an endless query: {}", if late { "timed out" } else { "what?" });
    }
    println!("the connections go on: {} in all", total(&bank).await?);
    Ok(())
}

fn main() -> ropewalk::Result<()> {
    ropewalk_examples::init_tracing();
    let file = DatabaseFile(std::env::temp_dir().join(format!("bank-{}.db", std::process::id())));
    let reactor = Reactor::new()?;
    let bank = ConnectionPool::new(&reactor, 4, move || open(&file))?;
    reactor.run_until(reactor.spawn(program(bank)))?;
    println!("all connections are closed");
    Ok(())
}

/// Removed when nobody can open it any more.
struct DatabaseFile(PathBuf);

impl Drop for DatabaseFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
