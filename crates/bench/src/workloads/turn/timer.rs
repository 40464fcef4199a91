//! A timer that fires, and sets the next one.

use super::since;
use crate::sample::Sample;
use crate::workload::Load;
use std::time::{Duration, Instant};

const DELAY: Duration = Duration::from_millis(1);

pub(super) fn floor(load: &Load) -> anyhow::Result<Sample> {
    use rustix::buffer::spare_capacity;
    use rustix::event::{Timespec, epoll};

    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut events: Vec<epoll::Event> = Vec::with_capacity(8);
    let start = Instant::now();
    for _ in 0..load.operations {
        let delay = Timespec::try_from(DELAY)?;
        epoll::wait(&epoll, spare_capacity(&mut events), Some(&delay))?;
    }
    Ok(since(start, load.operations))
}

pub(super) fn ropewalk(load: &Load) -> anyhow::Result<Sample> {
    use ropewalk_reactor::Reactor;

    fn set(reactor: &Reactor, left: usize) {
        reactor.call_later(DELAY, move |reactor| match left {
            0 | 1 => reactor.stop(),
            _ => set(reactor, left - 1),
        });
    }

    let reactor = Reactor::new()?;
    set(&reactor, load.operations);
    let start = Instant::now();
    reactor.run()?;
    Ok(since(start, load.operations))
}

pub(super) fn tokio(load: &Load) -> anyhow::Result<Sample> {
    use tokio::runtime::Builder;
    use tokio::time::sleep;

    let runtime = Builder::new_current_thread().enable_all().build()?;
    let start = Instant::now();
    runtime.block_on(async {
        for _ in 0..load.operations {
            sleep(DELAY).await;
        }
    });
    Ok(since(start, load.operations))
}

pub(super) fn smol(load: &Load) -> anyhow::Result<Sample> {
    use async_io::Timer;

    let start = Instant::now();
    async_io::block_on(async {
        for _ in 0..load.operations {
            Timer::after(DELAY).await;
        }
    });
    Ok(since(start, load.operations))
}

pub(super) fn calloop(load: &Load) -> anyhow::Result<Sample> {
    use calloop::EventLoop;
    use calloop::timer::{TimeoutAction, Timer};

    let mut event_loop = EventLoop::<usize>::try_new()?;
    let timer = Timer::from_duration(DELAY);
    let inserted = event_loop.handle().insert_source(timer, |_, (), left| {
        *left -= 1;
        if *left == 0 { TimeoutAction::Drop } else { TimeoutAction::ToDuration(DELAY) }
    });
    inserted.map_err(|refused| refused.error)?;
    let (start, mut left) = (Instant::now(), load.operations);
    while left > 0 {
        event_loop.dispatch(None, &mut left)?;
    }
    Ok(since(start, load.operations))
}
