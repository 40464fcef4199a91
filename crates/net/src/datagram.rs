//! UDP: sockets that send and receive datagrams, each by itself.
//!
//! A protocol is told what comes in, and a transport takes what goes out; for tasks there is a
//! [`UdpSocket`] instead. Nothing is queued on this side: what the system has no room for is refused,
//! because datagrams that wait come too late, and their sender knows best which of them still matter.

mod reactor_udp;

mod protocol;
mod transport;

mod multicast;
mod options;

mod port;
mod udp_socket;

mod receiving;
mod sending;
mod socket;

pub use multicast::MulticastInterface;
pub use options::DatagramOptions;
pub use port::DatagramPort;
pub use protocol::DatagramProtocol;
pub use reactor_udp::ReactorUdp;
pub use transport::DatagramTransport;
pub use udp_socket::UdpSocket;
