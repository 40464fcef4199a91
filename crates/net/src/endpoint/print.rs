//! How addresses and times are written in a description.

use super::description::Text;
use std::net::SocketAddr;
use std::time::Duration;

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

/// How long a client tries, if that is not as usual, and from where.
pub(super) fn client_fields(
    mut text: Text,
    (timeout, usual): (Duration, Duration),
    local_address: Option<SocketAddr>,
) -> String {
    if timeout != usual {
        text = text.field("timeout", &seconds(timeout));
    }
    match local_address {
        None => {}
        Some(address) if address.port() == 0 => {
            text = text.address("bindAddress", &ip(address));
        }
        Some(address) => {
            text = text.socket_address("bindAddress", &ip(address), address.port());
        }
    }
    text.into_string()
}

fn seconds(duration: Duration) -> String {
    let nanos = format!("{}.{:09}", duration.as_secs(), duration.subsec_nanos());
    nanos.trim_end_matches('0').trim_end_matches('.').to_owned()
}
