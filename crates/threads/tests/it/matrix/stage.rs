//! The moments of a reactor's life, and a call at one of them.
//!
//! The test's thread is the reactor's.

use crate::matrix::call::{Ends, Trace};
use crate::matrix::caller::Call;
use crate::matrix::table::{Caller, Cell, Moment, Outcome};
use crate::support::{Gate, gated};
use ropewalk_deferred::Deferred;
use ropewalk_reactor::{Phase, Reactor, RunError, SystemEvent};
use ropewalk_threadpool::ThreadPool;
use ropewalk_threads::{HandleThreads as _, ReactorThreads as _};
use std::rc::Rc;

/// Makes the call of the cell at its moment, and tells what came of it.
///
/// `used`: the program has used the bridges before, so that the reactor has its pool.
pub(crate) fn play(cell: &Cell, used: bool) -> Outcome {
    let reactor = Reactor::new().unwrap();
    let pool = ThreadPool::builder().min_threads(0).max_threads(1).build().unwrap();
    pool.start().unwrap();
    let trace = Trace::default();
    let ends = Ends {
        handle: reactor.handle(),
        remote: reactor.share(3),
        pool: pool.clone(),
        moment: cell.moment,
        trace: trace.clone(),
    };
    let outcome = at_the_moment(cell, used, reactor, ends);
    pool.stop();
    trace.judge(outcome)
}

fn at_the_moment(cell: &Cell, used: bool, reactor: Reactor, ends: Ends) -> Outcome {
    let Cell { caller, bridge, moment, .. } = *cell;
    let is_worker = caller == Caller::Worker;
    if moment == Moment::InTheNextRun {
        run_and_stop(&reactor);
        reactor.accept_calls();
    }
    if used {
        use_bridges(&reactor);
        let pool = reactor.thread_pool();
        if moment == Moment::BeforeTheRun && is_worker {
            // By the program, for else there is no worker yet.
            pool.start().unwrap();
        }
    }
    let call = Rc::new(Call::new(caller, bridge, ends));
    let made = Rc::clone(&call);
    match moment {
        Moment::BeforeTheRun => {
            call.make(&reactor, None);
            reactor.run().unwrap();
        }
        Moment::InTheRun | Moment::InTheNextRun => {
            reactor.call_when_running(move |reactor| call.make(reactor, None));
            reactor.run().unwrap();
        }
        Moment::InABeforeTrigger => {
            in_the_shutdown(&reactor, Phase::Before, move |reactor| call.make(reactor, None));
            run_and_stop(&reactor);
        }
        Moment::WhileThePoolDrains => {
            // What it drains of: a job that ends after the call.
            let (gate, job) = gated();
            reactor.call_in_thread(job).unwrap();
            let drained = move |reactor: &Reactor| once_it_drains(reactor, call, gate);
            in_the_shutdown(&reactor, Phase::Before, drained);
            run_and_stop(&reactor);
        }
        Moment::InAnAfterTrigger => {
            in_the_shutdown(&reactor, Phase::After, move |reactor| call.make(reactor, None));
            run_without(is_worker.then_some(&made), &reactor);
        }
        Moment::BetweenTwoRuns | Moment::AfterTheDrop => {
            run_without(is_worker.then_some(&call), &reactor);
            if moment == Moment::AfterTheDrop {
                drop(reactor);
                call.make_without_reactor();
                return call.outcome();
            }
            call.make(&reactor, None);
        }
    }
    let outcome = made.outcome();
    drop(reactor);
    outcome
}

/// Leaves nothing behind: the answer comes in the first turn, from the reactor itself.
fn use_bridges(reactor: &Reactor) {
    let answer = reactor.handle().eventually(|reactor| {
        let (promise, deferred) = Deferred::new();
        reactor.call_soon(|_| promise.callback(()));
        deferred
    });
    drop(answer);
}

fn run_and_stop(reactor: &Reactor) {
    reactor.stop();
    reactor.run().unwrap();
}

/// A run that does not wait for the worker who will make the call.
fn run_without(worker: Option<&Rc<Call>>, reactor: &Reactor) {
    let Some(call) = worker else { return run_and_stop(reactor) };
    let call = Rc::clone(call);
    reactor.call_when_running(move |reactor| {
        call.wait_until_the_caller_is_there();
        reactor.stop_now();
    });
    assert!(matches!(reactor.run(), Err(RunError::ShutdownTimedOut(_))));
}

fn in_the_shutdown(reactor: &Reactor, phase: Phase, f: impl FnOnce(&Reactor) + 'static) {
    reactor.add_system_event_trigger(phase, SystemEvent::Shutdown, f);
}

/// Makes the call in the first turn in which the pool takes no more jobs.
fn once_it_drains(reactor: &Reactor, call: Rc<Call>, gate: Gate) {
    reactor.call_soon(move |reactor| {
        if reactor.thread_pool().started() {
            once_it_drains(reactor, call, gate);
        } else {
            call.make(reactor, Some(gate));
        }
    });
}
