//! The floor: an epoll set, level-triggered, and a vector of streams.

use crate::sample::Sample;
use crate::workload::Load;
use anyhow::Context as _;
use rustix::buffer::spare_capacity;
use rustix::event::epoll;

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    super::converse(load, |streams| {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (number, stream) in streams.iter().enumerate() {
            let data = epoll::EventData::new_u64(number as u64);
            epoll::add(&epoll, stream, data, epoll::EventFlags::IN)?;
        }
        let mut events = Vec::with_capacity(1_024);
        let mut open = streams.len();
        let mut streams: Vec<_> = streams.into_iter().map(Some).collect();
        while open > 0 {
            events.clear();
            match epoll::wait(&epoll, spare_capacity(&mut events), None) {
                Err(rustix::io::Errno::INTR) => continue,
                waited => waited?,
            };
            for event in &events {
                let slot = streams.get_mut(usize::try_from(event.data.u64())?);
                let slot = slot.context("no such stream")?;
                if let Some(stream) = slot {
                    if !super::answer(&*stream)? {
                        *slot = None;
                        open -= 1;
                    }
                }
            }
        }
        Ok(())
    })
}
