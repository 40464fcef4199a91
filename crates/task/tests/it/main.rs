//! Futures, delays and timeouts through the public interface.
#![expect(clippy::unwrap_used, reason = "the lint's exception for tests leaves out their helpers")]
#![expect(clippy::async_yields_async, reason = "a task may return a deferred, as a callback may")]

// What a task gives, when it runs, and in which order.
mod spawning;
// Wakers on this thread and on others, and with the reactor gone.
mod waking;
// Wakers with the reactor stopped, turned by hand, stopping and crashed.
mod waking_between_runs;
// Cancelled while waiting, while running, from inside and from outside.
mod cancelling;
// What can be done to the deferred of a task, before its result and after.
mod results;
// Polls, results and drops that panic.
mod panics;
// The `tracing` span that a task takes along.
mod spans;
// whatever else a program has captured there
mod context;
// Dropping a reactor with tasks in it.
mod teardown;
// Budgets, idling and depth.
mod load;
// A million tasks at once.
mod million;
// How often a task allocates.
mod allocations;
// With combinators, channels and events of other crates.
mod interop;
// Tasks in the diagnosis of slow callbacks.
mod slow_tasks;
// `sleep` and `defer_later`.
mod delays;
// `timeout`, `timeout_at` and `timeout_or_else`.
mod timeouts;
// The hook for failures that nobody handled.
mod unhandled;
// `LoopingCall`: the grid, stops, what the function may do.
mod looping_call;
// `LoopingCall`: failures, cancels, and the reactor gone.
mod looping_ends;
// `LoopingCall` against a model.
mod looping_model;
// `Cooperator`: steps in turn, pauses, ends.
mod cooperator;
// `Cooperator`: what a step may do, and how long a turn is.
mod cooperator_turns;
// `Cooperator`: unhandled failures, panics, the reactor gone, a million.
mod cooperator_ends;
// `Cooperator` against a model.
mod cooperator_model;
// `run_until` and `react_on`; the process around them is in `tests/react.rs`.
mod react;

// Support: a future that a test holds the strings of, and a value that logs its drop.
mod signal;
