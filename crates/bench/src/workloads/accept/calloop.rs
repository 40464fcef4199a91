//! calloop: a generic source for the listener, and for each connection.

use crate::sample::Sample;
use crate::workload::Load;
use calloop::generic::Generic;
use calloop::{EventLoop, Interest, LoopHandle, Mode, PostAction};
use std::io::{self, ErrorKind};
use std::net::{TcpListener, TcpStream};

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    super::receive(load, |listener, connections| {
        let mut event_loop = EventLoop::<usize>::try_new()?;
        let source = Generic::new(listener, Interest::READ, Mode::Level);
        let handle = event_loop.handle();
        let inserted = event_loop.handle().insert_source(source, move |_, listener, _| {
            accept(listener, &handle)?;
            Ok(PostAction::Continue)
        });
        inserted.map_err(|refused| refused.error)?;
        let mut left = connections;
        while left > 0 {
            event_loop.dispatch(None, &mut left)?;
        }
        Ok(())
    })
}

fn accept(listener: &TcpListener, handle: &LoopHandle<'_, usize>) -> io::Result<()> {
    loop {
        let stream = match listener.accept() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            accepted => accepted?.0,
        };
        stream.set_nonblocking(true)?;
        let source = Generic::new(stream, Interest::READ, Mode::Level);
        let inserted = handle.insert_source(source, |_, stream, left| {
            let stream: &TcpStream = stream;
            if super::answer(stream)? {
                return Ok(PostAction::Continue);
            }
            *left -= 1;
            Ok(PostAction::Remove)
        });
        inserted.map_err(|refused| io::Error::other(refused.error.to_string()))?;
    }
}
