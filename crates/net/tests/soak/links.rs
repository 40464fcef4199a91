//! The clients: whom they connect to, over what, and how long they wait for it.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

#[cfg(feature = "tls")]
use ropewalk_net::ReactorTls as _;
#[cfg(unix)]
use ropewalk_net::ReactorUnix as _;
use ropewalk_net::{Address, ConnectOptions, ReactorNet as _};
use ropewalk_reactor::Reactor;
use ropewalk_testing::soak::Dice;

use crate::plan::Kind;
use crate::record::{Path, Record};
use crate::talker::Talker;
#[cfg(feature = "tls")]
use crate::trust;
use crate::world::{World, free_address};

/// Whom a client asks.
enum Target {
    Server(Address),
    /// Nobody, or one who does not answer.
    Nobody(SocketAddr),
}

/// Makes one more link.
pub(crate) fn link(world: &Rc<World>, reactor: &Reactor, dice: &mut Dice) {
    if let Err(error) = try_to_link(world, reactor, dice) {
        world.complain(format!("no link: {error}"));
    }
}

fn try_to_link(world: &Rc<World>, reactor: &Reactor, dice: &mut Dice) -> io::Result<()> {
    let number = dice.below(world.plan.ports.len());
    let kind = world.plan.ports[number].kind;
    let target = match dice.below(30) {
        0 => Target::Nobody(free_address()?),
        1 => world.silent_address().map(Target::Nobody).ok_or(io::ErrorKind::NotFound)?,
        _ => {
            let ports = world.ports.borrow();
            let Some(port) = ports.get(number) else { return Ok(()) };
            Target::Server(port.address.clone())
        }
    };
    let mut path = Path::default();
    path.is_indirect = kind == Kind::Relay;
    let target = match target {
        Target::Nobody(address) => address.into(),
        Target::Server(Address::Inet(address)) if dice.one_in(world.plan.proxied) => {
            path.is_indirect = true;
            world.proxy.stand_before(address, &path, dice)?.into()
        }
        Target::Server(address) => address,
    };
    // What a relay hands on it hands to the first port.
    let port = if kind == Kind::Relay { 0 } else { number };
    let record = world.record(true, port, path);
    connect(world, reactor, &record, kind, target, dice)
}

fn connect(
    world: &Rc<World>,
    reactor: &Reactor,
    record: &Rc<Record>,
    kind: Kind,
    target: Address,
    dice: &mut Dice,
) -> io::Result<()> {
    let talker = Talker::boxed(world, record);
    let options = ConnectOptions::new().timeout(match dice.below(4) {
        0 => Duration::from_micros(dice.pick(&[0, 100, 3000, 20_000])),
        _ => Duration::from_secs(10),
    });
    let deferred = match (target, kind) {
        #[cfg(feature = "tls")]
        (Address::Inet(address), Kind::Tls) => {
            // A handshake that takes too long ends what has begun.
            record.done.cancel.set(true);
            let client = trust::client().map_err(io::Error::other)?;
            let (host, port) = (address.ip().to_string(), address.port());
            reactor.connect_tls_with(&host, port, options, client, talker)
        }
        (Address::Inet(address), _) => {
            let (host, port) = (address.ip().to_string(), address.port());
            reactor.connect_tcp_with(&host, port, options, talker)
        }
        #[cfg(unix)]
        (Address::Unix(path), _) => reactor.connect_unix_with(path, options, talker),
        _ => return Ok(()),
    };
    // Whoever cancels what is done does nothing.
    world.attempts.put(deferred.canceller());
    let asked = Rc::clone(record);
    world.await_outcome(deferred, move |world, is_made| {
        let was_made = asked.made.get() == 1;
        // A protocol that panics when it is told of its connection has none.
        let may_fail = asked.done.cancel.get() || asked.done.panic.get();
        if is_made != was_made && !(was_made && may_fail) {
            world.complain(format!("connected: {is_made}, but {}", asked.story()));
        }
    });
    Ok(())
}
