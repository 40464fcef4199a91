//! Transports and protocols on a reactor: TCP, UDP, lines, host names.
//!
//! [`ReactorNet`] adds [`listen_tcp`](ReactorNet::listen_tcp) and
//! [`connect_tcp`](ReactorNet::connect_tcp) to a reactor. Each connection has a [`Protocol`], which
//! is told what comes in, and a [`Transport`], which takes what goes out: it buffers, never blocks,
//! sends at once when nothing waits, and says when the peer is too slow, to a [`Producer`] for
//! example, which then waits. [`LineReceiver`] makes lines of the bytes, and [`StringReceiver`]
//! strings that are told apart by their length. [`listen_udp`](ReactorUdp::listen_udp) does the same
//! for datagrams, and `ReactorUnix` for sockets that are files. With the feature `tls` any connection can be encrypted, from its first byte or
//! later: `tls`.
//!
//! A task that would rather ask than be told has a [`TcpStream`], which is
//! [`AsyncRead`](futures_io::AsyncRead) and [`AsyncWrite`](futures_io::AsyncWrite), and a
//! [`TcpListener`], which accepts when it is asked.
//!
//! Whoever shall not care which of these it is takes a [`ClientEndpoint`] or a [`ServerEndpoint`], also
//! from a text such as `"tcp:localhost:8007"` ([`client_from_string`], [`server_from_string`]); a
//! [`ClientService`] stays connected to one, and connects again.
//!
//! - A connection that was made ends with exactly one `connection_lost` and its reason, whatever
//!   happens: also when the reactor stops or is dropped.
//! - No method of a protocol is called from inside another one.
//! - A connection that floods, a peer that does not read and a protocol that panics harm no other;
//!   and [`set_max_buffered`](Transport::set_max_buffered) keeps such a peer from the memory.
//! - An idle connection owns no buffers, if it is not encrypted.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod reactor_net;

mod factory;
mod keep_alive;
mod producer;
mod protocol;
mod transport;

mod address;
mod error;

mod connecting;
mod endpoint;
mod framing;
mod line;
mod listening;
mod service;
mod socket;
mod stream;
mod tcp;
#[cfg(unix)]
mod unix;
mod unread;

mod datagram;

#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub mod tls;

mod resolver;

mod events;
mod network;
mod parting;

mod buffer;
#[doc(hidden)]
pub mod carrier;
#[doc(hidden)]
pub mod connection;
#[doc(hidden)]
pub mod filter;

mod compile_fail;

pub use address::Address;
#[doc(inline)]
pub use address::AddressKind;
#[cfg(unix)]
#[cfg_attr(docsrs, doc(cfg(unix)))]
pub use address::UnixAddress;
#[doc(no_inline)]
pub use bytes::Bytes;
pub use connecting::ConnectOptions;
pub use datagram::{
    DatagramOptions, DatagramPort, DatagramProtocol, DatagramTransport, MulticastInterface,
    ReactorUdp, UdpSocket,
};
pub use endpoint::{
    AnyClientEndpoint, AnyServerEndpoint, BoxFactory, ClientEndpoint, EndpointParseError,
    EndpointParseErrorKind, HostnameEndpoint, ReactorEndpoints, ServerEndpoint, TcpServerEndpoint,
    client_from_string, server_from_string,
};
#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub use endpoint::{TlsClientEndpoint, TlsServerEndpoint};
#[cfg(unix)]
#[cfg_attr(docsrs, doc(cfg(unix)))]
pub use endpoint::{UnixClientEndpoint, UnixServerEndpoint};
pub use error::{
    CannotListen, ConnectError, ConnectErrorKind, ConnectionLost, FailedAttempt, ListenError,
    ListenErrorKind, ResolveError, ResolveErrorKind, SendError, SendErrorKind, StopReason,
};
pub use factory::Factory;
pub use framing::{FrameError, Framing, StringProtocol, StringReceiver, StringTooLong};
pub use keep_alive::KeepAlive;
pub use line::{LineNotUtf8, LineProtocol, LineReceiver, LineTooLong, line_text};
pub use listening::ListeningPort;
pub use network::NetReport;
pub use producer::{CannotRegister, Producer};
pub use protocol::Protocol;
pub use reactor_net::ReactorNet;
pub use resolver::{AddressFamily, NameQuery, ResolveOptions, Resolver};
pub use service::{
    Backoff, ClientService, ClientServiceBuilder, NoProtocol, NotConnected, WeakClientService,
};
#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub use stream::TlsStream;
pub use stream::{Incoming, TcpListener, TcpStream};
#[cfg(unix)]
#[cfg_attr(docsrs, doc(cfg(unix)))]
pub use stream::{UnixListener, UnixStream};
pub use tcp::{ListenAddress, ListenOptions};
#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub use tls::ReactorTls;
pub use transport::{Pressure, Transport};
#[cfg(unix)]
#[cfg_attr(docsrs, doc(cfg(unix)))]
pub use unix::{ReactorUnix, UnixListenOptions};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
