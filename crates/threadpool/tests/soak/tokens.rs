//! What jobs do with their cancel tokens: they look, pause, and set hooks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::Duration;

use ropewalk_testing::soak::Dice;
use ropewalk_threadpool::{CancelHook, CancelToken};

use crate::record::Ticket;
use crate::round::Round;
use crate::work::cancel;

/// Goes on until it is wanted no more, or not so long.
pub(crate) fn obey(ticket: &Ticket, dice: &mut Dice) {
    let mut left = dice.pick(&[1, 10, 100]);
    let pause = dice.pick(&[None, None, None, Some(Duration::from_micros(20))]);
    while !ticket.is_told_rightly() && left > 0 {
        match pause {
            Some(pause) => drop(CancelToken::current().wait_timeout(pause)),
            None => thread::yield_now(),
        }
        left -= 1;
    }
}

/// Sets hooks, some inside of others, does something, and takes them back.
pub(crate) fn hook(round: &Arc<Round>, dice: &mut Dice) {
    let token = CancelToken::current();
    let mut hooks = Vec::new();
    for _ in 0..dice.pick(&[1, 1, 2, 5]) {
        hooks.push(Watched::set(round, &token, dice));
        (0..dice.pick(&[0, 1, 20])).for_each(|_| thread::yield_now());
        if dice.one_in(3) {
            let place = dice.below(hooks.len());
            hooks.swap_remove(place).take_back(round);
        }
    }
    hooks.into_iter().for_each(|hook| hook.take_back(round));
}

/// A hook that knows whether it may be called.
struct Watched {
    hook: CancelHook,
    state: Arc<AtomicU8>,
    /// The job was cancelled before it was set.
    is_late: bool,
}

const SET: u8 = 0;
const CALLED: u8 = 1;
const OVER: u8 = 2;
const TAKEN_BACK: u8 = 3;

impl Watched {
    fn set(round: &Arc<Round>, token: &CancelToken, dice: &mut Dice) -> Self {
        let is_late = token.is_cancelled();
        let state = Arc::new(AtomicU8::new(SET));
        let (own, round, mut dice) =
            (Arc::clone(&state), Arc::clone(round), Dice::new(dice.number()));
        let hook = token.on_cancel(move || {
            go(&round, &own, SET, CALLED);
            if dice.one_in(4) {
                cancel(&round, &mut dice);
            }
            (0..dice.pick(&[0, 1, 20])).for_each(|_| thread::yield_now());
            go(&round, &own, CALLED, OVER);
        });
        Self { hook, state, is_late }
    }

    fn take_back(self, round: &Round) {
        drop(self.hook);
        let state = self.state.swap(TAKEN_BACK, Ordering::SeqCst);
        if state != OVER && (state != SET || self.is_late) {
            let is_late = self.is_late;
            round.complain(format!("a hook is taken back in state {state}, late: {is_late}"));
        }
    }
}

fn go(round: &Round, state: &AtomicU8, from: u8, to: u8) {
    let before = state.swap(to, Ordering::SeqCst);
    if before != from {
        round.complain(format!("a hook came from state {before} to {to}"));
    }
}
