//! Who is at the other end, by the addresses of both: known before anybody has said a word, and so also
//! of those of whom nothing is ever heard.
//!
//! Only where nobody stands between, and not of Unix sockets, whose clients have no address.

use ropewalk_net::{Address, Transport};

use crate::record::Record;
use crate::world::World;

/// The two addresses of a connection, as one end sees them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ends {
    host: Address,
    peer: Address,
}

/// `record` has its connection: if the other end has its own already, each is told of the other.
pub(crate) fn find(world: &World, record: &Record, transport: &Transport) {
    let ends = Ends { host: transport.host(), peer: transport.peer() };
    if record.path.is_indirect || ends.host.socket_addr().is_none() {
        return;
    }
    let mirrored = Ends { host: ends.peer.clone(), peer: ends.host.clone() };
    record.ends.replace(Some(ends));
    let is_other = |other: &Record| {
        let is_same = (other.port, other.life) == (record.port, record.life);
        let is_free = other.is_client != record.is_client && other.mate.get().is_none();
        is_same && is_free && other.ends.borrow().as_ref() == Some(&mirrored)
    };
    // The latest: an address may be given again.
    if let Some(other) = world.records().iter().rev().find(|other| is_other(other)) {
        record.mate.set(Some(other.number));
        other.mate.set(Some(record.number));
    }
}
