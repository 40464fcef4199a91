//! The pool through its public interface.
#![expect(clippy::unwrap_used, reason = "the lint's exception for tests leaves out their helpers")]

// What a job does and what becomes of what it captured.
mod submitting;
// First in, first out; the worker that fell idle last comes first.
mod order;
// What Twisted's tests say of a team of workers.
mod team;
// Sizes: what is refused, and what a change starts and ends.
mod resizing;
// When another thread is started: at once, after a wait, or not at all.
mod growing;
// A queue with a limit, and those who wait for room in it.
mod room;
// The word in time, when the queue runs high.
mod high_water;
// Threads that end because nobody needs them, and threads that sleep.
mod reaping;
// stop, stop_within, close, and dropping the last handle.
mod stopping;
// stop_now, and the jobs that it hands back.
mod handing_back;
// Jobs that hand over what came out of them, and those that are submitted for it.
mod handing_over;
// Waiting jobs that are removed, running ones that are told.
mod cancelling;
// Hooks that are called when a running job is cancelled.
mod interrupting;
// Those that are taken back, or left when their job is over.
mod taking_back;
// Waiting for the end of a job.
mod waiting;
// Jobs that say that they wait, and the threads that make up for theirs.
mod blocking;
// Pools in which nothing moves.
mod stalling;
// What is current where a job is submitted, and where it runs.
mod context;
// Jobs, callbacks and hooks that panic.
mod panics;
// Subscribers of events that do.
mod subscribers;
// The pool without threads: order, thread, and stopping.
mod manual;
// Its jobs inside of one another, waited for, cancelled, handed back.
mod manual_jobs;
// Where a pool is in its life; references that do not keep it.
mod lifetime;
// Snapshots.
mod stats;
// What each worker is doing, and the numbers behind it.
mod reporting;
// What an exporter makes of the histograms.
mod histograms;
// A system that gives no threads.
mod refused_threads;
// What was once broken.
mod regressions;

// Support: pools, gates and the log.
mod gate;
mod log;
