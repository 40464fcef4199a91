//! The floor: an epoll set, level-triggered, and a vector of streams.

use super::{Answers, Progress, Talk};
use crate::sample::Sample;
use crate::workload::Load;
use anyhow::Context as _;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventFlags};

pub(super) fn run<T: Talk>(load: &Load) -> anyhow::Result<Sample> {
    super::converse::<T>(load, |streams| {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (number, stream) in streams.iter().enumerate() {
            let data = epoll::EventData::new_u64(number as u64);
            epoll::add(&epoll, stream, data, EventFlags::IN)?;
        }
        let mut events = Vec::with_capacity(1_024);
        let mut buffer = vec![0; T::BUFFER];
        let mut open = streams.len();
        let streams = streams.into_iter();
        let mut streams: Vec<_> = streams.map(|one| Some((one, Answers::default()))).collect();
        while open > 0 {
            events.clear();
            match epoll::wait(&epoll, spare_capacity(&mut events), None) {
                Err(rustix::io::Errno::INTR) => continue,
                waited => waited?,
            };
            for event in &events {
                let slot = streams.get_mut(usize::try_from(event.data.u64())?);
                let slot = slot.context("no such stream")?;
                let Some((stream, answers)) = slot else { continue };
                let flags = event.flags;
                let waits_for_room = flags.contains(EventFlags::OUT);
                match answers.give(&*stream, &mut buffer)? {
                    Progress::Blocked if !waits_for_room => {
                        epoll::modify(&epoll, stream, event.data, EventFlags::OUT)?;
                    }
                    Progress::Done | Progress::More if waits_for_room => {
                        epoll::modify(&epoll, stream, event.data, EventFlags::IN)?;
                    }
                    Progress::Done | Progress::More | Progress::Blocked => {}
                    Progress::Ended => {
                        *slot = None;
                        open -= 1;
                    }
                }
            }
        }
        Ok(())
    })
}
