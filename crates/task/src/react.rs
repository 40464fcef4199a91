//! A whole program around one result: a reactor that runs until it is there.
//!
//! The result has its place outside of the reactor's run, and the callback that puts it there stops
//! the run, but only while there is one. A result that is there before the run has begun is seen to
//! by a trigger of the startup: to ask for the stop before would be no use to a reactor that has
//! run already.

use crate::late::late;
use crate::{ExitWith, StoppedBeforeDone, TaskFailed, panics};
use ropewalk_deferred::{Deferred, Failure, FailureGroup, FirstError, Outcome, Panicked, Result};
use ropewalk_reactor::{Phase, Reactor, RunError, SystemEvent};
use std::cell::Cell;
use std::collections::VecDeque;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::process::ExitCode;
use std::rc::Rc;

/// What a program ends with that has failed and has not said how.
const FAILED: u8 = 1;

/// Makes a reactor, calls `main` on it, and runs it until the result of `main` is there.
///
/// `main` is called in the run, at the end of the startup: the reactor is
/// [`running`](Reactor::running) and [`Reactor::with_current`] lends it. It returns what a callback
/// may: nothing or a `Result`, and the program ends at once, or a `Deferred`, such as that of
/// [`spawn`](crate::ReactorTask::spawn), and the program ends when that one has its result. The
/// reactor is then stopped, with everything that belongs to a stop.
///
/// The exit code is that of a success if `main` has succeeded and the reactor has ended without an
/// error. In all other cases it is that of a failure, and one line on standard error says why, with
/// all causes: what `main` failed with, a panic of it, an error of the reactor, or
/// [`StoppedBeforeDone`] if somebody has stopped the reactor before. A failure that has an
/// [`ExitWith`] in it decides the code itself.
///
/// If the reactor is stopped, the result of `main` still counts if it comes during the shutdown.
/// What has no result after that is cancelled.
///
/// With the feature `signals` on Unix, SIGINT and SIGTERM stop the reactor, as described at
/// `Reactor::stop_on_signals`; so a program that is interrupted ends with [`StoppedBeforeDone`],
/// unless a trigger *before* the shutdown leads its `main` to an end. A signal is heard in a turn:
/// while `main` itself, or a callback, blocks the thread, the program goes on until the third one,
/// which ends it at once.
///
/// # Threads
///
/// The one that becomes the reactor thread: usually the main thread, from `main`.
///
/// # Examples
///
/// ```
/// use ropewalk_task::{ReactorTask, react};
/// use std::process::ExitCode;
/// use std::time::Duration;
///
/// fn main() -> ExitCode {
///     react(|reactor| {
///         let nap = reactor.sleep(Duration::from_millis(1));
///         reactor.spawn(async {
///             nap.await?;
///             println!("slept well");
///             Ok(())
///         })
///     })
/// }
/// ```
///
/// Twisted: `task.react`.
#[track_caller]
pub fn react<F, R>(main: F) -> ExitCode
where
    F: FnOnce(&Reactor) -> R + 'static,
    R: Outcome<Value = ()>,
{
    let location = Location::caller();
    let reactor = match Reactor::new() {
        Ok(reactor) => reactor,
        Err(error) => {
            return report(&Failure::from(error).context("a reactor cannot be made")).into();
        }
    };
    #[cfg(all(feature = "signals", unix))]
    if let Err(error) = reactor.stop_on_signals() {
        return report(&Failure::from(error).context("signals cannot be listened for")).into();
    }
    run_main(&reactor, main, location).into()
}

/// As [`react`], on a reactor that the program has made itself.
///
/// Signals are left to the program. The reactor can be run again afterwards. Inside of one of its
/// callbacks `main` is not called, and that is an error.
///
/// # Threads
///
/// Reactor thread, outside of callbacks.
///
/// # Examples
///
/// ```
/// use ropewalk_reactor::{PanicPolicy, Reactor};
/// use ropewalk_task::react_on;
/// use std::process::ExitCode;
///
/// fn main() -> ExitCode {
///     let Ok(reactor) = Reactor::builder().panic_policy(PanicPolicy::Stop).build() else {
///         return ExitCode::FAILURE;
///     };
///     react_on(&reactor, |_| println!("hello"))
/// }
/// ```
///
/// Twisted: `task.react` with `_reactor`.
#[track_caller]
pub fn react_on<F, R>(reactor: &Reactor, main: F) -> ExitCode
where
    F: FnOnce(&Reactor) -> R + 'static,
    R: Outcome<Value = ()>,
{
    run_main(reactor, main, Location::caller()).into()
}

