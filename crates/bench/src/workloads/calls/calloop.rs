//! calloop: boxed closures through its channel source.

use crate::sample::Sample;
use crate::tally;
use crate::workload::Load;
use calloop::EventLoop;
use calloop::channel::{Event, channel};

type Boxed = Box<dyn FnOnce() -> bool + Send>;

pub(super) fn run<const PRODUCERS: usize>(load: &Load) -> anyhow::Result<Sample> {
    let mut event_loop = EventLoop::<bool>::try_new()?;
    let (sender, calls) = channel::<Boxed>();
    let inserted = event_loop.handle().insert_source(calls, |event, (), done| {
        if let Event::Msg(call) = event {
            *done |= call();
        }
    });
    inserted.map_err(|refused| refused.error)?;
    let produce = move |numbers: super::Numbers| {
        for number in numbers {
            if sender.send(Box::new(move || tally::arrive_of::<PRODUCERS>(number))).is_err() {
                return;
            }
        }
    };
    super::race::<PRODUCERS>(load, produce, || {
        let mut done = false;
        while !done {
            event_loop.dispatch(None, &mut done)?;
        }
        Ok(())
    })
}
