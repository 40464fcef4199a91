//! The floor: an epoll set, level-triggered, and a slab of streams. What waits is accepted to the end.

use crate::sample::Sample;
use crate::workload::Load;
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::net::{SocketFlags, accept_with};
use slab::Slab;
use std::net::TcpStream;

const LISTENER: u64 = u64::MAX;

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    super::receive(load, |listener, connections| {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let data = epoll::EventData::new_u64(LISTENER);
        epoll::add(&epoll, &listener, data, epoll::EventFlags::IN)?;
        let mut events = Vec::with_capacity(1_024);
        let mut streams = Slab::new();
        let mut left = connections;
        while left > 0 {
            events.clear();
            match epoll::wait(&epoll, spare_capacity(&mut events), None) {
                Err(rustix::io::Errno::INTR) => continue,
                waited => waited?,
            };
            for event in &events {
                let data = event.data.u64();
                if data != LISTENER {
                    let key = usize::try_from(data)?;
                    if !super::answer(&streams[key])? {
                        streams.remove(key);
                        left -= 1;
                    }
                    continue;
                }
                loop {
                    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
                    let stream = match accept_with(&listener, flags) {
                        Err(rustix::io::Errno::AGAIN) => break,
                        accepted => TcpStream::from(accepted?),
                    };
                    let slot = streams.vacant_entry();
                    let data = epoll::EventData::new_u64(slot.key() as u64);
                    epoll::add(&epoll, &stream, data, epoll::EventFlags::IN)?;
                    slot.insert(stream);
                }
            }
        }
        Ok(())
    })
}
