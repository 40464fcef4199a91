//! A sleep that is put off: it looks for a wake-up for a while before it goes into epoll.

use super::Sleeper;
use super::epoll::Epoll;
use std::hint;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

/// For so long. The pauses between the operations of a workload must be shorter.
pub(crate) const SPIN: Duration = Duration::from_millis(1);

/// Looks between two looks at the clock.
const LOOKS: usize = 64;

const AWAKE: u8 = 0;
const ASLEEP: u8 = 1;
const WOKEN: u8 = 2;

pub(crate) struct Spinning {
    epoll: Epoll,
    state: AtomicU8,
}

impl Sleeper for Spinning {
    const SPINS: bool = true;

    fn new() -> anyhow::Result<Self> {
        Ok(Self { epoll: Epoll::new()?, state: AtomicU8::new(AWAKE) })
    }

    fn sleep(&self) -> anyhow::Result<()> {
        let start = Instant::now();
        while start.elapsed() < SPIN {
            for _ in 0..LOOKS {
                if self.state.load(Ordering::Acquire) == WOKEN {
                    self.state.store(AWAKE, Ordering::Release);
                    return Ok(());
                }
                hint::spin_loop();
            }
        }
        // Who wakes it between the last look and this one writes no event, and it does not sleep.
        let asleep =
            self.state.compare_exchange(AWAKE, ASLEEP, Ordering::AcqRel, Ordering::Acquire);
        let slept = if asleep.is_ok() { self.epoll.sleep() } else { Ok(()) };
        self.state.store(AWAKE, Ordering::Release);
        slept
    }

    fn wake(&self) {
        if self.state.swap(WOKEN, Ordering::AcqRel) == ASLEEP {
            self.epoll.wake();
        }
    }
}
