//! The tests of `ropewalk-threads`, one module for each topic.
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

// jobs that nobody waits for, and calls from the threads of the pool
mod in_thread;
// jobs whose result comes back as a deferred
mod defer_to_thread;
// jobs that tell how far they have come
mod progress;
// and when nobody wants to hear it any more
mod progress_ends;
// because the deferred is cancelled
mod progress_cancelled;
// what a round trip costs: allocations, turns
mod costs;
// foreign threads that wait for the reactor
mod blocking_call;
// answers that can be waited for, looked at, cancelled and awaited
mod eventual;
// and on which runtimes
mod awaited;
// and when one side of them goes
mod awaited_ends;
// and cancelled by others than those who wait
mod cancel_handle;
// answers that somebody has begun to await, and drops
mod dropped_eventuals;
// the same questions to one value that lives with a reactor
mod remote_threads;
// workers that wait for a reactor, and are made up for
mod blocked_workers;
// deferred jobs and blocking calls that nobody wants any more
mod cancellation;
// what happens to all of them when the reactor stops
mod shutdown;
// the same as one table: each bridge, at each moment, on each thread
mod matrix;
// pools of one's own, and those that nobody has started
mod private_pools;
// the pool through that shutdown: who may still use it, and when it ends
mod drain;
// crashes, drops, and reactors that run again
mod restart;
// and drops that somebody has a reference across
mod kept_references;
// the sizes of the reactor's pool, and its life
mod pool_size;
// and a system that gives it no threads
mod refused_threads;
// a pool that another one has come in place of
mod replaced_pools;
// such pools when the reactor stops
mod replaced_pools_ends;
// one pool for several reactors
mod shared_pools;
// threads that submit while the pool is replaced again and again
mod replaced_pools_hammer;
// a pool without threads, whose jobs the test runs in every order
mod manual_pool;
// a reactor in a thread of its own
mod reactor_thread;
// and how it is made
mod reactor_making;
// several of them, that call each other
mod many_reactors;
// two of them, by every bridge at once
mod every_bridge;
// several of them, that would wait for each other for ever
mod circles;
// callbacks that wait and wait, until their reactor is to stop
mod waits_again;
// a thread that tells what blocks a reactor, and which pools are stalled
mod watchdog;
// how the callbacks of results are named by both diagnoses
mod slow_results;
// watchdogs and what they watch, when one of them ends
mod watchdog_ends;
// jobs, calls, wakers and drops that panic
mod panics;
// subscribers of events that do
mod subscribers;
// user code that calls back into the bridges from anywhere
mod reentrancy;
// closures that need no type annotation
mod inference;
// what may cross threads
mod auto_traits;
// a reactor and a pool with nothing to do
mod idle;
// programs that hang with others
mod regressions;
// everything at once, from eight threads
mod hammer;

// what the tests share: threads, gates, witnesses of a drop, a small executor
mod support;
// what is logged
mod log;
