//! What a transport sends: at once or not at all.
//!
//! It may be asked from inside of the protocol, so nothing here calls that.

use super::socket::Socket;
use crate::error::{SendError, SendErrorKind};
use socket2::SockRef;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

impl Socket {
    pub(super) fn send(
        self: &Rc<Self>,
        data: &[u8],
        to: Option<SocketAddr>,
    ) -> Result<(), SendError> {
        let connected = self.peer.get();
        self.try_send(data, to, connected)
            .map_err(|kind| SendError { peer: to.or(connected), kind })
    }

    fn try_send(
        self: &Rc<Self>,
        data: &[u8],
        to: Option<SocketAddr>,
        connected: Option<SocketAddr>,
    ) -> Result<(), SendErrorKind> {
        let target = match (to, connected) {
            _ if !self.is_open() => return Err(SendErrorKind::Closed),
            (None, None) => return Err(SendErrorKind::NotConnected),
            (Some(to), Some(peer)) if to != peer => return Err(SendErrorKind::ConnectedTo(peer)),
            (Some(to), None) if to.is_ipv4() != self.host().is_ipv4() => {
                return Err(SendErrorKind::OtherFamily);
            }
            (_, Some(_)) => None,
            (Some(to), None) => Some(to),
        };
        let mut sent = self.put(data, target);
        let was_said = |error: &&io::Error| target.is_none() && !is_full(error);
        if let Some(earlier) = sent.as_ref().err().filter(was_said) {
            // A connected socket reports here, too, what was said of an earlier datagram, and then has
            // no more to say of it. What is wrong with this one it says again.
            if was_refused(earlier) {
                self.refused_later();
            } else {
                self.note(earlier);
            }
            sent = self.put(data, target);
        }
        sent.map_err(|error| match kind(error) {
            SendErrorKind::Full if self.never_fits(data.len()) => SendErrorKind::TooLong,
            kind => kind,
        })
    }

    /// Whether so much is more than the system ever has room for: it may say that there is none now,
    /// and again and again, and who waited for room would do so for ever.
    fn never_fits(&self, length: usize) -> bool {
        let room = self.with(|socket| SockRef::from(socket).send_buffer_size());
        room.is_ok_and(|room| length > room)
    }

    fn put(&self, data: &[u8], target: Option<SocketAddr>) -> io::Result<()> {
        loop {
            let sent = self.with(|socket| match target {
                Some(target) => socket.send_to(data, target),
                None => socket.send(data),
            });
            match sent {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn refused_later(self: &Rc<Self>) {
        if self.refusal.replace(true) {
            return;
        }
        let weak = Rc::downgrade(self);
        self.reactor.with(|reactor| {
            reactor.call_soon_at(self.location, move |_| {
                if let Some(port) = weak.upgrade() {
                    port.refusal.set(false);
                    if port.is_open() {
                        port.refused();
                    }
                }
            });
        });
    }
}

pub(super) fn was_refused(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset)
}

/// Whether the system has no room now, and may have some later.
pub(super) fn is_full(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(NO_BUFFERS)
}

fn kind(error: io::Error) -> SendErrorKind {
    match error.raw_os_error() {
        _ if is_full(&error) => SendErrorKind::Full,
        Some(number) if number == TOO_LONG => SendErrorKind::TooLong,
        _ => SendErrorKind::Io(error),
    }
}

// std has no kinds for these.
#[cfg(unix)]
const TOO_LONG: i32 = libc::EMSGSIZE;
#[cfg(unix)]
const NO_BUFFERS: i32 = libc::ENOBUFS;
/// `WSAEMSGSIZE` and `WSAENOBUFS`.
#[cfg(not(unix))]
const TOO_LONG: i32 = 10040;
#[cfg(not(unix))]
const NO_BUFFERS: i32 = 10055;

#[cfg(all(test, unix))]
mod tests {
    use super::{SendErrorKind, kind};
    use std::io;

    /// A datagram on the loopback leaves the buffer of its sender at once: that this is full cannot be had
    /// from outside.
    #[test]
    fn what_the_system_says_is_told_apart() {
        let of = |number| kind(io::Error::from_raw_os_error(number));
        assert!(matches!(of(libc::EMSGSIZE), SendErrorKind::TooLong));
        assert!(matches!(of(libc::ENOBUFS), SendErrorKind::Full));
        assert!(matches!(of(libc::EAGAIN), SendErrorKind::Full));
        assert!(matches!(of(libc::EPERM), SendErrorKind::Io(_)));
    }
}
