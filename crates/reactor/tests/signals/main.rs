//! Tests of signals (feature `signals`) through the public names.
//!
//! A binary of its own, because a signal is for the whole process. So each signal belongs to one
//! test here, and a test that has its process ended does that in a child.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "the lint's exception for tests leaves out their helpers")]

mod children; // this binary once more, for one test

mod callbacks; // `on_signal`
mod dispositions; // what a signal does when nobody listens any more
mod numbers; // `signal`
mod stopping; // `stop_on_signals`
