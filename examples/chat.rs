//! A chat room behind a Unix socket: everybody has a name, and hears what is said.
//!
//! The room is a map that all connections share: one thread serves them, one at a time, and there is
//! nothing to lock. A line for all is one piece of memory; and who does not read is thrown out.
//!
//! Run it: `cargo run --example chat`, or serve it at a place of your own, such as `unix:room.sock`.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use ropewalk::net::{
    Address, AnyClientEndpoint, Bytes, ConnectionLost, LineProtocol, LineReceiver, Transport,
    client_from_string, server_from_string,
};
use ropewalk::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Who is there, by name.
type Room = Rc<RefCell<BTreeMap<String, Transport>>>;

fn tell(room: &Room, text: &str) {
    let line = Bytes::from(format!("{text}\n"));
    for transport in room.borrow().values() {
        transport.write_owned(line.clone());
    }
}

/// One connection of the server: nobody yet, as long as it has no name.
struct Visitor {
    room: Room,
    name: Option<String>,
}

impl LineProtocol for Visitor {
    fn connection_made(&mut self, transport: &Transport) {
        transport.set_max_buffered(1024 * 1024);
        transport.write(b"who are you?\n");
    }

    fn line_received(&mut self, transport: &Transport, line: &[u8]) {
        let said = String::from_utf8_lossy(line).into_owned();
        match &self.name {
            _ if said == "/quit" => transport.lose_connection(),
            Some(name) => tell(&self.room, &format!("{name}: {said}")),
            None if self.room.borrow().contains_key(&said) => {
                transport.write(b"there is one: another?\n");
            }
            None => {
                self.room.borrow_mut().insert(said.clone(), transport.clone());
                tell(&self.room, &format!("* {said} is here"));
                self.name = Some(said);
            }
        }
    }

    fn connection_lost(&mut self, _: &Transport, _: &ConnectionLost) {
        if let Some(name) = self.name.take() {
            self.room.borrow_mut().remove(&name);
            tell(&self.room, &format!("* {name} has left"));
        }
    }
}

/// Who plays in the scene: what they wait to hear, and then say.
const SCENE: &[&[(&str, &str)]] = &[
    &[("who are you?", "ann"), ("* cleo is here", "tea?"), ("* ben has left", "/quit")],
    &[("who are you?", "ben"), ("ann: tea?", "yes!"), ("* cleo has left", "/quit")],
    &[("who are you?", "ben"), ("there is one: another?", "cleo"), ("ben: yes!", "/quit")],
];

/// A client that plays its part. The first one shows what it hears, and lets the others in.
struct Guest {
    part: usize,
    others: usize,
    place: AnyClientEndpoint,
}

fn enter(reactor: &Reactor, part: usize, place: AnyClientEndpoint) {
    let guest = LineReceiver::new(Guest { part, others: 0, place: place.clone() });
    reactor.connect(&place, guest).detach();
}

impl LineProtocol for Guest {
    fn line_received(&mut self, transport: &Transport, line: &[u8]) {
        if self.part == 0 {
            println!("{}", String::from_utf8_lossy(line));
        }
        if self.part == 0 && line.ends_with(b" is here") && self.others + 1 < SCENE.len() {
            self.others += 1;
            Reactor::with_current(|reactor| enter(reactor, self.others, self.place.clone()));
        }
        if let Some((_, says)) = SCENE[self.part].iter().find(|(cue, _)| cue.as_bytes() == line) {
            transport.write_owned(format!("{says}\n"));
        }
    }

    fn connection_lost(&mut self, _: &Transport, reason: &ConnectionLost) {
        if self.part == 0 {
            println!("{reason}");
            Reactor::with_current(Reactor::stop);
        }
    }
}

fn main() -> ropewalk::Result<()> {
    ropewalk_examples::init_tracing();
    let (reactor, room, given) = (Reactor::new()?, Room::default(), std::env::args().nth(1));
    let own = std::env::temp_dir().join(format!("ropewalk-chat-{}.sock", std::process::id()));
    let place = given.clone().unwrap_or_else(|| format!("unix:{}", own.display()));
    let _port = reactor.listen(&server_from_string(&place)?, move |_peer: Address| {
        LineReceiver::new(Visitor { room: Rc::clone(&room), name: None })
    })?;
    match given {
        Some(_) => reactor.stop_on_signals()?,
        None => enter(&reactor, 0, client_from_string(&place)?),
    }
    reactor.run()?;
    Ok(())
}
