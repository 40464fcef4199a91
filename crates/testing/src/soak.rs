//! What the soaks of the crates have in common: the command line, dice that a seed repeats, and a
//! watchdog that says who waits where.

mod arguments;
mod dice;
mod watchdog;

pub use arguments::Arguments;
pub use dice::{Dice, mix};
pub use watchdog::{Post, Watchdog};
