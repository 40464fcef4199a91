//! What errors say, and how they fit into the errors of a program.

use crate::fixture::{Drops, run_briefly};
use ropewalk_reactor::{Reactor, ReactorHandle, ReactorStopped, RunError};
use ropewalk_testing::{DEADLINE, within};
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::rc::Rc;
use std::time::Duration;

type Boxed = Box<dyn Error + Send + Sync>;

/// A cell is not `Sync`, and so neither is the closure.
fn hand_over(handle: &ReactorHandle, drops: &Drops) -> Result<(), Boxed> {
    let (cell, payload) = (Cell::new(0), drops.payload());
    handle
        .call_from_thread(move |_| {
            cell.set(1);
            drop(payload);
        })
        .map_err(ReactorStopped::without_call)?;
    Ok(())
}

#[test]
fn a_refused_call_without_its_closure_fits_into_any_boxed_error() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let drops = Drops::default();
        hand_over(&reactor.handle(), &drops).unwrap();
        run_briefly(&reactor);
        assert_eq!(drops.count(), 1);
        let error = hand_over(&reactor.handle(), &drops).unwrap_err();
        assert_eq!(drops.count(), 2, "the closure has gone, the error has not");
        assert!(error.is::<ReactorStopped>());
        assert_eq!(error.to_string(), ReactorStopped::new().to_string());
    });
}

/// Each cause finds in the text what to do instead.
#[test]
fn a_reactor_that_runs_already_says_so_to_run_turn_and_start_running() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let refused: Rc<RefCell<Vec<_>>> = Rc::default();
        let refuses = Rc::clone(&refused);
        reactor.start_running().unwrap();
        refused.borrow_mut().push(("start_running", reactor.start_running()));
        reactor.call_soon(move |reactor| {
            let mut refused = refuses.borrow_mut();
            refused.push(("run", reactor.run()));
            refused.push(("turn", reactor.turn(Some(Duration::ZERO))));
            refused.push(("start_running", reactor.start_running()));
        });
        run_briefly(&reactor);
        let refused = refused.take();
        assert_eq!(refused.len(), 4);
        for (call, result) in refused {
            let error = result.unwrap_err();
            assert!(matches!(error, RunError::AlreadyRunning), "{call}: {error:?}");
            assert!(error.to_string().contains(&format!(" {call} ")), "{call}: {error}");
        }
    });
}
