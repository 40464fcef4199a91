//! How addresses and times are written in a description.

use super::description::Text;
use crate::AddressFamily;
use crate::listening::Limits;
use std::net::SocketAddr;
use std::time::Duration;

/// How long is tried, if nobody says otherwise.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);

/// An address without what cannot be written: the flow label of IPv6, which nobody chooses here.
pub(super) fn printable(mut address: SocketAddr) -> SocketAddr {
    if let SocketAddr::V6(v6) = &mut address {
        v6.set_flowinfo(0);
    }
    address
}

/// An address without its port, and without brackets.
pub(super) fn ip(address: SocketAddr) -> String {
    match address {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => format!("{}%{}", v6.ip(), v6.scope_id()),
        _ => address.ip().to_string(),
    }
}

/// How long a client tries, if that is not as usual.
pub(super) fn timeout(text: Text, timeout: Duration) -> Text {
    if timeout == TIMEOUT { text } else { text.field("timeout", &seconds(timeout)) }
}

/// The limits of a port, if it has any.
pub(super) fn limits(text: Text, limits: Limits) -> Text {
    let text = text.count("backlog", limits.backlog);
    text.count("maxConnections", limits.max_connections)
}

/// The kinds of addresses that a client tries, if those are not both.
pub(super) fn family(text: Text, family: AddressFamily) -> Text {
    match FAMILIES.iter().find(|(_, one)| *one == family) {
        Some((name, _)) => text.field("family", name),
        None => text,
    }
}

/// The families that can be asked for, and their names.
pub(super) const FAMILIES: &[(&str, AddressFamily)] =
    &[("ipv4", AddressFamily::Ipv4), ("ipv6", AddressFamily::Ipv6)];

fn seconds(duration: Duration) -> String {
    let nanos = format!("{}.{:09}", duration.as_secs(), duration.subsec_nanos());
    nanos.trim_end_matches('0').trim_end_matches('.').to_owned()
}
