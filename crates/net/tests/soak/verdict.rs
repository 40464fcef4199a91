//! What cannot be, of one end or of both.

use std::time::Duration;

use ropewalk_net::{ConnectionLost, NetReport};
use ropewalk_reactor::Reactor;

use crate::plan::Kind;
use crate::record::Record;
use crate::world::World;

/// Whoever closes a connection in good order throws away what still comes for so long at least, so that
/// no reset overtakes what he has said.
const LINGERS: Duration = Duration::from_secs(1);

/// A port has no more connections than it may.
pub(crate) fn check_places(world: &World, record: &Record) {
    let Some(most) = world.plan.ports[record.port].most.filter(|_| !record.is_client) else {
        return;
    };
    let is_there = |other: &Record| {
        let is_same = (other.port, other.life) == (record.port, record.life);
        is_same && !other.is_client && other.made.get() > 0 && !other.is_lost()
    };
    let there = world.records().iter().filter(|other| is_there(other)).count();
    if there > most {
        world.complain(format!("{there} instead of {most} have a place at once"));
    }
}

/// Somebody has given the reason for it.
pub(crate) fn check_reason(world: &World, record: &Record, reason: &ConnectionLost) {
    let done = &record.done;
    let is_ending = world.is_ending.get();
    let fits = match reason {
        ConnectionLost::Done => record.heard_end.get() || done.lose.get() || is_ending,
        ConnectionLost::Aborted => done.abort.get() || done.cancel.get() || is_ending,
        ConnectionLost::PeerTooSlow { .. } => done.max.get(),
        ConnectionLost::Panicked(_) => done.panic.get(),
        _ => is_ending || is_explained(world, record),
    };
    if !fits {
        let partner = partner_of(world, record).map(|partner| partner.story());
        world.complain(format!("nobody has done that: {}; {partner:?}", record.story()));
    }
}

/// Whether somebody has broken the connection, or let go of it long ago.
fn is_explained(world: &World, record: &Record) -> bool {
    let Some(partner) = partner_of(world, record) else { return true };
    let client = if record.is_client { record } else { &partner };
    if client.path.is_indirect || client.path.is_spoilt() {
        return true;
    }
    let done = &partner.done;
    if done.abort.get() || done.panic.get() || done.max.get() || done.reactor.get() {
        return true;
    }
    let is_long_ago = partner.lost_at.get().is_some_and(|at| at.elapsed() > LINGERS);
    match &*partner.reason.borrow() {
        // Its end is under way: what it has said comes first, and then that this is all.
        None => !partner.is_open() && !done.lose.get(),
        Some(ConnectionLost::Done) => !done.lose.get() || is_long_ago,
        Some(_) => true,
    }
}

fn partner_of(world: &World, record: &Record) -> Option<std::rc::Rc<Record>> {
    record.other_end().and_then(|number| world.record_of(number))
}

/// Each connection that was made is lost, and nobody waits for an outcome.
pub(crate) fn check_all_lost(world: &World) {
    for record in world.records() {
        if record.made.get() != u32::from(record.is_lost()) {
            world.complain(format!("not lost once: {}", record.story()));
        }
    }
    let tally = &world.tally;
    if tally.asked.get() != tally.granted.get() + tally.refused.get() {
        world.complain(format!("not all outcomes are known: {tally:?}"));
    }
}

/// The reactor tells of the connections that its shutdown has aborted: those that were counted since
/// `before`. Those of relays have no record.
pub(crate) fn check_report(world: &World, reactor: &Reactor, before: [u64; 2]) {
    let cut = world.tally.cut.get() - before[0];
    let most = cut + world.tally.perhaps_cut.get() - before[1];
    let report = NetReport::of(&reactor.run_report());
    let told = report.aborted() as u64;
    let has_relays = world.plan.ports.iter().any(|port| port.kind == Kind::Relay);
    if told < cut || told > most && !has_relays || told == 0 && report.unsent() > 0 {
        world.complain(format!("{cut} connections were cut off, not as in {report:?}"));
    }
}

/// Ends that have not heard all that was said, although both of them are open and the way is good.
pub(crate) fn undelivered(world: &World) -> Vec<String> {
    let mut stories = Vec::new();
    for record in world.records() {
        let Some(partner) = partner_of(world, &record) else { continue };
        let client = if record.is_client { &record } else { &partner };
        let is_whole = record.is_open() && partner.is_open() && !client.path.is_spoilt();
        if is_whole && record.heard.get() != partner.said.get() {
            stories.push(format!("{}; {}", record.story(), partner.story()));
        }
    }
    stories
}

/// In the end.
pub(crate) fn check(world: &World) {
    for record in world.records() {
        check_end(world, &record);
    }
}

fn check_end(world: &World, record: &Record) {
    let Some(number) = record.other_end() else { return };
    let Some(partner) = world.record_of(number) else {
        return world.complain(format!("it has heard of nobody: {}", record.story()));
    };
    let complain = |what| {
        world.complain(format!("{what}: {}; {}", record.story(), partner.story()));
    };
    let is_other = partner.is_client != record.is_client && partner.port == record.port;
    let is_another = |end: &Record, number: u32| {
        [end.partner.get(), end.mate.get()].into_iter().flatten().any(|known| known != number)
    };
    if !is_other || is_another(&partner, record.number) || is_another(record, partner.number) {
        complain("these do not belong together");
    }
    if record.heard.get() > partner.said.get() {
        complain("more was heard than said");
    }
    let client = if record.is_client { record } else { &partner };
    let is_well = matches!(&*partner.reason.borrow(), Some(ConnectionLost::Done));
    let was_ended = partner.write_done.get() || is_well;
    let is_complete = record.heard_end.get() && was_ended && !client.path.is_spoilt();
    if is_complete && record.heard.get() != partner.said.get() {
        complain("the end came before all was heard");
    }
}
