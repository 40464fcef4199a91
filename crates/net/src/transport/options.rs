//! The settings of the socket below a transport.

use super::Transport;
use crate::KeepAlive;
use socket2::SockRef;
use std::io;

impl Transport {
    /// Sends small writes at once (`true`), or gathers them for a while (`false`, the default of
    /// the systems).
    ///
    /// # Errors
    ///
    /// What the operating system says; nothing happens after the end of the connection, and to one
    /// without a socket.
    ///
    /// Twisted: `setTcpNoDelay`.
    #[doc(alias = "setTcpNoDelay")]
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.with_socket(|socket| socket.set_tcp_nodelay(on))
    }

    /// Whether small writes are sent at once; `false` after the end of the connection.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// Twisted: `getTcpNoDelay`.
    #[doc(alias = "getTcpNoDelay")]
    pub fn nodelay(&self) -> io::Result<bool> {
        self.with_socket(|socket| socket.tcp_nodelay())
    }

    /// Has the system probe the peer when nothing has come for long, which mostly is two hours:
    /// [`set_keepalive_with`](Self::set_keepalive_with) says how long.
    ///
    /// A peer that does not answer has vanished, and the connection ends. Without this one that only
    /// reads never learns of it.
    ///
    /// # Errors
    ///
    /// What the operating system says; nothing happens after the end of the connection, and to one
    /// without a socket.
    ///
    /// Twisted: `setTcpKeepAlive`.
    #[doc(alias = "setTcpKeepAlive")]
    pub fn set_keepalive(&self, on: bool) -> io::Result<()> {
        self.with_socket(|socket| socket.set_keepalive(on))
    }

    /// As [`set_keepalive(true)`](Self::set_keepalive), with times of its own.
    ///
    /// # Errors
    ///
    /// As `set_keepalive`; for one, a time that is too long for the system.
    pub fn set_keepalive_with(&self, keep_alive: KeepAlive) -> io::Result<()> {
        self.with_socket(|socket| socket.set_tcp_keepalive(&keep_alive.of_socket()))
    }

    /// Whether the system probes the peer; `false` after the end of the connection.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// Twisted: `getTcpKeepAlive`.
    #[doc(alias = "getTcpKeepAlive")]
    pub fn keepalive(&self) -> io::Result<bool> {
        self.with_socket(|socket| socket.keepalive())
    }

    /// What is said of a socket; nothing where there is none.
    fn with_socket<T: Default>(
        &self,
        f: impl FnOnce(SockRef<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        let (mut f, mut result) = (Some(f), Ok(T::default()));
        self.connection().carrier().look_at_socket(&mut |socket| {
            if let Some(f) = f.take() {
                result = f(socket);
            }
        });
        result
    }
}
