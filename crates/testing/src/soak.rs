//! What the soaks of the crates have in common: the rounds they are played in, dice that a seed
//! repeats, what the threads of a round share, and a watchdog that says who waits where.

// How it goes.
mod arguments;
mod dice;
mod rounds;

// What the threads of a round share.
mod stock;
mod tally;

// What goes wrong, as planned or not.
mod complaints;
mod handing_in;
mod panics;
mod watchdog;

pub use crate::lock::lock;
pub use complaints::Complaints;
pub use dice::{Dice, mix};
pub use handing_in::{handing_in, is_handing_in};
pub use panics::{Planned, contained, panic_as_planned};
pub use rounds::play_rounds;
pub use stock::Stock;
pub use tally::{add, get};
pub use watchdog::{Post, Watchdog};
