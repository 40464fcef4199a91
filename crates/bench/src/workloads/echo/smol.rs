//! smol: a task for each connection on a `LocalExecutor` that is run under `async_io::block_on`.

use super::Talk;
use crate::sample::Sample;
use crate::workload::Load;
use async_executor::LocalExecutor;
use async_io::Async;
use futures_lite::{AsyncReadExt as _, AsyncWriteExt as _};
use std::io;
use std::net::TcpStream;

pub(super) fn run<T: Talk>(load: &Load) -> anyhow::Result<Sample> {
    super::converse::<T>(load, |streams| {
        let streams = streams.into_iter().map(Async::new).collect::<io::Result<Vec<_>>>()?;
        let executor = LocalExecutor::new();
        let tasks = streams.into_iter().map(|stream| executor.spawn(serve::<T>(stream)));
        let tasks: Vec<_> = tasks.collect();
        async_io::block_on(executor.run(async {
            for task in tasks {
                task.await?;
            }
            Ok(())
        }))
    })
}

async fn serve<T: Talk>(mut stream: Async<TcpStream>) -> io::Result<()> {
    let mut buffer = vec![0; T::BUFFER];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..length]).await?;
    }
}
