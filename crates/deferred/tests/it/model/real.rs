//! A program on real chains.

use super::{Act, On, Op};
use crate::support::Log;
use ropewalk_deferred::{
    Abandoned, CancelHandle, Cancelled, Deferred, Failure, Panicked, Promise, Result, TimedOut,
    WaitsForItself, clear_unhandled_hook, set_unhandled_hook,
};
use std::cell::RefCell;
use std::rc::Rc;

#[derive(Default)]
struct Chain {
    promise: Option<Promise<usize>>,
    end: Option<Deferred<usize>>,
    handle: Option<CancelHandle>,
}

type Chains = Rc<RefCell<Vec<Chain>>>;

/// Runs the program; with `handles`, one is kept to each chain and cancelling goes through it.
pub(crate) fn run(program: &[Op], handles: bool) -> Vec<String> {
    let log = Log::default();
    let hook = log.clone();
    set_unhandled_hook(move |one| {
        hook.add(format_args!("unhandled {}", name(&Err(one.into_failure()))));
    });
    let chains = Chains::default();
    for (number, op) in program.iter().enumerate() {
        step(&chains, &log, number, *op, handles);
    }
    let count = chains.borrow().len();
    for number in 0..count {
        drop(take_promise(&chains, number));
    }
    for number in 0..count {
        if let Some(end) = take_end(&chains, number) {
            let log = log.clone();
            end.add_both(move |result| log.add(format_args!("end {number} {}", name(&result))))
                .detach();
        }
    }
    clear_unhandled_hook();
    log.take()
}

fn step(chains: &Chains, log: &Log, number: usize, op: Op, handles: bool) {
    match op {
        Op::New { canceller } => {
            let (promise, end) = if canceller {
                let (log, created) = (log.clone(), chains.borrow().len());
                Deferred::with_canceller(move || log.add(format_args!("canceller {created}")))
            } else {
                Deferred::new()
            };
            let handle = handles.then(|| end.canceller());
            let chain = Chain { promise: Some(promise), end: Some(end), handle };
            chains.borrow_mut().push(chain);
        }
        Op::Attach { chain, on, act } => {
            if let Some(end) = take_end(chains, chain) {
                let end = attach(chains, log, number, end, on, act);
                chains.borrow_mut()[chain].end = Some(end);
            }
        }
        Op::Fire { chain, value } => {
            if let Some(promise) = take_promise(chains, chain) {
                let result = if value { Ok(number) } else { Err(TimedOut.into()) };
                promise.resolve(result);
            }
        }
        Op::Abandon(chain) => drop(take_promise(chains, chain)),
        Op::Cancel(chain) => cancel(chains, chain),
        Op::Drop(chain) => drop(take_end(chains, chain)),
        Op::Chain { from, to } => {
            if let Some(end) = take_end(chains, from) {
                match take_promise(chains, to) {
                    Some(promise) => end.chain_deferred(promise),
                    None => chains.borrow_mut()[from].end = Some(end),
                }
            }
        }
    }
}

fn attach(
    chains: &Chains,
    log: &Log,
    number: usize,
    end: Deferred<usize>,
    on: On,
    act: Act,
) -> Deferred<usize> {
    let inner = if let Act::Return(other) = act { take_end(chains, other) } else { None };
    let promise = if let Act::Fire(other) = act { take_promise(chains, other) } else { None };
    let (log, chains) = (log.clone(), Rc::clone(chains));
    let link = move |result: Result<usize>| {
        log.add(format_args!("link {number} {}", name(&result)));
        match act {
            Act::Value => {}
            Act::Fail => return Deferred::fail(TimedOut),
            Act::Panic => panic!("link {number}"),
            Act::Return(_) => return inner.unwrap_or_else(|| Deferred::succeed(number)),
            Act::Fire(_) => {
                if let Some(promise) = promise {
                    promise.callback(number);
                }
            }
            Act::Cancel(other) => cancel(&chains, other),
        }
        Deferred::succeed(number)
    };
    match on {
        On::Value => end.add_callback(move |value| link(Ok(value))),
        On::Failure => end.add_errback(move |failure| link(Err(failure))),
        On::Both => end.add_both(link),
    }
}

/// Cancels by the deferred, or by the handle; only what still has its end, as the model does.
fn cancel(chains: &Chains, number: usize) {
    let handle = {
        let mut chains = chains.borrow_mut();
        let Some(chain) = chains.get_mut(number) else { return };
        let Some(end) = &chain.end else { return };
        chain.handle.clone().unwrap_or_else(|| end.canceller())
    };
    handle.cancel();
}

fn take_end(chains: &Chains, number: usize) -> Option<Deferred<usize>> {
    chains.borrow_mut().get_mut(number)?.end.take()
}

fn take_promise(chains: &Chains, number: usize) -> Option<Promise<usize>> {
    chains.borrow_mut().get_mut(number)?.promise.take()
}

fn name(result: &Result<usize>) -> String {
    match result {
        Ok(value) => value.to_string(),
        Err(failure) => failure_name(failure).to_owned(),
    }
}

fn failure_name(failure: &Failure) -> &'static str {
    if failure.is::<Abandoned>() {
        "abandoned"
    } else if failure.is::<Cancelled>() {
        "cancelled"
    } else if failure.is::<TimedOut>() {
        "failed"
    } else if failure.is::<Panicked>() {
        "panicked"
    } else if failure.is::<WaitsForItself>() {
        "waits for itself"
    } else {
        "something else"
    }
}
