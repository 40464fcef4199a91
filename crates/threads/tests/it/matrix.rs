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
        let outcome = impossible(&cell).map_or_else(|| stage::play(&cell), Outcome::NotPossible);
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
        Bridge::CallMultipleInThread,
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
