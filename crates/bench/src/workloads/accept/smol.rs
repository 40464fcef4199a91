//! smol: a task for each connection on a `LocalExecutor` that is run under `async_io::block_on`.

use crate::sample::Sample;
use crate::workload::Load;
use async_executor::LocalExecutor;
use async_io::Async;
use futures_lite::{AsyncReadExt as _, AsyncWriteExt as _};
use std::cell::Cell;
use std::io;
use std::net::TcpStream;
use std::rc::Rc;
use tokio::sync::Notify;

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    super::receive(load, |listener, connections| {
        let listener = Async::new(listener)?;
        let executor = LocalExecutor::new();
        async_io::block_on(executor.run(async {
            let (left, ended) = (Rc::new(Cell::new(connections)), Rc::new(Notify::new()));
            for _ in 0..connections {
                let (stream, _) = listener.accept().await?;
                let (left, ended) = (Rc::clone(&left), Rc::clone(&ended));
                let task = executor.spawn(async move {
                    // How it has ended, with or without a reset, makes no difference.
                    let _ = serve(stream).await;
                    left.set(left.get() - 1);
                    if left.get() == 0 {
                        ended.notify_one();
                    }
                });
                task.detach();
            }
            ended.notified().await;
            Ok(())
        }))
    })
}

async fn serve(mut stream: Async<TcpStream>) -> io::Result<()> {
    let mut byte = [0; 16];
    loop {
        let length = stream.read(&mut byte).await?;
        if length == 0 {
            return Ok(());
        }
        stream.write_all(&byte[..length]).await?;
    }
}
