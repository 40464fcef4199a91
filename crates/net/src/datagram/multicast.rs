//! One datagram for many: groups, and how far what is sent to them goes.

use super::DatagramTransport;
use socket2::SockRef;
use std::io;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};

/// The network interface through which a group is reached.
///
/// An [`Ipv4Addr`] and an index (`u32`) convert into it.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum MulticastInterface {
    /// The one that the system chooses.
    #[default]
    Any,
    /// The one that has this address; for IPv4 groups.
    Address(Ipv4Addr),
    /// The one that has this number; for groups of either family, where the system can do it.
    Index(u32),
}

impl From<Ipv4Addr> for MulticastInterface {
    fn from(address: Ipv4Addr) -> Self {
        Self::Address(address)
    }
}

impl From<u32> for MulticastInterface {
    fn from(index: u32) -> Self {
        Self::Index(index)
    }
}

/// # Multicast
///
/// For all of these: an error is what the operating system says,
/// [`NotConnected`](io::ErrorKind::NotConnected) if the port is closed, or
/// [`InvalidInput`](io::ErrorKind::InvalidInput) if group, interface and port do not fit together.
impl DatagramTransport {
    /// Receives what is sent to `group`, from now on, through `interface`.
    ///
    /// Several sockets of one machine are to have [`listen_multiple`] set. Each hears of the groups
    /// that it has joined itself, on Linux too, but for a socket that was
    /// [opened elsewhere](crate::ReactorUdp::listen_udp_on).
    ///
    /// [`listen_multiple`]: crate::DatagramOptions::listen_multiple
    ///
    /// # Errors
    ///
    /// See above; a group can be joined once.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use ropewalk_net::{DatagramTransport, MulticastInterface, ReactorUdp as _};
    /// use ropewalk_reactor::Reactor;
    ///
    /// let reactor = Reactor::new()?;
    /// let port = reactor
    ///     .listen_udp("0.0.0.0:8005", |_: &DatagramTransport, data: &[u8], peer| {
    ///         println!("{peer}: {} bytes", data.len());
    ///     })
    ///     .unwrap();
    /// port.transport().join_group([228, 0, 0, 5].into(), MulticastInterface::Any)?;
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// Twisted: `joinGroup`.
    #[doc(alias = "joinGroup")]
    pub fn join_group(
        &self,
        group: IpAddr,
        interface: impl Into<MulticastInterface>,
    ) -> io::Result<()> {
        self.0.with(|socket| membership(socket, group, interface.into(), Change::Join))
    }

    /// Receives what is sent to `group` no more.
    ///
    /// # Errors
    ///
    /// See above; the group must have been joined, through the same interface.
    ///
    /// Twisted: `leaveGroup`.
    #[doc(alias = "leaveGroup")]
    pub fn leave_group(
        &self,
        group: IpAddr,
        interface: impl Into<MulticastInterface>,
    ) -> io::Result<()> {
        self.0.with(|socket| membership(socket, group, interface.into(), Change::Leave))
    }

    /// Sends to groups through this interface.
    ///
    /// # Errors
    ///
    /// See above; for IPv4 the interface is to be given by its address.
    ///
    /// Twisted: `setOutgoingInterface`.
    #[doc(alias = "setOutgoingInterface")]
    pub fn set_outgoing_interface(
        &self,
        interface: impl Into<MulticastInterface>,
    ) -> io::Result<()> {
        let v4 = self.host().is_ipv4();
        let interface = interface.into();
        self.0.with(|socket| {
            let socket = SockRef::from(socket);
            match interface {
                MulticastInterface::Any if v4 => socket.set_multicast_if_v4(&Ipv4Addr::UNSPECIFIED),
                MulticastInterface::Address(address) if v4 => socket.set_multicast_if_v4(&address),
                MulticastInterface::Any => socket.set_multicast_if_v6(0),
                MulticastInterface::Index(index) if !v4 => socket.set_multicast_if_v6(index),
                other => Err(mismatch(&format!("{other:?} for this port"))),
            }
        })
    }

    /// Whether what is sent to groups comes back to sockets of this machine. Default: yes.
    ///
    /// # Errors
    ///
    /// See above.
    ///
    /// # Notes
    ///
    /// On Unix it is the sender's setting that counts, on Windows the receiver's. What is sent through
    /// the loopback interface comes back in any case.
    ///
    /// Twisted: `setLoopbackMode`.
    #[doc(alias = "setLoopbackMode")]
    pub fn set_loopback_mode(&self, on: bool) -> io::Result<()> {
        let v4 = self.host().is_ipv4();
        self.0.with(|socket| {
            if v4 { socket.set_multicast_loop_v4(on) } else { socket.set_multicast_loop_v6(on) }
        })
    }

