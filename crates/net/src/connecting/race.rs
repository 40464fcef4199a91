//! The sockets of one attempt: tried in turns, and beside each other where one takes long.
//!
//! As RFC 8305 has it ("happy eyeballs"): a machine whose way to one family of addresses is broken
//! connects by the other one a moment later, and not when the first one has timed out.

use super::attempt::Attempt;
use super::{Owner, opening};
use crate::Address;
use crate::connection::Connection;
use crate::error::{ConnectErrorKind, FailedAttempt};
use ropewalk_reactor::{DelayedCall, Interest, Reactor, Registration};
use slab::Slab;
use socket2::Socket;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::time::Duration;

/// How long a server with a full backlog is left alone, where the system does not wait for it.
const BREATH: Duration = Duration::from_millis(10);

#[derive(Default)]
pub(super) struct Race {
    /// Those that have not been tried.
    addresses: RefCell<VecDeque<Address>>,
    /// Those that are being tried.
    sockets: RefCell<Slab<Registration<Socket>>>,
    failures: RefCell<Vec<FailedAttempt>>,
    /// Has the next one tried.
    timer: Cell<Option<DelayedCall>>,
}

/// A socket that is connected, with its two ends: this one, and the peer.
pub(super) struct Winner<'w> {
    pub(super) socket: Registration<Socket>,
    pub(super) ends: (Address, Address),
    pub(super) owner: &'w mut Callback,
}

/// What the loop holds of a socket: nothing of its own, until it is a connection's.
#[derive(Default)]
pub(super) struct Callback(Option<Owner>);

impl Callback {
    pub(super) fn take_over(&mut self, connection: &Rc<Connection>) {
        self.0 = Some(Owner::new(Rc::clone(connection)));
    }
}

impl Race {
    /// Puts the addresses in order: as they are, but the families in turns.
    pub(super) fn line_up(&self, addresses: Vec<Address>) {
        let family = |address: &Address| address.ip().is_some_and(|ip| ip.is_ipv4());
        let first = addresses.first().is_some_and(family);
        let (mut same, mut other): (VecDeque<_>, VecDeque<_>) =
            addresses.into_iter().partition(|address| family(address) == first);
        let mut line = VecDeque::with_capacity(same.len() + other.len());
        while !(same.is_empty() && other.is_empty()) {
            line.extend(same.pop_front());
            line.extend(other.pop_front());
        }
        self.addresses.replace(line);
    }

    /// Tries the next address; if there is none, and nothing is under way, that was it.
    pub(super) fn go_on(attempt: &Rc<Attempt>, reactor: &Reactor) {
        let race = attempt.race();
        race.cancel_timer();
        loop {
            let next = race.addresses.borrow_mut().pop_front();
            let Some(address) = next else { break };
            let options = attempt.options();
            let opened = opening::open(&address, options.this_end());
            let begun =
                opened.and_then(|socket| Self::watch(attempt, reactor, socket, address.clone()));
            match begun {
                Ok(()) => {
                    if !race.addresses.borrow().is_empty() {
                        Self::go_on_later(attempt, reactor, options.stagger());
                    }
                    return;
                }
                Err(error) if opening::is_backlog_full(&address, &error) => {
                    race.addresses.borrow_mut().push_front(address);
                    return Self::go_on_later(attempt, reactor, BREATH);
                }
                Err(error) => race.failures.borrow_mut().push(FailedAttempt { address, error }),
            }
        }
        if race.sockets.borrow().is_empty() {
            attempt.fail(ConnectErrorKind::Unreachable);
        }
    }

    fn go_on_later(attempt: &Rc<Attempt>, reactor: &Reactor, delay: Duration) {
        let weak = Rc::downgrade(attempt);
        let timer = reactor.call_later(delay, move |reactor| {
            weak.upgrade().inspect(|attempt| Self::go_on(attempt, reactor));
        });
        attempt.race().timer.set(Some(timer));
    }

    fn watch(
        attempt: &Rc<Attempt>,
        reactor: &Reactor,
        socket: Socket,
        address: Address,
    ) -> io::Result<()> {
        let weak = Rc::downgrade(attempt);
        let key = attempt.race().sockets.borrow().vacant_key();
        let mut owner = Callback::default();
        let registered = reactor.register_at(
            socket,
            Interest::WRITABLE,
            attempt.location(),
            move |reactor, socket, readiness| {
                if let Some(owner) = &owner.0 {
                    return owner.ready(readiness);
                }
                let Some(attempt) = weak.upgrade() else { return };
                let outcome = match opening::outcome(socket) {
                    Ok(None) => return,
                    Ok(Some(ends)) => Ok(ends),
                    Err(error) => Err(error),
                };
                let taken = attempt.race().sockets.borrow_mut().try_remove(key);
                let Some(socket) = taken else { return };
                match outcome {
                    Ok(ends) => {
                        attempt.succeed(reactor, Winner { socket, ends, owner: &mut owner });
                    }
                    Err(error) => {
                        drop(socket);
                        let failed = FailedAttempt { address: address.clone(), error };
                        attempt.race().failures.borrow_mut().push(failed);
                        Self::go_on(&attempt, reactor);
                    }
                }
            },
        );
        let registration = registered.map_err(|refused| refused.into_parts().1)?;
        attempt.race().sockets.borrow_mut().insert(registration);
        Ok(())
    }

    /// What has failed so far, in that order.
    pub(super) fn take_failures(&self) -> Vec<FailedAttempt> {
        self.failures.take()
    }

    /// Closes what is still being tried.
    pub(super) fn stop(&self) {
        self.cancel_timer();
        // Out of the borrow first, as all sources.
        let (sockets, addresses) = (self.sockets.take(), self.addresses.take());
        drop((sockets, addresses));
    }

    fn cancel_timer(&self) {
        if let Some(timer) = self.timer.take() {
            let _ = timer.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Race;
    use crate::Address;
    use std::net::SocketAddr;

    #[test]
    fn families_take_turns_and_the_first_one_stays_first() {
        let all = ["[::1]:1", "[::1]:2", "[::1]:3", "127.0.0.1:1", "127.0.0.1:2"];
        let address = |text: &&str| Address::from(text.parse::<SocketAddr>().unwrap());
        let race = Race::default();
        race.line_up(all.iter().map(address).collect());
        let line: Vec<String> = race.addresses.take().iter().map(ToString::to_string).collect();
        assert_eq!(line, ["[::1]:1", "127.0.0.1:1", "[::1]:2", "127.0.0.1:2", "[::1]:3"]);
        race.line_up(all.iter().rev().map(address).collect());
        let line: Vec<String> = race.addresses.take().iter().map(ToString::to_string).collect();
        assert_eq!(line, ["127.0.0.1:2", "[::1]:3", "127.0.0.1:1", "[::1]:2", "[::1]:1"]);
    }
}
