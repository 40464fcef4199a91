//! Ropewalk: a `TcpListener`, and a task for each connection with its `TcpStream`.

use super::Talk;
use crate::sample::Sample;
use crate::workload::Load;
use futures_lite::{AsyncReadExt as _, AsyncWriteExt as _};
use ropewalk_net::{TcpListener, TcpStream};
use ropewalk_reactor::Reactor;
use ropewalk_task::ReactorTask as _;
use std::cell::Cell;
use std::io;
use std::rc::Rc;

pub(super) fn run<T: Talk>(load: &Load) -> anyhow::Result<Sample> {
    let reactor = Reactor::new()?;
    let listener = TcpListener::bind(&reactor, super::ANY_PORT)?;
    let (address, here) = (listener.local_addr(), reactor.downgrade());
    let (left, stop) = (Rc::new(Cell::new(load.in_flight)), reactor.handle());
    let accepting = async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (left, stop) = (Rc::clone(&left), stop.clone());
            let serving = async move {
                let served = serve::<T>(stream).await;
                left.set(left.get() - 1);
                if left.get() == 0 {
                    stop.stop();
                }
                Ok(served?)
            };
            here.with(|reactor| reactor.spawn(serving).detach());
        }
    };
    reactor.spawn(accepting).detach();
    super::connect_and_converse::<T>(load, address, || Ok(reactor.run().map(drop)?))
}

async fn serve<T: Talk>(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; T::BUFFER];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..length]).await?;
    }
}
