//! tokio: a future spawned on the `current_thread` runtime through its handle.

use super::Rest;
use crate::sample::Sample;
use crate::workload::Load;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let (stop, stopped) = oneshot::channel();
    let call = move |asked| {
        handle.spawn(async move { super::arrive(asked) });
        Ok(())
    };
    let stop = move || {
        // The loop waits for it, so somebody listens.
        let _ = stop.send(());
    };
    super::converse(load, Rest::Sleeps, call, stop, || Ok(runtime.block_on(stopped)?))
}
