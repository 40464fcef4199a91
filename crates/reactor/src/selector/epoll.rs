//! Waiting on Linux: one system call for a turn.
//!
//! `Poller::wait` of polling 3.11 sets its timer, arms it, waits, reads its eventfd and arms that
//! again: five system calls, 1.1 us even if something is ready. Sources are still registered
//! through the `Poller`; but the loop waits on its epoll descriptor directly, with an eventfd and a
//! timer of its own in it:
//!
//! - the eventfd is edge-triggered and need not be read: a wake-up is one `write`;
//! - the timer is edge-triggered, too, and set only before a sleep whose end differs from what it
//!   is set to. A turn that need not sleep does not touch it.
//!
//! Two things must hold. `Poller::wait` and `Poller::notify` are never used on this poller: its own
//! eventfd and timer stay disarmed. And `polling` must put a source's key into the event as it is,
//! which it does not promise: so [`works`] tries it once in each process, and all else, too.

use super::{EVENTS, Event, Wait};
use crate::panics;
use crate::poller;
use crate::source::{Interest, Readiness};
use polling::Poller;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::{Errno, read, retry_on_intr, write};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};
use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Keys of sources are far below, and `polling` keeps the largest of all for itself.
const WAKER: u64 = u64::MAX - 1;
const TIMER: u64 = u64::MAX - 2;

const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

pub(super) struct Epoll {
    waker: Arc<Waker>,
    timer: OwnedFd,
    /// When the timer fires; `None`: it is not set, or has been heard.
    set_to: Cell<Option<Instant>>,
    raw: RefCell<Vec<epoll::Event>>,
}

/// One write to it ends a wait.
pub(crate) struct Waker(OwnedFd);

impl Waker {
    pub(super) fn wake(&self) -> io::Result<()> {
        match retry_on_intr(|| write(&self.0, &1_u64.to_ne_bytes())) {
            // It is as full as it gets, so it has woken the loop already.
            Ok(_) | Err(Errno::AGAIN) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Epoll {
    pub(super) fn new(poller: &Poller) -> io::Result<Self> {
        let waker = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let edge = EventFlags::IN | EventFlags::ET;
        epoll::add(poller, &waker, EventData::new_u64(WAKER), edge)?;
        epoll::add(poller, &timer, EventData::new_u64(TIMER), edge)?;
        Ok(Self {
            waker: Arc::new(Waker(waker)),
            timer,
            set_to: Cell::new(None),
            raw: RefCell::new(Vec::with_capacity(EVENTS)),
        })
    }

    pub(super) fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }

    pub(super) fn wait(
        &self,
        poller: &Poller,
        ready: &mut Vec<Event>,
        wait: Wait,
    ) -> io::Result<()> {
        let sleeps = match wait {
            Wait::Not => false,
            Wait::Until(due) => self.set(Some(due))?,
            Wait::Forever => self.set(None)?,
        };
        let mut raw = self.raw.borrow_mut();
        raw.clear();
        epoll::wait(poller, rustix::buffer::spare_capacity(&mut raw), (!sleeps).then_some(&NOW))?;
        for event in &*raw {
            match event.data.u64() {
                TIMER => self.set_to.set(None),
                WAKER.. => {}
                _ => ready.push(Event::from(event)),
            }
        }
        Ok(())
    }

    /// Sets the timer. `false`: the time is over already.
    fn set(&self, due: Option<Instant>) -> io::Result<bool> {
        if self.set_to.get() == due {
            // Not over and unheard of: `wait` would have been told not to wait.
            return Ok(true);
        }
        let left = match due {
            None => Duration::ZERO,
            Some(due) => {
                let left = due.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Ok(false);
                }
                left
            }
        };
        // A zero stops the timer.
        let it_value = Timespec {
            tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        let once = Itimerspec { it_interval: NOW, it_value };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
        self.set_to.set(due);
        Ok(true)
    }

    /// Takes back wake-ups that no wait has seen, so that the epoll descriptor is not readable for
    /// them.
    pub(super) fn hush(&self) {
        // Whatever comes of it: one turn more is all that could be spared.
        let _ = retry_on_intr(|| read(&self.waker.0, &mut [0; 8]));
    }

    /// Has the epoll descriptor become readable at `due`, for a loop that waits for it elsewhere.
    pub(super) fn announce(&self, due: Option<Instant>) -> io::Result<()> {
        if !self.set(due)? {
            self.waker.wake()?;
        }
        Ok(())
    }
}

impl From<&epoll::Event> for Event {
    fn from(event: &epoll::Event) -> Self {
        // What `polling` makes of the flags.
        let flags = event.flags;
        let ended = EventFlags::HUP | EventFlags::ERR;
        Self {
            key: usize::try_from(event.data.u64()).unwrap_or(usize::MAX),
            readiness: Readiness {
                readable: flags.intersects(EventFlags::IN | EventFlags::PRI | ended),
                writable: flags.intersects(EventFlags::OUT | ended),
                hung_up: flags.intersects(EventFlags::HUP),
                error: flags.intersects(EventFlags::ERR),
            },
        }
    }
}

/// Whether all this works here; tried when the first reactor of the process is made.
///
/// # Errors
///
/// The system has no descriptors or memory left just now, which says nothing about later.
pub(super) fn works() -> io::Result<bool> {
    static WORKS: OnceLock<bool> = OnceLock::new();
    if let Some(&works) = WORKS.get() {
        return Ok(works);
    }
    let tried = try_out();
    if let Err(error) = &tried {
        let errno = Errno::from_io_error(error);
        if matches!(errno, Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS)) {
            return tried;
        }
    }
    let works = matches!(tried, Ok(true));
    let is_first = WORKS.set(works).is_ok();
    // Not while it is set: a subscriber that makes a reactor of its own would wait for itself.
    if is_first && !works {
        let what = "waiting for events goes the long way, through polling";
        panics::tell(|| tracing::warn!(?tried, "{what}"));
    }
    Ok(*WORKS.get_or_init(|| works))
}

/// A source, a wake-up and the timer must each be told by their own key.
fn try_out() -> io::Result<bool> {
    const KEY: usize = usize::MAX >> 3;
    let poller = Arc::new(Poller::new()?);
    let epoll = Epoll::new(&poller)?;
    let source = eventfd(1, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
    let armed =
        poller::arm(&poller, source, || KEY, Interest::READABLE).map_err(|(_, error)| error)?;
    let told = next_keys(&poller)? == [KEY as u64];
    drop(armed);
    epoll.waker.wake()?;
    let woken = next_keys(&poller)? == [WAKER];
    let set = epoll.set(Some(Instant::now() + Duration::from_micros(50)))?;
    let timed = !set || next_keys(&poller)? == [TIMER];
    Ok(told && woken && timed)
}

/// The keys of the next events, which are there or about to come.
fn next_keys(poller: &Poller) -> io::Result<Vec<u64>> {
    // Enough for a machine that is busy; it is over as soon as there is an event.
    const ENOUGH: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };
    let mut raw = Vec::with_capacity(EVENTS);
    loop {
        match epoll::wait(poller, rustix::buffer::spare_capacity(&mut raw), Some(&ENOUGH)) {
            Err(Errno::INTR) => {}
            waited => return Ok(waited.map(|_| raw.iter().map(|one| one.data.u64()).collect())?),
        }
    }
}
