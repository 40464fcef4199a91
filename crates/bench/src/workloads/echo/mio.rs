//! mio: its streams in a vector. It is edge-triggered; a read that does not fill its buffer was the
//! last.

use super::{Answers, Progress, Talk};
use crate::sample::Sample;
use crate::workload::Load;
use anyhow::Context as _;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::ErrorKind;

pub(super) fn run<T: Talk>(load: &Load) -> anyhow::Result<Sample> {
    super::converse::<T>(load, |streams| {
        let mut poll = Poll::new()?;
        let mut open = streams.len();
        let streams = streams.into_iter().map(TcpStream::from_std);
        let mut streams: Vec<_> = streams.map(|one| Some((one, Answers::default()))).collect();
        let interest = Interest::READABLE | Interest::WRITABLE;
        for (number, (stream, _)) in streams.iter_mut().flatten().enumerate() {
            poll.registry().register(stream, Token(number), interest)?;
        }
        let mut buffer = vec![0; T::BUFFER];
        let mut events = Events::with_capacity(1_024);
        while open > 0 {
            match poll.poll(&mut events, None) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &events {
                let slot = streams.get_mut(event.token().0).context("no such stream")?;
                let Some((stream, answers)) = slot else { continue };
                loop {
                    match answers.give(&mut *stream, &mut buffer)? {
                        Progress::More => {}
                        Progress::Done | Progress::Blocked => break,
                        Progress::Ended => {
                            *slot = None;
                            open -= 1;
                            break;
                        }
                    }
                }
            }
        }
        Ok(())
    })
}
