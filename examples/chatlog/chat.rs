//! The chat itself: who is there, and what they are sent. It lives on the reactor thread.

use crate::member::Member;
use crate::store::{Line, Store};
use ropewalk::net::{Bytes, Transport};
use ropewalk::prelude::*;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

pub(crate) struct Chat {
    store: Rc<Store>,
    members: RefCell<BTreeMap<u64, Rc<Member>>>,
    joined: Cell<u64>,
    /// Stored since the start.
    stored: Cell<u64>,
    closing: Cell<bool>,
}

impl Chat {
    pub(crate) fn new(store: Rc<Store>) -> Rc<Self> {
        Rc::new(Self {
            store,
            members: RefCell::default(),
            joined: Cell::new(0),
            stored: Cell::new(0),
            closing: Cell::new(false),
        })
    }

    pub(crate) fn database(&self) -> &Rc<Store> {
        &self.store
    }

    /// A client comes; the number is for [`leave`](Self::leave).
    pub(crate) fn join(&self, transport: &Transport) -> (u64, Rc<Member>) {
        let number = self.joined.get() + 1;
        self.joined.set(number);
        let member = Rc::new(Member::new(transport));
        self.members.borrow_mut().insert(number, Rc::clone(&member));
        (number, member)
    }

    pub(crate) fn leave(&self, number: u64) {
        // Out of the borrow first.
        let left = self.members.borrow_mut().remove(&number);
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
            return Deferred::fail(Failure::msg("the chat is closing"));
        }
        let chat = Rc::clone(self);
        self.store.append(reactor, who, text).map(move |line| {
            chat.stored.set(chat.stored.get() + 1);
            chat.broadcast(&line.to_string());
            line
        })
    }

    pub(crate) fn broadcast(&self, text: &str) {
        // One piece of memory, however many read it.
        let line = Bytes::from(format!("{text}\n"));
        let everybody: Vec<_> = self.members.borrow().values().cloned().collect();
        everybody.iter().for_each(|member| member.send(line.clone()));
    }

    /// No more lines are taken; those that were taken will still be stored and sent.
    pub(crate) fn close(&self) {
        self.closing.set(true);
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.get()
    }

    pub(crate) fn who(&self) -> String {
        let members = self.members.borrow();
        let peers: Vec<_> = members.values().map(|member| member.peer().to_string()).collect();
        format!("{} clients: {}", peers.len(), peers.join(" "))
    }

    pub(crate) fn stats(&self, reactor: &Reactor) -> Deferred<String> {
        let clients = self.members.borrow().len();
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
