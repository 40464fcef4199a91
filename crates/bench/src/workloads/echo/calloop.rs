//! calloop: a generic source for each connection, edge-triggered: in its callback it cannot be told
//! to wait for something else.

use super::{Answers, Progress, Talk};
use crate::sample::Sample;
use crate::workload::Load;
use calloop::generic::Generic;
use calloop::{EventLoop, Interest, Mode, PostAction};
use std::net::TcpStream;

struct Server {
    open: usize,
    buffer: Vec<u8>,
}

pub(super) fn run<T: Talk>(load: &Load) -> anyhow::Result<Sample> {
    super::converse::<T>(load, |streams| {
        let mut event_loop = EventLoop::<Server>::try_new()?;
        let mut server = Server { open: streams.len(), buffer: vec![0; T::BUFFER] };
        for stream in streams {
            let source = Generic::new(stream, Interest::BOTH, Mode::Edge);
            let mut answers = Answers::default();
            let inserted = event_loop.handle().insert_source(source, move |_, stream, server| {
                let stream: &TcpStream = stream;
                loop {
                    match answers.give(stream, &mut server.buffer)? {
                        Progress::More => {}
                        Progress::Done | Progress::Blocked => return Ok(PostAction::Continue),
                        Progress::Ended => {
                            server.open -= 1;
                            return Ok(PostAction::Remove);
                        }
                    }
                }
            });
            inserted.map_err(|refused| refused.error)?;
        }
        while server.open > 0 {
            event_loop.dispatch(None, &mut server)?;
        }
        Ok(())
    })
}
