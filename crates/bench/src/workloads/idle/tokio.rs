//! tokio: a task for each connection and for each timer on the `current_thread` runtime.

use super::{FAR_AWAY, Finding};
use crate::sample::Sample;
use crate::workload::Load;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::spawn;
use tokio::time::sleep;

pub(super) fn run<F: Finding>(load: &Load) -> anyhow::Result<Sample> {
    super::hold::<F>(load, |streams, ready| {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            for stream in streams {
                let stream = TcpStream::from_std(stream)?;
                spawn(async move { stream.readable().await });
                if F::TIMERS {
                    spawn(sleep(FAR_AWAY));
                }
            }
            let (stop, stopped) = oneshot::channel();
            ready.now(move || {
                // The loop waits for it, so somebody listens.
                let _ = stop.send(());
            });
            Ok(stopped.await?)
        })
    })
}
