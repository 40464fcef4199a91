//! The shutdown matrix: every bridge, at every moment of a reactor's life, on every thread.
//!
//! The table is a page of the guide, `docs/guide/src/the-shutdown-matrix.md`, and nowhere else. Each
//! cell is played on a reactor of its own, and what came of the call is compared with the page. A
//! watchdog gives each cell two seconds, and names the one that takes longer: none may hang (I4).

mod call;
mod caller;
mod stage;
mod table;
mod watchdog;

use crate::matrix::table::{Bridge, Caller, Cell, Moment, Outcome, Reason};
use crate::matrix::watchdog::Watchdog;
use std::fmt::Write as _;

/// W1: nothing waits here for itself.
#[test]
fn i2_i4_w1_the_matrix_on_the_reactors_own_thread() {
    play(Caller::ReactorThread);
}

/// W3: a worker that waits for the reactor while that waits for the worker.
#[test]
fn i2_i4_w3_the_matrix_on_a_worker() {
    play(Caller::Worker);
}

/// W2 and W5: a stop tells who waits, and refuses who comes later.
#[test]
fn i2_i4_w2_w5_the_matrix_on_a_foreign_thread() {
    play(Caller::Foreign);
}

/// W30: the callbacks of one reactor, and the end of another.
#[test]
fn i2_i4_w30_the_matrix_on_the_thread_of_another_reactor() {
    play(Caller::OtherReactor);
}

/// Here the call may be the first need of the pool: it makes one, or does not any more.
#[test]
fn i2_i4_the_matrix_of_a_reactor_that_has_no_pool_yet() {
    let watchdog = Watchdog::new();
    // Without a pool there is no worker, and nothing drains. In an *after* trigger nobody waits for a
    // pool that is made there: see `drain.rs`.
    let left_out = [Moment::WhileThePoolDrains, Moment::InAnAfterTrigger];
    let is_meant = |cell: &Cell| {
        let has_pool = cell.caller == Caller::Worker || left_out.contains(&cell.moment);
        !has_pool && impossible(cell).is_none()
    };
    for cell in table::read().into_iter().filter(is_meant) {
        watchdog.watch(&cell);
        let outcome = stage::play(&cell, false);
        // In a *before* trigger such a pool takes jobs longer, or the answer is not waited for.
        let agrees = match cell.moment {
            Moment::InABeforeTrigger => !matches!(outcome, Outcome::Wrong(_)),
            _ => outcome == cell.expected,
        };
        assert!(agrees, "{cell}: {outcome}");
    }
}

#[test]
fn the_matrix_has_each_cell_once() {
    let cells = table::read();
    for caller in [Caller::ReactorThread, Caller::Worker, Caller::Foreign, Caller::OtherReactor] {
        for bridge in Bridge::all() {
            for (moment, _) in Moment::ALL {
                let same = |cell: &&Cell| {
                    (cell.caller, cell.bridge, cell.moment) == (caller, bridge, moment)
                };
                let count = cells.iter().filter(same).count();
                assert_eq!(count, 1, "{bridge:?} on {caller:?}, {moment:?}");
            }
        }
    }
    assert_eq!(cells.len(), 4 * Bridge::all().len() * Moment::ALL.len());
}

fn play(caller: Caller) {
    let watchdog = Watchdog::new();
    let mut differences = String::new();
    let cells = table::read().into_iter().filter(|cell| cell.caller == caller);
    for cell in cells {
        watchdog.watch(&cell);
        let made = || stage::play(&cell, true);
        let outcome = impossible(&cell).map_or_else(made, Outcome::NotPossible);
        if outcome != cell.expected {
            let expected = &cell.expected;
            writeln!(differences, "{cell}: the page says {expected}, but: {outcome}").unwrap();
        }
    }
    assert!(differences.is_empty(), "\n{differences}");
}

/// Why there is no such call, where there is none.
fn impossible(cell: &Cell) -> Option<Reason> {
    let of_reactor = [
        Bridge::DeferToThread,
        Bridge::DeferToThreadPool,
        Bridge::DeferToThreadWith,
        Bridge::DeferToThreadPoolWith,
    ];
    if !of_reactor.contains(&cell.bridge) {
        None
    } else if cell.caller != Caller::ReactorThread {
        Some(Reason::DoesNotCompile)
    } else {
        (cell.moment == Moment::AfterTheDrop).then_some(Reason::ReactorIsGone)
    }
}