    /// Whether what is sent to groups comes back to sockets of this machine.
    ///
    /// # Errors
    ///
    /// See above.
    ///
    /// Twisted: `getLoopbackMode`.
    #[doc(alias = "getLoopbackMode")]
    pub fn loopback_mode(&self) -> io::Result<bool> {
        let v4 = self.host().is_ipv4();
        self.0.with(
            |socket| {
                if v4 { socket.multicast_loop_v4() } else { socket.multicast_loop_v6() }
            },
        )
    }

    /// How many routers what is sent to groups may pass, 0 to 255. Default: 1, which is this network.
    ///
    /// # Errors
    ///
    /// See above.
    ///
    /// Twisted: `setTTL`.
    #[doc(alias = "setTTL")]
    pub fn set_multicast_ttl(&self, hops: u8) -> io::Result<()> {
        let v4 = self.host().is_ipv4();
        self.0.with(|socket| {
            let socket = SockRef::from(socket);
            if v4 {
                socket.set_multicast_ttl_v4(hops.into())
            } else {
                socket.set_multicast_hops_v6(hops.into())
            }
        })
    }

    /// How many routers what is sent to groups may pass.
    ///
    /// # Errors
    ///
    /// See above.
    ///
    /// Twisted: `getTTL`.
    #[doc(alias = "getTTL")]
    pub fn multicast_ttl(&self) -> io::Result<u8> {
        let v4 = self.host().is_ipv4();
        self.0.with(|socket| {
            let socket = SockRef::from(socket);
            hops(if v4 { socket.multicast_ttl_v4()? } else { socket.multicast_hops_v6()? })
        })
    }

    /// How many routers what is sent to single addresses may pass, 1 to 255. Default: as the system is
    /// set, mostly 64.
    ///
    /// # Errors
    ///
    /// See above.
    pub fn set_ttl(&self, hops: u8) -> io::Result<()> {
        let v4 = self.host().is_ipv4();
        self.0.with(|socket| {
            let socket = SockRef::from(socket);
            if v4 {
                socket.set_ttl_v4(hops.into())
            } else {
                socket.set_unicast_hops_v6(hops.into())
            }
        })
    }

    /// How many routers what is sent to single addresses may pass.
    ///
    /// # Errors
    ///
    /// See above.
    pub fn ttl(&self) -> io::Result<u8> {
        let v4 = self.host().is_ipv4();
        self.0.with(|socket| {
            let socket = SockRef::from(socket);
            hops(if v4 { socket.ttl_v4()? } else { socket.unicast_hops_v6()? })
        })
    }
}

/// The field of a datagram has eight bits.
fn hops(count: u32) -> io::Result<u8> {
    count.try_into().map_err(|_| mismatch(&format!("{count} routers, which no datagram can pass")))
}

#[derive(Clone, Copy)]
enum Change {
    Join,
    Leave,
}

fn membership(
    socket: &UdpSocket,
    group: IpAddr,
    interface: MulticastInterface,
    change: Change,
) -> io::Result<()> {
    if !group.is_multicast() {
        return Err(mismatch(&format!("{group}, which is not the address of a group")));
    }
    match (group, interface) {
        (IpAddr::V4(group), MulticastInterface::Any) => match change {
            Change::Join => socket.join_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED),
            Change::Leave => socket.leave_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED),
        },
        (IpAddr::V4(group), MulticastInterface::Address(address)) => match change {
            Change::Join => socket.join_multicast_v4(&group, &address),
            Change::Leave => socket.leave_multicast_v4(&group, &address),
        },
        (IpAddr::V4(group), MulticastInterface::Index(index)) => {
            by_index(socket, group, index, change)
        }
        (IpAddr::V6(_), MulticastInterface::Address(address)) => {
            Err(mismatch(&format!("{address} for {group}: an IPv6 group wants an index")))
        }
        (IpAddr::V6(group), MulticastInterface::Any) => match change {
            Change::Join => socket.join_multicast_v6(&group, 0),
            Change::Leave => socket.leave_multicast_v6(&group, 0),
        },
        (IpAddr::V6(group), MulticastInterface::Index(index)) => match change {
            Change::Join => socket.join_multicast_v6(&group, index),
            Change::Leave => socket.leave_multicast_v6(&group, index),
        },
    }
}

#[cfg(any(
    target_os = "linux",
    target_os = "android",
    target_os = "freebsd",
    target_vendor = "apple"
))]
fn by_index(socket: &UdpSocket, group: Ipv4Addr, index: u32, change: Change) -> io::Result<()> {
    let (socket, interface) =
        (SockRef::from(socket), socket2::InterfaceIndexOrAddress::Index(index));
    match change {
        Change::Join => socket.join_multicast_v4_n(&group, &interface),
        Change::Leave => socket.leave_multicast_v4_n(&group, &interface),
    }
}

#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_os = "freebsd",
    target_vendor = "apple"
)))]
fn by_index(_: &UdpSocket, group: Ipv4Addr, index: u32, _: Change) -> io::Result<()> {
    Err(mismatch(&format!("{index} for {group}: give the interface by its address")))
}

fn mismatch(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("this does not fit: {what}"))
}
