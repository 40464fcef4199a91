//! The task's end of a connection, whatever it is called: the last one that is dropped lets it go.

use crate::connection::Connection;
use crate::{Address, Transport};
use std::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Clones are the same end.
#[derive(Clone)]
pub(super) struct End(Rc<Owned>);

struct Owned(Transport);

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.connection().let_go();
    }
}

impl End {
    /// Of a connection whose protocol is [`Pulled`](crate::connection::Pulled).
    pub(super) fn new(transport: Transport) -> Self {
        Self(Rc::new(Owned(transport)))
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.0.0
    }

    fn connection(&self) -> &Rc<Connection> {
        self.transport().connection()
    }

    pub(super) fn poll_read(
        &self,
        context: &Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.connection().poll_read(context, buffer)
    }

    pub(super) fn poll_write(
        &self,
        context: &Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.connection().poll_write(context, slices)
    }

    pub(super) fn poll_flush(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        self.connection().poll_flush(context)
    }

    pub(super) fn poll_close(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        self.connection().poll_close(context)
    }

    pub(super) fn describe(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connection = self.connection();
        f.debug_struct(name)
            .field("peer", &format_args!("{}", connection.peer()))
            .field("local", &format_args!("{}", connection.host()))
            .field("connected", &connection.is_open())
            .finish()
    }
}

/// The address of one end of a TCP connection.
pub(super) fn inet(address: &Address) -> io::Result<SocketAddr> {
    address.socket_addr().ok_or_else(|| io::ErrorKind::Unsupported.into())
}

/// The traits of a stream, which has an [`End`] in its first field, and those of a reference to one.
macro_rules! stream_of_bytes {
    ($name:ident) => {
        $crate::stream::end::stream_of_bytes!(@both $name);
        $crate::stream::end::stream_of_bytes!(@both &$name);

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.describe(stringify!($name), f)
            }
        }
    };
    (@both $this:ty) => {
        impl futures_io::AsyncRead for $this {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
                buffer: &mut [u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.0.poll_read(context, buffer)
            }
        }

        impl futures_io::AsyncWrite for $this {
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
                data: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.0.poll_write(context, &[std::io::IoSlice::new(data)])
            }

            fn poll_write_vectored(
                self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
                slices: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.0.poll_write(context, slices)
            }

            fn poll_flush(
                self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self.0.poll_flush(context)
            }

            fn poll_close(
                self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self.0.poll_close(context)
            }
        }
    };
}

pub(super) use stream_of_bytes;
