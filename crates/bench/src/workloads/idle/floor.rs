//! The floor: an epoll set, and a heap of deadlines.

use super::{FAR_AWAY, Finding};
use crate::sample::Sample;
use crate::workload::Load;
use rustix::buffer::spare_capacity;
use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Instant;

const STOP: u64 = u64::MAX;

pub(super) fn run<F: Finding>(load: &Load) -> anyhow::Result<Sample> {
    super::hold::<F>(load, |streams, ready| {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (number, stream) in streams.iter().enumerate() {
            let data = epoll::EventData::new_u64(number as u64);
            epoll::add(&epoll, stream, data, epoll::EventFlags::IN)?;
        }
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        epoll::add(&epoll, &stop, epoll::EventData::new_u64(STOP), epoll::EventFlags::IN)?;
        let mut timers = BinaryHeap::new();
        let call: fn() = || {};
        for _ in streams.iter().filter(|_| F::TIMERS) {
            timers.push((Reverse(Instant::now() + FAR_AWAY), call));
        }
        let theirs = Arc::clone(&stop);
        ready.now(move || {
            // It can fail only after 2^64 times.
            let _ = rustix::io::write(&theirs, &1_u64.to_ne_bytes());
        });
        let mut events = Vec::with_capacity(1_024);
        loop {
            let first = timers.peek().map(|(Reverse(due), _)| *due);
            let wait = first.map(|due| due.saturating_duration_since(Instant::now()));
            let wait = wait.map(Timespec::try_from).transpose()?;
            events.clear();
            epoll::wait(&epoll, spare_capacity(&mut events), wait.as_ref())?;
            if events.iter().any(|event: &epoll::Event| event.data.u64() == STOP) {
                return Ok(());
            }
        }
    })
}
