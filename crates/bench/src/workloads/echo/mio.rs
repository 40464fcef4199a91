//! mio: its streams in a vector. It is edge-triggered; a read that does not fill its buffer was the
//! last.

use crate::sample::Sample;
use crate::workload::Load;
use anyhow::Context as _;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::ErrorKind;

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    super::converse(load, |streams| {
        let mut poll = Poll::new()?;
        let mut streams: Vec<_> = streams.into_iter().map(TcpStream::from_std).map(Some).collect();
        for (number, stream) in streams.iter_mut().flatten().enumerate() {
            poll.registry().register(stream, Token(number), Interest::READABLE)?;
        }
        let mut open = streams.len();
        let mut events = Events::with_capacity(1_024);
        while open > 0 {
            match poll.poll(&mut events, None) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &events {
                let slot = streams.get_mut(event.token().0).context("no such stream")?;
                if let Some(stream) = slot {
                    if !super::answer(stream)? {
                        *slot = None;
                        open -= 1;
                    }
                }
            }
        }
        Ok(())
    })
}
