//! A descriptor in reserve, for when there are no others.
//!
//! A system that has no descriptor left for a new connection leaves its peer waiting, for ever
//! perhaps, in a backlog that nobody can look into. So each reactor with a port keeps one descriptor
//! that it can do without: given up, it lets one connection in at a time, which is reset, so that its
//! peer knows.

use super::accepting::accept;
use crate::error::is_want_of_descriptors;
use crate::network::Network;
use socket2::{Domain, Socket, Type};
use std::io;
use std::time::Duration;

/// The most peers that are turned away at a time.
const MOST: usize = 256;

/// Takes the descriptor while there are some.
pub(super) fn keep(network: &Network) {
    let spare = network.spare().take();
    // Without it, those who wait go on waiting.
    network.spare().set(spare.or_else(|| Socket::new(Domain::IPV4, Type::DGRAM, None).ok()));
}

/// Resets the connections that wait, if it is for want of descriptors that they do; how many.
pub(super) fn turn_away(network: &Network, port: &Socket, error: &io::Error) -> usize {
    if !is_want_of_descriptors(error) {
        return 0;
    }
    let mut count = 0;
    while count < MOST {
        let Some(spare) = network.spare().take() else { break };
        drop(spare);
        let accepted = accept(port);
        let is_done = accepted.is_err();
        if let Ok((stream, _)) = accepted {
            let _ = stream.set_linger(Some(Duration::ZERO));
            count += 1;
        }
        keep(network);
        if is_done {
            break;
        }
    }
    count
}
