//! Who makes a call: the reactor's own thread, or one that waits until it is his turn.

use crate::matrix::call::{Ends, Made};
use crate::matrix::table::{Bridge, Caller, Outcome};
use crate::support::{Gate, foreign};
use ropewalk_reactor::Reactor;
use ropewalk_threads::{HandleThreads as _, ReactorThread};
use std::cell::RefCell;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// A call that is to be made, or has been.
pub(crate) struct Call {
    bridge: Bridge,
    state: RefCell<State>,
}

enum State {
    Here(Ends),
    Elsewhere(Actor),
    Made(Made),
    Over,
}

/// Another thread, which waits for its turn.
struct Actor {
    there: Receiver<()>,
    /// What it lets go when it has made the call.
    turn: Sender<Option<Gate>>,
    outcomes: Receiver<Outcome>,
    /// Ends with the actor, if it is his.
    _reactor: Option<ReactorThread>,
}

impl Call {
    pub(crate) fn new(caller: Caller, bridge: Bridge, ends: Ends) -> Self {
        let state = match caller {
            Caller::ReactorThread => State::Here(ends),
            _ => State::Elsewhere(Actor::new(caller, bridge, ends)),
        };
        Self { bridge, state: RefCell::new(state) }
    }

    /// Makes the call; it has reached the reactor, or has returned, when this returns.
    pub(crate) fn make(&self, reactor: &Reactor, gate: Option<Gate>) {
        let state = self.state.replace(State::Over);
        let state = match state {
            State::Here(ends) => {
                let (goes_on, bridge) = (ends.moment.goes_on(), self.bridge);
                let made = ends.call_here(Some(reactor), bridge);
                // A job is done in the shutdown, if it was not before; a task is waited for.
                if goes_on && !matches!(made, Made::Task(_)) {
                    reactor.stop();
                }
                State::Made(made)
            }
            State::Elsewhere(actor) => {
                let before = reactor.stats().pending_calls;
                actor.turn.send(gate).unwrap();
                loop {
                    if let Ok(outcome) = actor.outcomes.try_recv() {
                        break State::Made(Made::Known(outcome));
                    }
                    if reactor.stats().pending_calls > before {
                        break State::Elsewhere(actor);
                    }
                    thread::yield_now();
                }
            }
            other => other,
        };
        self.state.replace(state);
    }

    /// Makes the call when the reactor is gone.
    pub(crate) fn make_without_reactor(&self) {
        let state = match self.state.replace(State::Over) {
            State::Here(ends) => State::Made(ends.call_here(None, self.bridge)),
            State::Elsewhere(actor) => {
                actor.turn.send(None).unwrap();
                State::Elsewhere(actor)
            }
            other => other,
        };
        self.state.replace(state);
    }

    pub(crate) fn wait_until_the_caller_is_there(&self) {
        if let State::Elsewhere(actor) = &*self.state.borrow() {
            actor.there.recv().unwrap();
        }
    }

    /// What came of it in the end.
    pub(crate) fn outcome(&self) -> Outcome {
        match self.state.replace(State::Over) {
            State::Made(made) => made.outcome(),
            State::Elsewhere(actor) => actor.outcomes.recv().unwrap(),
            State::Here(_) | State::Over => Outcome::Wrong("the call was not made".to_owned()),
        }
    }
}

impl Actor {
    fn new(caller: Caller, bridge: Bridge, ends: Ends) -> Self {
        let (arrives, there) = channel();
        let (turn, turns) = channel::<Option<Gate>>();
        let (sender, outcomes) = channel();
        let handle = ends.handle.clone();
        let body = move || {
            let _ = arrives.send(());
            let Ok(gate) = turns.recv() else { return };
            let (goes_on, handle) = (ends.moment.goes_on(), ends.handle.clone());
            let _ = sender.send(ends.call(bridge));
            drop(gate);
            if goes_on {
                handle.stop();
            }
        };
        let mut reactor = None;
        match caller {
            Caller::Worker => drop(handle.call_in_thread(body).unwrap()),
            Caller::OtherReactor => {
                let other = ReactorThread::spawn().unwrap();
                other.handle().call_from_thread(|_| body()).unwrap();
                reactor = Some(other);
            }
            Caller::ReactorThread | Caller::Foreign => drop(foreign(body)),
        }
        Self { there, turn, outcomes, _reactor: reactor }
    }
}
