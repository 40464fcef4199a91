//! What the end of a run does with queries.

use crate::{Database, NEVER, gate, insert, rows};
use ropewalk::deferred::{Abandoned, Cancelled};
use ropewalk::prelude::*;
use ropewalk::reactor::{ManualClock, Phase, ReactorStopped, RunError, SystemEvent};
use ropewalk::threadpool::SubmitError;
use ropewalk_testing::{DEADLINE, failure_of, success_of, within};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::time::Duration;

/// Those that run, those that are queued, and those that their results ask for.
#[test]
fn w4_a_stop_lets_the_queries_end_and_delivers_their_results() {
    within(DEADLINE, || {
        let database = Database::new("drain");
        let reactor = Reactor::new().unwrap();
        let pool = database.pool(&reactor, 2);
        let (gate, keeper) = gate();
        let runs = pool.run_with_connection(rows(gate, 1_000));
        let queued: Vec<_> = (0..5).map(|n| insert(&pool, n)).collect();
        let later = pool.clone();
        let leads_on = insert(&pool, 5).add_callback(move |_| insert(&later, 6));
        let saved = Rc::new(Cell::new(None));
        let saves = Rc::clone(&saved);
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |_| {
            saves.set(Some(insert(&pool, 7)));
        });
        keeper.wait();
        keeper.open();
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(success_of(runs), 1_000);
        assert_eq!(queued.into_iter().map(success_of).sum::<usize>(), 5);
        assert_eq!((success_of(leads_on), success_of(saved.take().unwrap())), (1, 1));
        assert!(!database.has_log(), "a connection is open");
        assert_eq!(database.entries(), [0, 1, 2, 3, 4, 5, 6, 7]);
    });
}

#[test]
fn i9_a_query_that_runs_at_the_deadline_is_interrupted_and_one_that_waits_never_runs() {
    within(DEADLINE, || {
        let database = Database::new("deadline");
        let reactor = Reactor::builder().shutdown_deadline(Duration::ZERO).build().unwrap();
        let pool = database.pool(&reactor, 1);
        let written = insert(&pool, 0);
        let (gate, keeper) = gate();
        let endless = pool.run_with_connection(rows(gate, NEVER));
        let queued = insert(&pool, 1);
        keeper.wait();
        keeper.open();
        reactor.stop();
        let error = reactor.run().unwrap_err();
        assert!(matches!(error, RunError::ShutdownTimedOut(_)), "{error}");
        assert!(error.to_string().contains("ConnectionPool"), "{error}");
        drop((failure_of(endless), failure_of(queued)));
        assert_eq!(success_of(written), 1);
        assert!(!database.has_log(), "a connection is open, or an interrupt was left behind");
        assert_eq!(database.entries(), [0]);
    });
}

/// Its interrupt came between two statements, where SQLite would forget it.
#[test]
fn i9_a_cancelled_query_is_interrupted_before_the_run_ends() {
    within(DEADLINE, || {
        let database = Database::new("cancelled");
        let reactor = Reactor::builder().manual_clock(&ManualClock::new()).build().unwrap();
        let pool = database.pool(&reactor, 1);
        let written = insert(&pool, 0);
        let (before, keeper) = gate();
        let (gate, at_row) = gate();
        let rows = rows(gate, NEVER);
        let query = pool.run_with_connection(move |connection| {
            before.pass();
            rows(connection)
        });
        keeper.wait();
        query.cancel();
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |_| {
            keeper.open();
            at_row.wait();
            at_row.open();
        });
        reactor.stop();
        reactor.run().unwrap();
        assert!(failure_of(query).is::<Cancelled>());
        assert_eq!(success_of(written), 1);
        assert!(!database.has_log(), "a connection is open, or an interrupt was left behind");
    });
}

#[test]
fn w5_a_query_after_the_end_is_refused() {
    within(DEADLINE, || {
        let database = Database::new("after");
        let reactor = Reactor::new().unwrap();
        let pool = database.pool(&reactor, 1);
        reactor.run_until(insert(&pool, 1)).unwrap();
        let refused = failure_of(insert(&pool, 2));
        assert!(refused.is::<ReactorStopped>(), "{refused}");
        let again = pool.clone();
        let in_the_next_run = reactor.spawn(async move { insert(&again, 3).await });
        let refused = reactor.run_until(in_the_next_run).unwrap_err();
        assert!(refused.is::<SubmitError<()>>(), "{refused}");
        drop(reactor);
        let refused = failure_of(insert(&pool, 4));
        assert!(refused.is::<Abandoned>(), "{refused}");
        assert_eq!(database.entries(), [1]);
    });
}

#[test]
fn a_query_of_a_reactor_that_is_dropped_is_interrupted() {
    within(DEADLINE, || {
        let database = Database::new("dropped");
        let reactor = Reactor::new().unwrap();
        let pool = database.pool(&reactor, 1);
        let (gate, keeper) = gate();
        let rows = rows(gate, NEVER);
        let (lives, ended) = channel::<()>();
        let query = pool.run_with_connection(move |connection| {
            let _lives = lives;
            rows(connection)
        });
        keeper.wait();
        keeper.open();
        drop((pool, reactor));
        drop(failure_of(query));
        assert!(ended.recv().is_err());
    });
}
