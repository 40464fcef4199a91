//! Signals (feature `signals`): callbacks for any, and those that stop the reactor.

mod process;
mod registration;
pub mod signal;
mod stop;

pub use registration::SignalRegistration;
