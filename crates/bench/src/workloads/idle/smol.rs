//! smol: a task for each connection and for each timer on a `LocalExecutor`.

use super::{FAR_AWAY, Finding};
use crate::sample::Sample;
use crate::workload::Load;
use async_executor::LocalExecutor;
use async_io::{Async, Timer};
use tokio::sync::oneshot;

pub(super) fn run<F: Finding>(load: &Load) -> anyhow::Result<Sample> {
    super::hold::<F>(load, |streams, ready| {
        let executor = LocalExecutor::new();
        for stream in streams {
            let stream = Async::new(stream)?;
            executor.spawn(async move { stream.readable().await }).detach();
            if F::TIMERS {
                executor.spawn(async { Timer::after(FAR_AWAY).await }).detach();
            }
        }
        let (stop, stopped) = oneshot::channel();
        ready.now(move || {
            // The loop waits for it, so somebody listens.
            let _ = stop.send(());
        });
        Ok(async_io::block_on(executor.run(stopped))?)
    })
}
