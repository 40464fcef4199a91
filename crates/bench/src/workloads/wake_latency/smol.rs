//! smol: a future spawned on an `async_executor::Executor` that is run under `async_io::block_on`.

use super::Rest;
use crate::sample::Sample;
use crate::workload::Load;
use async_executor::Executor;
use std::sync::Arc;
use tokio::sync::oneshot;

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    let executor = Arc::new(Executor::new());
    let theirs = Arc::clone(&executor);
    let (stop, stopped) = oneshot::channel();
    let call = move |asked| {
        theirs.spawn(async move { super::arrive(asked) }).detach();
        Ok(())
    };
    let stop = move || {
        // The loop waits for it, so somebody listens.
        let _ = stop.send(());
    };
    let serve = || Ok(async_io::block_on(executor.run(stopped))?);
    super::converse(load, Rest::Sleeps, call, stop, serve)
}
