//! mio: its listener, and its streams in a slab.

use crate::sample::Sample;
use crate::workload::Load;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use std::io::ErrorKind;

const LISTENER: Token = Token(usize::MAX);

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    super::receive(load, |listener, connections| {
        let mut poll = Poll::new()?;
        let mut listener = TcpListener::from_std(listener);
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let mut events = Events::with_capacity(1_024);
        let mut streams = Slab::new();
        let mut left = connections;
        while left > 0 {
            match poll.poll(&mut events, None) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &events {
                if event.token() != LISTENER {
                    let key = event.token().0;
                    if !super::answer(&mut streams[key])? {
                        streams.remove(key);
                        left -= 1;
                    }
                    continue;
                }
                loop {
                    let mut stream = match listener.accept() {
                        Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                        accepted => accepted?.0,
                    };
                    let slot = streams.vacant_entry();
                    let token = Token(slot.key());
                    poll.registry().register(&mut stream, token, Interest::READABLE)?;
                    slot.insert(stream);
                }
            }
        }
        Ok(())
    })
}
