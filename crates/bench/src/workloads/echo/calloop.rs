//! calloop: a generic source for each connection, level-triggered.

use crate::sample::Sample;
use crate::workload::Load;
use calloop::generic::Generic;
use calloop::{EventLoop, Interest, Mode, PostAction};
use std::net::TcpStream;

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    super::converse(load, |streams| {
        let mut event_loop = EventLoop::<usize>::try_new()?;
        let mut open = streams.len();
        for stream in streams {
            let source = Generic::new(stream, Interest::READ, Mode::Level);
            let inserted = event_loop.handle().insert_source(source, |_, stream, open| {
                let stream: &TcpStream = stream;
                if super::answer(stream)? {
                    return Ok(PostAction::Continue);
                }
                *open -= 1;
                Ok(PostAction::Remove)
            });
            inserted.map_err(|refused| refused.error)?;
        }
        while open > 0 {
            event_loop.dispatch(None, &mut open)?;
        }
        Ok(())
    })
}
