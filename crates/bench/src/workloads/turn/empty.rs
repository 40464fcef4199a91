//! A turn with nothing to do, of a loop that watches one silent socket.

use super::since;
use crate::sample::Sample;
use crate::workload::Load;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

fn silent() -> anyhow::Result<(UnixStream, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    Ok((ours, theirs))
}

pub(super) fn floor(load: &Load) -> anyhow::Result<Sample> {
    let (ours, _theirs) = silent()?;
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &ours, epoll::EventData::new_u64(0), epoll::EventFlags::IN)?;
    let mut events: Vec<epoll::Event> = Vec::with_capacity(8);
    let start = Instant::now();
    for _ in 0..load.operations {
        epoll::wait(&epoll, spare_capacity(&mut events), Some(&Timespec::default()))?;
    }
    Ok(since(start, load.operations))
}

pub(super) fn ropewalk(load: &Load) -> anyhow::Result<Sample> {
    use ropewalk_reactor::{Interest, Reactor};

    let (ours, _theirs) = silent()?;
    let reactor = Reactor::new()?;
    let _registered = reactor.register(ours, Interest::READABLE, |_, _, _| {})?;
    let start = Instant::now();
    for _ in 0..load.operations {
        reactor.turn(Some(Duration::ZERO))?;
    }
    Ok(since(start, load.operations))
}

pub(super) fn mio(load: &Load) -> anyhow::Result<Sample> {
    use mio::net::UnixStream;
    use mio::{Events, Interest, Poll, Token};

    let (ours, _theirs) = silent()?;
    let (mut poll, mut ours) = (Poll::new()?, UnixStream::from_std(ours));
    poll.registry().register(&mut ours, Token(0), Interest::READABLE)?;
    let mut events = Events::with_capacity(8);
    let start = Instant::now();
    for _ in 0..load.operations {
        poll.poll(&mut events, Some(Duration::ZERO))?;
    }
    Ok(since(start, load.operations))
}

pub(super) fn tokio(load: &Load) -> anyhow::Result<Sample> {
    use tokio::net::UnixStream;
    use tokio::runtime::Builder;
    use tokio::task::yield_now;

    let (ours, _theirs) = silent()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let _ours = UnixStream::from_std(ours)?;
        let start = Instant::now();
        for _ in 0..load.operations {
            yield_now().await;
        }
        Ok(since(start, load.operations))
    })
}

pub(super) fn calloop(load: &Load) -> anyhow::Result<Sample> {
    use calloop::generic::Generic;
    use calloop::{EventLoop, Interest, Mode, PostAction};

    let (ours, _theirs) = silent()?;
    let mut event_loop = EventLoop::<()>::try_new()?;
    let source = Generic::new(ours, Interest::READ, Mode::Level);
    let inserted = event_loop.handle().insert_source(source, |_, _, ()| Ok(PostAction::Continue));
    inserted.map_err(|refused| refused.error)?;
    let start = Instant::now();
    for _ in 0..load.operations {
        event_loop.dispatch(Some(Duration::ZERO), &mut ())?;
    }
    Ok(since(start, load.operations))
}
