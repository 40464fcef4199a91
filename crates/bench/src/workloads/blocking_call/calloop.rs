//! calloop: a boxed closure through its channel source, which answers through one of std's.

use crate::sample::Sample;
use crate::workload::Load;
use calloop::EventLoop;
use calloop::channel::{Event, channel};
use std::sync::mpsc;

type Boxed = Box<dyn FnOnce() + Send>;

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    let operations = load.operations;
    let mut event_loop = EventLoop::<bool>::try_new()?;
    let (sender, calls) = channel::<Boxed>();
    let inserted = event_loop.handle().insert_source(calls, |event, (), stopped| match event {
        Event::Msg(call) => call(),
        Event::Closed => *stopped = true,
    });
    inserted.map_err(|refused| refused.error)?;
    let ask = move || {
        Sample::of_trips(operations, |number| {
            let (reply, answer) = mpsc::sync_channel(1);
            let call: Boxed = Box::new(move || {
                // The asker waits for it, so somebody listens.
                let _ = reply.send(number + 1);
            });
            anyhow::ensure!(sender.send(call).is_ok(), "the loop is gone");
            Ok(answer.recv()?)
        })
    };
    super::converse(ask, || {
        let mut stopped = false;
        while !stopped {
            event_loop.dispatch(None, &mut stopped)?;
        }
        Ok(())
    })
}
