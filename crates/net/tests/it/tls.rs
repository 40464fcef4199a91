//! Encrypted connections: both ends, each version, and everything that can go wrong with them.

pub(crate) mod certificates; // made for the tests
pub(crate) mod peer; // a client that blocks, in a thread

mod agreeing; // certificates, names, protocols, sessions
mod downgrades; // nothing goes out, or is obeyed, in plain that was meant to be encrypted
mod echo; // what goes in comes out, whoever is at the other end
mod ending; // on each side, in each state
mod openssl; // another implementation
mod refusing; // handshakes that fail
mod resets; // in each state
mod sharing; // beside other connections
mod upgrading; // plain at first, encrypted later
