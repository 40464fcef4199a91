//! Whether a task waits to write.
//!
//! A future that is dropped tells nobody. So who was woken, and has not come for two turns of the loop,
//! is taken not to wait any more; if he comes after all he waits again. It takes two because the first
//! may end before his executor has its turn.

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum BackedUp {
    No,
    Waits,
    /// Somebody does, and was woken in this turn.
    Woken,
    /// He was, in the turn before, and has not come yet.
    Late,
    /// Somebody did, and was served in this turn: most likely there is more to come.
    Served,
}

/// What is to be done at the end of a turn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Then {
    Nothing,
    /// Nobody waits any more.
    End,
    /// Look again after the next turn.
    Look,
}

impl BackedUp {
    pub(super) fn is_any(self) -> bool {
        self != Self::No
    }

    /// Who waits is woken; `true` if somebody does.
    pub(super) fn wake(&mut self) -> bool {
        let waits = *self == Self::Waits;
        if waits {
            *self = Self::Woken;
        }
        waits
    }

    /// A turn has passed. Who was served in it, and has not come again, has nothing more to write.
    pub(super) fn turn(&mut self) -> Then {
        match *self {
            Self::No | Self::Waits => Then::Nothing,
            Self::Served | Self::Late => Then::End,
            Self::Woken => {
                *self = Self::Late;
                Then::Look
            }
        }
    }
}
