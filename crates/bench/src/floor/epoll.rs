//! The barest sleep: an eventfd in an epoll set. One system call to sleep, one to wake.
//!
//! The eventfd is armed edge-triggered, so it is never read: each write is one event.

use super::Sleeper;
use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::io::Errno;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

pub(crate) struct Epoll {
    epoll: OwnedFd,
    waker: OwnedFd,
}

impl Sleeper for Epoll {
    fn new() -> anyhow::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let waker = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(&epoll, &waker, epoll::EventData::new_u64(0), flags)?;
        Ok(Self { epoll, waker })
    }

    fn sleep(&self) -> anyhow::Result<()> {
        let mut events = [MaybeUninit::<epoll::Event>::uninit(); 8];
        match epoll::wait(&self.epoll, &mut events, None) {
            // The loop looks at its queue again anyway.
            Err(Errno::INTR) => Ok(()),
            other => Ok(other.map(|_| ())?),
        }
    }

    fn wake(&self) {
        // It can fail only after 2^64 wake-ups.
        let _ = rustix::io::write(&self.waker, &1_u64.to_ne_bytes());
    }
}
