//! How a UDP port is opened.

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{SocketAddr, UdpSocket};

/// How [`listen_udp_with`](crate::ReactorUdp::listen_udp_with) opens a port.
///
/// # Examples
///
/// ```
/// use ropewalk_net::DatagramOptions;
///
/// let options = DatagramOptions::new().listen_multiple(true).receive_buffer(1 << 20);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "options do nothing until they are given to listen_udp_with"]
pub struct DatagramOptions {
    listen_multiple: bool,
    only_v6: Option<bool>,
    receive_buffer: Option<usize>,
    send_buffer: Option<usize>,
}

impl DatagramOptions {
    /// The defaults, which are those of the system.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets other sockets have the same port, if they ask for that too: for multicast, where each is
    /// to get every datagram. Default: no.
    ///
    /// What is sent to one address goes to one of the sockets only, and the system decides which.
    ///
    /// Twisted: `listenMultiple` of `listenMulticast`.
    #[doc(alias = "listenMultiple")]
    #[doc(alias = "SO_REUSEADDR")]
    pub fn listen_multiple(mut self, multiple: bool) -> Self {
        self.listen_multiple = multiple;
        self
    }

    /// Whether a port on an IPv6 address such as `[::]` leaves IPv4 to others; if not, IPv4 peers have
    /// addresses like `[::ffff:127.0.0.1]:8007`. Default: as the system is set.
    pub fn only_v6(mut self, only: bool) -> Self {
        self.only_v6 = Some(only);
        self
    }

    /// How many bytes the system keeps of datagrams that have come and are not read yet; the rest is
    /// lost. The system may change the number.
    pub fn receive_buffer(mut self, bytes: usize) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// How many bytes the system keeps of datagrams that are still to be sent. It may change the
    /// number.
    pub fn send_buffer(mut self, bytes: usize) -> Self {
        self.send_buffer = Some(bytes);
        self
    }

    pub(super) fn open(&self, address: SocketAddr) -> io::Result<UdpSocket> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if self.listen_multiple {
            socket.set_reuse_address(true)?;
            // The systems of BSD ask for this one, and Linux is content with either.
            #[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos"))))]
            socket.set_reuse_port(true)?;
        }
        if let (Some(only), true) = (self.only_v6, address.is_ipv6()) {
            socket.set_only_v6(only)?;
        }
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        if let Some(bytes) = self.send_buffer {
            socket.set_send_buffer_size(bytes)?;
        }
        hear_own_groups_only(&socket, address);
        socket.bind(&address.into())?;
        Ok(socket.into())
    }
}

/// Linux gives a socket what is sent to groups that any other one of this machine has joined, unless
/// it is told not to.
#[cfg(target_os = "linux")]
fn hear_own_groups_only(socket: &Socket, address: SocketAddr) {
    // A kernel that is too old for it does as Linux always did.
    let _ = if address.is_ipv4() {
        socket.set_multicast_all_v4(false)
    } else {
        socket.set_multicast_all_v6(false)
    };
}

#[cfg(not(target_os = "linux"))]
fn hear_own_groups_only(_: &Socket, _: SocketAddr) {}
