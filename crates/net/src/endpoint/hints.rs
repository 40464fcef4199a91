//! What was most likely meant by a description that cannot be read.
//!
//! The colon is what URLs, addresses of IPv6 and `host:port` have in common with descriptions: the
//! grammar divides them where nobody meant to, and finds fault with some part of what was one thing.
//! Nothing here is asked unless there is a fault.

use super::error::{EndpointParseErrorKind as Kind, Fault};
use std::net::{Ipv6Addr, SocketAddr};

/// The most colons in an address.
const COLONS: usize = 8;

/// The fault that the writer of the text would see, where that is another one.
pub(super) fn explain(fault: Fault, text: &str) -> Fault {
    let columns = |bytes: usize| text[..bytes].chars().count() + 1;
    if let Some(start) = url(text) {
        if columns(start) <= fault.column {
            return Fault::new(columns(start), Kind::Url);
        }
    }
    let covers =
        |(start, end): &(usize, usize)| (columns(*start)..=columns(*end)).contains(&fault.column);
    match bare_addresses(text).find(covers) {
        Some((start, _)) => Fault::new(columns(start), Kind::BareAddress),
        None => fault,
    }
}

/// Descriptions that have what stands in a text of no kind.
pub(super) fn with_a_kind(text: &str) -> Vec<String> {
    let mut candidates = vec![format!("tcp:{text}")];
    if let Ok(address) = text.parse::<SocketAddr>() {
        let (ip, port) = (address.ip(), address.port());
        candidates.push(match ip.is_ipv6() {
            true => format!("tcp:{port}:interface=[{ip}]"),
            false => format!("tcp:{port}:interface={ip}"),
        });
    }
    if text.contains('/') {
        candidates.push(format!("unix:{text}"));
    }
    candidates
}

/// Where a URL begins.
fn url(text: &str) -> Option<usize> {
    let (before, _) = text.split_once("://").filter(|(before, _)| !before.ends_with('\\'))?;
    Some(before.rfind([':', '=']).map_or(0, |delimiter| delimiter + 1))
}

/// Where addresses begin and end whose colons divide fields.
fn bare_addresses(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let starts = std::iter::once(0).chain(text.match_indices([':', '=']).map(|(at, _)| at + 1));
    starts.filter_map(move |start| {
        let rest = &text[start..];
        let ends = rest.match_indices(':').map(|(at, _)| at).chain([rest.len()]);
        // The longest one that can be read; there is none with more than eight colons.
        let ends = ends.take(COLONS + 1);
        let end = ends.filter(|end| rest[..*end].parse::<Ipv6Addr>().is_ok()).last()?;
        Some((start, start + end))
    })
}
