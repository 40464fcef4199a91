//! calloop: a boxed closure through its channel source.

use super::Rest;
use crate::sample::Sample;
use crate::workload::Load;
use calloop::EventLoop;
use calloop::channel::{Event, channel};

type Boxed = Box<dyn FnOnce() -> bool + Send>;

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    let mut event_loop = EventLoop::<bool>::try_new()?;
    let (sender, calls) = channel::<Boxed>();
    let inserted = event_loop.handle().insert_source(calls, |event, (), stopped| match event {
        Event::Msg(call) => *stopped |= call(),
        Event::Closed => *stopped = true,
    });
    inserted.map_err(|refused| refused.error)?;
    let stopper = sender.clone();
    let call = move |asked| {
        let call: Boxed = Box::new(move || {
            super::arrive(asked);
            false
        });
        anyhow::ensure!(sender.send(call).is_ok(), "the loop is gone");
        Ok(())
    };
    let stop = move || {
        // If it fails, the loop is gone already.
        let _ = stopper.send(Box::new(|| true));
    };
    super::converse(load, Rest::Sleeps, call, stop, || {
        let mut stopped = false;
        while !stopped {
            event_loop.dispatch(None, &mut stopped)?;
        }
        Ok(())
    })
}
