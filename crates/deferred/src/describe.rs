//! The text of a deferred: where it comes from, and what it waits on.

use crate::chain::{Chain, ChainRef, Place, Stage};
use crate::end::State;
use crate::stretch::AnyStretch;
use crate::{Deferred, waiting};
use std::fmt;
use std::rc::Rc;

/// Of so many chains that wait for one another each is told; the rest is an ellipsis.
const TOLD: usize = 8;

impl Chain<dyn AnyStretch> {
    /// Where the chains were created that this one waits for, the next one first, and then those of
    /// the members, if the last is a collection.
    pub(crate) fn waits_for(self: &Rc<Self>) -> Vec<Place> {
        let mut next = waiting::source_of(self);
        let mut places = Vec::new();
        while let Some(source) = next.filter(|_| places.len() <= TOLD) {
            places.push(source.created);
            next = waiting::source_of(&source);
            if next.is_none() {
                places.extend(source.made_of());
            }
        }
        if places.is_empty() {
            places = self.made_of();
        }
        places
    }

    /// Where the members were created, if this is the chain of a collection.
    fn made_of(&self) -> Vec<Place> {
        let canceller = self.canceller.take();
        let places = canceller.as_ref().map_or_else(Vec::new, |canceller| canceller.made_of());
        self.canceller.set(canceller);
        places
    }
}

/// Prints each place as one would write it, and so many of them at most.
struct Places<'a>(&'a [Place]);

impl fmt::Debug for Places<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        for place in self.0.iter().take(TOLD) {
            list.entry(&format_args!("{place}"));
        }
        if self.0.len() > TOLD {
            list.entry(&format_args!(".."));
        }
        list.finish()
    }
}

impl<T> fmt::Debug for Deferred<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Deferred");
        let Some(chain) = self.chain() else {
            let state = self.state.replace(State::taken());
            let known = match &state {
                State::Ready(ready) => Some((Stage::Settled, ready.of.created)),
                State::Direct(direct) => Some((direct.stage(), direct.created())),
                State::Head(_) | State::Turned(_) => None,
            };
            if let Some((stage, created)) = known {
                text.field("stage", &stage).field("created", &format_args!("{created}"));
            }
            self.state.set(state);
            return text.finish();
        };
        text.field("stage", &chain.stage.get())
            .field("created", &format_args!("{}", chain.created));
        if let Some(fired) = chain.fired.get() {
            text.field("fired", &format_args!("{fired}"));
        }
        let waits_for = ChainRef::clone(&chain).waits_for();
        if !waits_for.is_empty() {
            text.field("waiting_on", &Places(&waits_for));
        }
        text.finish()
    }
}
