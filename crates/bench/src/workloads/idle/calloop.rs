//! calloop: a generic source for each connection, and a timer source for each timer.

use super::{FAR_AWAY, Finding};
use crate::sample::Sample;
use crate::workload::Load;
use calloop::generic::Generic;
use calloop::timer::{TimeoutAction, Timer};
use calloop::{EventLoop, Interest, Mode, PostAction};

pub(super) fn run<F: Finding>(load: &Load) -> anyhow::Result<Sample> {
    super::hold::<F>(load, |streams, ready| {
        let mut event_loop = EventLoop::<()>::try_new()?;
        let handle = event_loop.handle();
        for stream in streams {
            let source = Generic::new(stream, Interest::READ, Mode::Level);
            let inserted = handle.insert_source(source, |_, _, ()| Ok(PostAction::Remove));
            inserted.map_err(|refused| refused.error)?;
            if !F::TIMERS {
                continue;
            }
            let timer = Timer::from_duration(FAR_AWAY);
            let inserted = handle.insert_source(timer, |_, (), ()| TimeoutAction::Drop);
            inserted.map_err(|refused| refused.error)?;
        }
        let stop = event_loop.get_signal();
        ready.now(move || {
            stop.stop();
            stop.wakeup();
        });
        Ok(event_loop.run(None, &mut (), |()| {})?)
    })
}
