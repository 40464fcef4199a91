//! tokio: a future on the `current_thread` runtime, which answers through a oneshot channel.

use crate::sample::Sample;
use crate::workload::Load;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    let operations = load.operations;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let (stop, stopped) = oneshot::channel();
    let ask = move || {
        let sample = Sample::of_trips(operations, |number| {
            let (reply, answer) = oneshot::channel();
            handle.spawn(async move { reply.send(number + 1) });
            Ok(answer.blocking_recv()?)
        });
        // The loop waits for it, so somebody listens.
        let _ = stop.send(());
        sample
    };
    super::converse(ask, || Ok(runtime.block_on(stopped)?))
}
