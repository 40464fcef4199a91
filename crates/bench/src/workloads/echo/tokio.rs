//! tokio: a task for each connection on the `current_thread` runtime.
//!
//! What `read` and `write_all` of its `AsyncReadExt` and `AsyncWriteExt` do, without the crate that
//! these need.

use super::Talk;
use crate::sample::Sample;
use crate::workload::Load;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::spawn;

pub(super) fn run<T: Talk>(load: &Load) -> anyhow::Result<Sample> {
    super::converse::<T>(load, |streams| {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let streams = streams.into_iter().map(TcpStream::from_std);
            let streams = streams.collect::<io::Result<Vec<_>>>()?;
            let tasks: Vec<_> =
                streams.into_iter().map(|stream| spawn(serve::<T>(stream))).collect();
            for task in tasks {
                task.await??;
            }
            Ok(())
        })
    })
}

async fn serve<T: Talk>(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; T::BUFFER];
    loop {
        let length = read(&mut stream, &mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        write_all(&mut stream, &buffer[..length]).await?;
    }
}

async fn read(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    let mut buffer = ReadBuf::new(buffer);
    poll_fn(|context| Pin::new(&mut *stream).poll_read(context, &mut buffer)).await?;
    Ok(buffer.filled().len())
}

async fn write_all(stream: &mut TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = poll_fn(|context| Pin::new(&mut *stream).poll_write(context, bytes)).await?;
        bytes = &bytes[written..];
    }
    Ok(())
}
