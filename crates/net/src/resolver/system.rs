//! What the operating system says about a name: `getaddrinfo`, which blocks.
//!
//! The standard library asks the same question, but its error is a text: whether a name does not
//! exist or a name server did not answer could not be told from it.

use super::AddressFamily;
use crate::error::{ResolveErrorKind, is_want_of_descriptors};
use dns_lookup::{AddrFamily, AddrInfoHints, LookupError, LookupErrorKind, SockType, getaddrinfo};
use socket2::{Domain, Socket, Type};
use std::io;
use std::net::SocketAddr;

/// All addresses of `name`, in the order of the system, which knows what can be reached best. Their
/// port is 0.
pub(super) fn look_up(
    name: &str,
    family: AddressFamily,
) -> Result<Vec<SocketAddr>, ResolveErrorKind> {
    let hints = AddrInfoHints {
        // One answer for each address, and not one for each kind of socket.
        socktype: SockType::Stream.into(),
        address: match family {
            AddressFamily::Any => 0,
            AddressFamily::Ipv4 => AddrFamily::Inet.into(),
            AddressFamily::Ipv6 => AddrFamily::Inet6.into(),
        },
        ..AddrInfoHints::default()
    };
    let found = getaddrinfo(Some(name), None, Some(hints))
        .map_err(|error| in_want().map_or_else(|| kind(error), Into::into))?;
    let mut addresses = Vec::new();
    // An address of a family that we do not know is of no use, but no reason to lose the others.
    for address in found.flatten().map(|info| info.sockaddr) {
        // A name may stand in the hosts file twice.
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

fn kind(error: LookupError) -> ResolveErrorKind {
    match error.kind() {
        LookupErrorKind::NoName => ResolveErrorKind::NotFound,
        LookupErrorKind::NoData | LookupErrorKind::Family => ResolveErrorKind::NoAddress,
        LookupErrorKind::Again => ResolveErrorKind::TryAgain,
        _ if error.error_num() == OTHER_FAMILY => ResolveErrorKind::NoAddress,
        _ => io::Error::from(error).into(),
    }
}

/// The error of a system that has no descriptor left. What it says of the name is of no use then: it
/// could open neither its hosts file nor a socket to its name servers, and calls the name unknown.
fn in_want() -> Option<io::Error> {
    Socket::new(Domain::IPV4, Type::DGRAM, None).err().filter(is_want_of_descriptors)
}

/// What glibc says of a name whose addresses are all of another family (`EAI_ADDRFAMILY`).
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const OTHER_FAMILY: i32 = -9;
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
const OTHER_FAMILY: i32 = i32::MIN;

#[cfg(all(test, unix))]
mod tests {
    use super::{ResolveErrorKind, kind};
    use dns_lookup::LookupError;

    #[test]
    fn w23_what_the_system_says_is_told_apart() {
        let of = |number| kind(LookupError::new(number));
        assert!(matches!(of(libc::EAI_NONAME), ResolveErrorKind::NotFound));
        assert!(matches!(of(libc::EAI_AGAIN), ResolveErrorKind::TryAgain));
        assert!(matches!(of(libc::EAI_FAMILY), ResolveErrorKind::NoAddress));
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        for number in [libc::EAI_NODATA, super::OTHER_FAMILY] {
            assert!(matches!(of(number), ResolveErrorKind::NoAddress));
        }
        let ResolveErrorKind::Io(error) = of(libc::EAI_FAIL) else { panic!("not the system\'s") };
        assert!(error.to_string().contains("failure"), "{error}");
    }
}
