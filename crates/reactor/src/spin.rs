//! Looking for work for a moment before going to sleep, for who asks for it.
//!
//! To wake a thread on another core costs tens of microseconds where cores are virtual, a hundred
//! times what a call itself takes. A loop that has just done something and looks around a little
//! longer is often there when the next thing comes. It burns a core meanwhile, so it is off unless
//! asked for, and a loop that has done nothing since it last looked goes to sleep at once: idle means
//! idle (I6).

use crate::reactor::Reactor;
use crate::selector::{Event, Wait};
use std::hint::spin_loop;
use std::io;
use std::time::{Duration, Instant};

/// How many looks at the calls there are to one at the clock and the operating system.
const LOOKS: u32 = 64;

impl Reactor {
    /// Looks around for `limit`, or until `wait` ends. `true`: there is something to do, in the
    /// inbox or in `events`.
    #[cold]
    pub(crate) fn spin(
        &self,
        limit: Duration,
        events: &mut Vec<Event>,
        wait: Wait,
    ) -> io::Result<bool> {
        let core = &self.core;
        if !core.active.take() {
            return Ok(false);
        }
        let mut now = Instant::now();
        let due = if let Wait::Until(due) = wait { Some(due) } else { None };
        // Neither: for ever.
        let end = due.into_iter().chain(now.checked_add(limit)).min();
        while end.is_none_or(|end| now < end) {
            for _ in 0..LOOKS {
                if core.inbox.is_busy() {
                    return Ok(true);
                }
                spin_loop();
            }
            if core.sources.borrow().len() > 0 {
                core.selector.wait(events, Wait::Not)?;
                if !events.is_empty() {
                    return Ok(true);
                }
            }
            now = Instant::now();
        }
        Ok(due.is_some_and(|due| due <= now))
    }
}
