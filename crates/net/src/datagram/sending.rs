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
        if sent.as_ref().is_err_and(|error| was_refused(error) && target.is_none()) {
            // That was said of an earlier datagram, and now the system has no more to say of it.
            self.refused_later();
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

fn was_refused(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset)
}

fn kind(error: io::Error) -> SendErrorKind {
    if error.kind() == io::ErrorKind::WouldBlock {
        return SendErrorKind::Full;
    }
    match error.raw_os_error() {
        Some(number) if number == TOO_LONG => SendErrorKind::TooLong,
        Some(number) if number == NO_BUFFERS => SendErrorKind::Full,
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
