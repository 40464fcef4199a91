//! What the loop has told of one direction of a socket, and whether it is to go on telling.
//!
//! The loop tells by the level: again in each turn as long as it is so. Somebody who works through
//! what he is told of within one turn is told of the next without a system call in between; only if
//! nobody has come for it until the second time is the loop asked to be silent.

/// How much is done on one word of the loop before others have their turn (I7).
const ROUNDS: u8 = 16;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Hint {
    /// It was said that there is something, and nobody has found that it is gone.
    told: bool,
    /// The loop goes on telling.
    watched: bool,
    /// How much may still be done.
    left: u8,
}

impl Hint {
    /// Nobody knows: the first who comes looks.
    pub(crate) const UNKNOWN: Self = Self { told: true, watched: true, left: ROUNDS };

    /// The loop tells; `true` if it is to be silent from now on.
    pub(crate) fn tell(&mut self) -> bool {
        let was_watched = self.watched;
        self.watched = was_watched && !self.told;
        self.told = true;
        self.left = ROUNDS;
        was_watched && !self.watched
    }

    /// The loop has had a turn.
    pub(crate) fn refill(&mut self) {
        self.left = ROUNDS;
    }

    /// Whether something may be tried; it is, then.
    pub(crate) fn take(&mut self) -> bool {
        let may = self.told && self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }

    /// As `take`, where looking is worth it without a word of the loop.
    pub(crate) fn take_anyway(&mut self) -> bool {
        self.told = true;
        self.take()
    }

    /// There is nothing more.
    pub(crate) fn used_up(&mut self) {
        self.told = false;
    }

    /// Somebody waits; `true` if the loop has to be asked to tell.
    pub(crate) fn wait(&mut self) -> bool {
        self.told = false;
        !std::mem::replace(&mut self.watched, true)
    }

    /// Whether the loop is to tell.
    pub(crate) fn is_watched(self) -> bool {
        self.watched
    }
}

#[cfg(test)]
mod tests {
    use super::{Hint, ROUNDS};

    #[test]
    fn who_keeps_up_never_asks_the_system() {
        let mut hint = Hint::UNKNOWN;
        assert!(hint.take());
        assert!(!hint.wait(), "it is watched from the beginning");
        for _ in 0..100 {
            assert!(!hint.tell() && hint.take());
            hint.used_up();
            assert!(!hint.take() && !hint.wait());
        }
    }

    #[test]
    fn what_nobody_wants_is_told_twice() {
        let mut hint = Hint::UNKNOWN;
        assert!(!hint.wait() && !hint.tell());
        assert!(hint.tell(), "silence");
        assert!(!hint.tell() && !hint.is_watched(), "asked for once");
        assert!(hint.take(), "it is there nevertheless");
        assert!(hint.wait() && hint.is_watched());
    }

    #[test]
    fn nobody_goes_on_for_ever() {
        let mut hint = Hint::UNKNOWN;
        let taken = (0..1000).take_while(|_| hint.take()).count();
        assert_eq!(taken, usize::from(ROUNDS));
        assert!(!hint.wait() && !hint.take());
        hint.tell();
        assert!(hint.take());
    }
}
