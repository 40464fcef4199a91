//! What can be a host name at all.
//!
//! The checks are those whose failure no resolver could mend; which names exist is not decided
//! here.

use super::international::to_ascii;
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

/// The longest name, and the longest part between two dots, of the domain name system.
const NAME: usize = 253;
const LABEL: usize = 63;

/// What a host turns out to be.
#[derive(Debug, PartialEq)]
pub(crate) enum Host<'a> {
    /// An address, written out.
    Address(SocketAddr),
    /// Something to look up, in the form in which it is looked up: ASCII.
    Name(Cow<'a, str>),
    /// Neither, and why.
    Invalid(&'static str),
}

pub(crate) fn classify(host: &str, port: u16) -> Host<'_> {
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let bare = bracketed.unwrap_or(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Host::Address((address, port).into());
    }
    // An address of one link, such as fe80::1%2. Which number eth0 has, the system knows.
    if bare.contains(':') && bare.contains('%') {
        return match format!("[{bare}]:{port}").parse() {
            Ok(address) => Host::Address(SocketAddr::V6(address)),
            Err(_) => not_a_word(bare).map_or(Host::Name(bare.into()), Host::Invalid),
        };
    }
    let name = match to_ascii(host) {
        Ok(name) => name,
        Err(why) => return Host::Invalid(why),
    };
    // There are letters that stand for digits and dots.
    if let Ok(address) = name.parse::<IpAddr>() {
        return Host::Address((address, port).into());
    }
    match fault(&name) {
        Some(why) => Host::Invalid(why),
        None => Host::Name(name),
    }
}

fn fault(host: &str) -> Option<&'static str> {
    let name = host.strip_suffix('.').unwrap_or(host);
    not_a_word(host).or_else(|| more_than_a_host(host)).or_else(|| {
        if name.len() > NAME {
            Some("it has more than 253 characters")
        } else if name.split('.').any(|label| label.len() > LABEL) {
            Some("it has more than 63 characters between two dots")
        } else if name.split('.').any(str::is_empty) {
            Some("it has nothing between two dots")
        } else {
            None
        }
    })
}

fn not_a_word(host: &str) -> Option<&'static str> {
    if host.is_empty() {
        Some("it is empty; say which host is meant")
    } else if !host.bytes().all(|byte| byte.is_ascii_graphic()) {
        Some("it has blanks or control characters")
    } else {
        None
    }
}

/// What people write who have the host in one text with other things.
fn more_than_a_host(host: &str) -> Option<&'static str> {
    let is_number = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_one = |host: &str| !host.contains(':') || (host.starts_with('[') && host.ends_with(']'));
    if host.contains("://") {
        Some("it is a URL; give its host alone, and the port by itself")
    } else if host.contains('/') {
        Some("it has a path with it; give the host alone")
    } else if host.rsplit_once(':').is_some_and(|(host, port)| is_one(host) && is_number(port)) {
        Some("it has a port with it; give the host alone, and the port by itself")
    } else if host.contains(':') {
        Some("it has colons, and is no IPv6 address")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{Host, classify};

    #[test]
    fn addresses_need_no_lookup() {
        for (host, address) in
            [("127.0.0.1", "127.0.0.1:7"), ("::1", "[::1]:7"), ("[::1]", "[::1]:7")]
        {
            assert_eq!(classify(host, 7), Host::Address(address.parse().unwrap()));
        }
    }

    #[test]
    fn b206_an_address_of_one_link_keeps_its_scope() {
        for host in ["fe80::1%2", "[fe80::1%2]"] {
            assert_eq!(classify(host, 7), Host::Address("[fe80::1%2]:7".parse().unwrap()));
        }
        for host in ["fe80::1%eth0", "[fe80::1%eth0]"] {
            assert_eq!(classify(host, 7), Host::Name("fe80::1%eth0".into()));
        }
        assert!(matches!(classify("fe80::1%e th0", 7), Host::Invalid(_)));
    }

    #[test]
    fn names_are_looked_up() {
        for host in ["localhost", "a.b.example", "with-hyphen.example.", "_service.example"] {
            assert_eq!(classify(host, 7), Host::Name(host.into()), "as it stands");
        }
        let longest = "x".repeat(63);
        assert_eq!(classify(&longest, 7), Host::Name(longest.as_str().into()));
    }

    #[test]
    fn more_than_a_host_is_told_from_it() {
        let why = |host| match classify(host, 7) {
            Host::Invalid(why) => why,
            other => panic!("{host}: {other:?}"),
        };
        for (host, part) in [
            ("http://a.example", "a URL"),
            ("http://a.example:80/path", "a URL"),
            ("//a.example", "a path"),
            ("a.example/path", "a path"),
            ("a.example:80", "a port"),
            ("127.0.0.1:80", "a port"),
            ("[::1]:80", "a port"),
            ("fe80:::1", "no IPv6 address"),
            ("a:b", "no IPv6 address"),
            ("a:", "no IPv6 address"),
        ] {
            assert!(why(host).contains(part), "{host}: {}", why(host));
        }
    }

    #[test]
    fn what_cannot_be_a_name_is_not() {
        let long = ["abc"; 64].join(".");
        for host in ["", ".", "..", "a..b", ".a", "no such host", "tab\there", "nul\0"] {
            assert!(matches!(classify(host, 7), Host::Invalid(_)), "{host:?}");
        }
        assert!(matches!(classify(&"x".repeat(64), 7), Host::Invalid(_)));
        assert!(matches!(classify(&long, 7), Host::Invalid(_)));
    }
}
