//! tokio: its listener, and a task for each connection on the `current_thread` runtime.
//!
//! What `read` and `write_all` of its `AsyncReadExt` and `AsyncWriteExt` do for one byte, without the
//! crate that these need.

use crate::sample::Sample;
use crate::workload::Load;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::Notify;
use tokio::task::spawn;

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    super::receive(load, |listener, connections| {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener)?;
            let (left, ended) = (Arc::new(AtomicUsize::new(connections)), Arc::new(Notify::new()));
            for _ in 0..connections {
                let (stream, _) = listener.accept().await?;
                let (left, ended) = (Arc::clone(&left), Arc::clone(&ended));
                spawn(async move {
                    // How it has ended, with or without a reset, makes no difference.
                    let _ = serve(stream).await;
                    if left.fetch_sub(1, Ordering::Relaxed) == 1 {
                        ended.notify_one();
                    }
                });
            }
            ended.notified().await;
            Ok(())
        })
    })
}

async fn serve(stream: TcpStream) -> io::Result<()> {
    let mut byte = [0; 16];
    loop {
        let length = loop {
            match stream.try_read(&mut byte) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => stream.readable().await?,
                read => break read?,
            }
        };
        if length == 0 {
            return Ok(());
        }
        let mut rest = &byte[..length];
        while !rest.is_empty() {
            match stream.try_write(rest) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => stream.writable().await?,
                written => rest = &rest[written?..],
            }
        }
    }
}
