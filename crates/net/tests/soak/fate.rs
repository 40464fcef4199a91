//! What became of all that was said: heard, or lost for a reason that is known.

use std::collections::HashMap;
use std::fmt;
use std::ops::AddAssign;
use std::rc::Rc;

use ropewalk_net::ConnectionLost;

use crate::record::Record;
use crate::speech::Speech;
use crate::world::World;

/// Why the rest of what somebody has said was not heard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Loss {
    /// Whoever stands between the two ends has kept it.
    OnTheWay,
    /// The reactor ended.
    CutOff,
    /// One end was aborted, has panicked or was too slow; or the other one saw that.
    BrokenOff,
    /// Who should have heard it closed the connection instead.
    TurnedAway,
    /// Nobody is known who could have heard it.
    Nobody,
}

/// Bytes, or messages, by their fate.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fates {
    said: u64,
    heard: u64,
    lost: [u64; 5],
}

/// What was said in bytes, and what in messages.
pub(crate) fn fates(world: &World) -> [Fates; 2] {
    let records = world.records();
    let listeners = records.iter().filter_map(|record| Some((record.partner.get()?, record)));
    let listeners: HashMap<u32, &Rc<Record>> = listeners.collect();
    let mut fates = [Fates::default(); 2];
    for speaker in &records {
        // Who has heard nothing, or not even the whole name, is known by the addresses.
        let mate = speaker.mate.get().and_then(|number| records.get(number as usize));
        let listener = listeners.get(&speaker.number).copied().or(mate);
        let fates = &mut fates[usize::from(speaker.speech != Speech::Bytes)];
        let (said, heard) =
            (speaker.said.get(), listener.map_or(0, |listener| listener.heard.get()));
        fates.said += said;
        fates.heard += heard;
        if heard < said {
            match loss(speaker, listener) {
                Some(loss) => fates.lost[loss as usize] += said - heard,
                None => world.complain(format!(
                    "nobody knows where it went: {}; {:?}",
                    speaker.story(),
                    listener.map(|listener| listener.story())
                )),
            }
        }
    }
    fates
}

fn loss(speaker: &Record, listener: Option<&Rc<Record>>) -> Option<Loss> {
    let Some(listener) = listener else { return Some(Loss::Nobody) };
    let client = if speaker.is_client { speaker } else { listener };
    let is_over = |end: &Record| end.done.reactor.get();
    let is_broken = |end: &Record| !matches!(&*end.reason.borrow(), Some(ConnectionLost::Done));
    if client.path.is_spoilt() || client.path.is_indirect {
        Some(Loss::OnTheWay)
    } else if is_over(speaker) || is_over(listener) {
        Some(Loss::CutOff)
    } else if is_broken(speaker) || is_broken(listener) {
        Some(Loss::BrokenOff)
    } else if listener.done.lose.get() {
        Some(Loss::TurnedAway)
    } else {
        None
    }
}

impl AddAssign for Fates {
    fn add_assign(&mut self, other: Self) {
        self.said += other.said;
        self.heard += other.heard;
        for (lost, more) in self.lost.iter_mut().zip(other.lost) {
            *lost += more;
        }
    }
}

impl fmt::Display for Fates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { said, heard, lost: [way, cut, broken, away, nobody] } = self;
        write!(
            f,
            "{said:>11} = heard {heard} + lost on the way {way} + cut off {cut} + broken off {broken} \
             + turned away {away} + said to nobody {nobody}"
        )
    }
}