fn run_main<F, R>(reactor: &Reactor, main: F, location: &'static Location<'static>) -> u8
where
    F: FnOnce(&Reactor) -> R + 'static,
    R: Outcome<Value = ()>,
{
    let (promise, deferred) = Deferred::new();
    let main = move |reactor: &Reactor| {
        let called = catch_unwind(AssertUnwindSafe(|| main(reactor).into_deferred()));
        called
            .unwrap_or_else(|payload| Deferred::fail(Panicked::from_payload(payload, location)))
            .chain_deferred(promise);
    };
    let trigger = reactor.add_system_event_trigger(Phase::After, SystemEvent::Startup, main);
    let Ended { result, run } = run_to_the_end(reactor, deferred);
    // It is still there if the run has not come so far, and must not be called in another one.
    let _ = reactor.remove_system_event_trigger(trigger);
    let code = match (result, &run) {
        (Some(Ok(())), _) => 0,
        (Some(Err(failure)), _) => report(&failure),
        (None, Ok(())) => report(&StoppedBeforeDone.into()),
        (None, Err(_)) => FAILED,
    };
    match run {
        Ok(()) => code,
        Err(error) => code.max(report(&error.into())),
    }
}

/// How a run has ended that was for a result.
struct Ended<T> {
    result: Option<Result<T>>,
    run: std::result::Result<(), RunError>,
}

struct Goal<T> {
    result: Cell<Option<Result<T>>>,
    stage: Cell<Stage>,
}

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Before,
    Running,
    Over,
}

/// Runs until the deferred has its result, and gives that.
pub(crate) fn run_until<T: 'static>(reactor: &Reactor, deferred: Deferred<T>) -> Result<T> {
    let Ended { result, run } = run_to_the_end(reactor, deferred);
    match (result, run) {
        (Some(Err(failure)), Err(error)) => {
            let what = "the run for a result that is a failure has failed, too";
            panics::tell(|| tracing::error!(%error, "{what}"));
            Err(failure)
        }
        (_, Err(error)) => Err(error.into()),
        (Some(result), Ok(())) => result,
        (None, Ok(())) => Err(StoppedBeforeDone.into()),
    }
}

fn run_to_the_end<T: 'static>(reactor: &Reactor, deferred: Deferred<T>) -> Ended<T> {
    let goal = Rc::new(Goal { result: Cell::new(None), stage: Cell::new(Stage::Before) });
    let (reached, weak) = (Rc::clone(&goal), reactor.downgrade());
    let waits = deferred.add_both(move |result| {
        if reached.stage.get() == Stage::Over {
            return late(result);
        }
        reached.result.set(Some(result));
        if reached.stage.get() == Stage::Running {
            weak.with(Reactor::stop);
        }
        Ok(())
    });
    let begun = Rc::clone(&goal);
    let begin = move |reactor: &Reactor| {
        begun.stage.set(Stage::Running);
        let result = begun.result.take();
        if result.is_some() {
            reactor.stop();
        }
        begun.result.set(result);
    };
    let trigger = reactor.add_system_event_trigger(Phase::After, SystemEvent::Startup, begin);
    let run = reactor.run().map(drop);
    goal.stage.set(Stage::Over);
    // It is still there if the run has not come so far, and must not stop another one.
    let _ = reactor.remove_system_event_trigger(trigger);
    let result = goal.result.take();
    waits.cancel();
    waits.detach();
    Ended { result, run }
}

/// Says on standard error why the program fails; gives its exit code.
fn report(failure: &Failure) -> u8 {
    let exit = exit_of(failure);
    let text = catch_unwind(AssertUnwindSafe(|| {
        let code = exit.map(ToString::to_string);
        let causes = failure.chain().map(ToString::to_string);
        causes.filter(|cause| Some(cause) != code.as_ref()).collect::<Vec<_>>().join(": ")
    }));
    let text =
        text.unwrap_or_else(|_| "a failure that panicked when it was to be shown".to_owned());
    if !text.is_empty() {
        // Not `eprintln!`, which panics: where nobody listens the exit code still counts.
        let _ = writeln!(std::io::stderr(), "error: {text}");
    }
    exit.map_or(FAILED, |exit| exit.0)
}

/// The code that is in a failure, also as the context of one that was passed on inside another:
/// there only that one can be asked for it.
fn exit_of(failure: &Failure) -> Option<&ExitWith> {
    let mut asked = VecDeque::from([failure]);
    while let Some(failure) = asked.pop_front() {
        if let Some(exit) = failure.downcast_ref() {
            return Some(exit);
        }
        for cause in failure.chain() {
            if let Some(exit) = cause.downcast_ref() {
                return Some(exit);
            }
            let before = asked.len();
            if let Some(failed) = cause.downcast_ref::<TaskFailed>() {
                asked.push_back(failed.failure());
            } else if let Some(first) = cause.downcast_ref::<FirstError>() {
                asked.push_back(first.failure());
            } else if let Some(group) = cause.downcast_ref::<FailureGroup>() {
                asked.extend(group.failures());
            }
            if asked.len() > before {
                // The rest of this chain is that of what was passed on.
                break;
            }
        }
    }
    None
}
