//! The chat itself: who is there, and what they are sent. It lives on the reactor thread.

use crate::store::{Line, Store};
use ropewalk::net::Transport;
use ropewalk::prelude::*;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A client that has so much still to read is not worth waiting for.
const SLOW: usize = 4 * 1024 * 1024;

pub(crate) struct Chat {
    store: Store,
    clients: RefCell<BTreeMap<u64, Transport>>,
    next_client: Cell<u64>,
    /// Stored since the start.
    stored: Cell<u64>,
    closing: Cell<bool>,
}

impl Chat {
    pub(crate) fn new(store: Store) -> Rc<Self> {
        Rc::new(Self {
            store,
            clients: RefCell::default(),
            next_client: Cell::new(1),
            stored: Cell::new(0),
            closing: Cell::new(false),
        })
    }

    pub(crate) fn database(&self) -> &Store {
        &self.store
    }

    /// A client comes; the number is for [`leave`](Self::leave).
    pub(crate) fn join(&self, transport: &Transport) -> u64 {
        let number = self.next_client.get();
        self.next_client.set(number + 1);
        self.clients.borrow_mut().insert(number, transport.clone());
        number
    }

    pub(crate) fn leave(&self, number: u64) {
        // Out of the borrow first.
        let left = self.clients.borrow_mut().remove(&number);
        drop(left);
    }

    /// Stores a line and then sends it to everybody: who sees it can rely on the database.
    pub(crate) fn store(
        self: &Rc<Self>,
        reactor: &Reactor,
        who: String,
        text: String,
    ) -> Deferred<Line> {
        if self.closing.get() {
            return Deferred::fail(anyhow::anyhow!("the chat is closing"));
        }
        let chat = Rc::clone(self);
        self.store.append(reactor, who, text).map(move |line| {
            chat.stored.set(chat.stored.get() + 1);
            chat.broadcast(&line.to_string());
            line
        })
    }

    pub(crate) fn broadcast(&self, text: &str) {
        let line = format!("{text}\n");
        let everybody: Vec<_> = self.clients.borrow().values().cloned().collect();
        for transport in everybody {
            transport.write(line.as_bytes());
            if transport.buffered() > SLOW {
                tracing::warn!(peer = %transport.peer(), "too slow: disconnected");
                transport.abort_connection();
            }
        }
    }

    /// No more lines are taken; those that were taken will still be stored and sent.
    pub(crate) fn close(&self) {
        self.closing.set(true);
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.get()
    }

    pub(crate) fn who(&self) -> String {
        let clients = self.clients.borrow();
        let peers: Vec<_> = clients.values().map(|client| client.peer().to_string()).collect();
        format!("{} clients: {}", peers.len(), peers.join(" "))
    }

    pub(crate) fn stats(&self, reactor: &Reactor) -> Deferred<String> {
        let clients = self.clients.borrow().len();
        let (stored, turns) = (self.stored.get(), reactor.stats().turns);
        let queued = self.store.pool().stats().queued;
        self.store.count(reactor).map(move |count| {
            format!(
                "{clients} clients, {stored} lines stored since the start, {count} in all, \
                 {queued} waiting, {turns} turns of the reactor"
            )
        })
    }
}
