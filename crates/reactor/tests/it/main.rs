//! Tests of the reactor through its public names.
//!
//! A test that begins with `b` and a number holds that behaviour of the reference, one with `i` and
//! a number holds that invariant, one with `w` and a number a promise that the reference does not
//! keep.

#![expect(clippy::unwrap_used, reason = "what goes wrong in the set-up of a test fails the test")]

mod fixture; // threads, sockets, counted drops, a log to read
mod rig; // a reactor with time and readiness made by hand

// in the order of a first reading
mod calls; // what comes in from other threads
mod interests; // what sources are watched for
mod manual_clock; // time moved by hand
mod manual_selector; // readiness made by hand
mod many_timers; // any number of them, at any distance
mod sources; // I/O
mod timer_passes; // which of them a turn runs
mod timers; // delayed calls
mod triggers; // system events

#[cfg(unix)]
mod hang_ups; // sources that end or break
#[cfg(unix)]
mod many_sources; // ten thousand of them
#[cfg(unix)]
mod strange_sources; // sources with code of their own

mod loop_model; // random programs
mod loop_order; // what a turn runs, exactly
mod loop_sleep; // how long it sleeps then
mod poll_errors; // when the system refuses to wait

mod last_calls; // when nothing holds the shutdown any more
mod nesting; // reactors in callbacks of other reactors
mod outcomes; // what becomes of calls at each kind of end
mod report; // what a run has to say when it is over
mod restart; // stop, crash, run again
mod shutdown; // holds and the deadline
mod stops; // stops and crashes from everywhere
mod waking; // who wakes the loop, and who need not

mod slow_callbacks; // who keeps the loop
mod spin; // looking for work before sleeping
mod stats; // what the counters count

mod errors; // what they say, and what they turn into

mod lending; // references that do not own it
mod portable; // the way to wait that every platform has
mod remote; // shared values
mod slots; // what upper crates keep in a reactor

// across all of them
mod embed;
mod fairness;
mod idle;
mod ownership;
mod panics;
mod reentrancy;
