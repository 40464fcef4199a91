//! One name that the system is asked for, and those who wait for the answer.
//!
//! A name that the system is at cannot be called off. If nobody wants it any more, and then somebody
//! asks again, who asks waits for the answer that is under way: otherwise a client that tries again
//! and again to reach a host whose name server is silent would soon have all threads wait for it.
//!
//! The answer comes back through a `Remote` of the question, which nothing else keeps: if there is no
//! way back any more, as after a crash, the question goes with it, and with it its promises.

use super::AddressFamily;
use crate::error::{ResolveError, ResolveErrorKind};
use ropewalk_deferred::{Deferred, Promise};
use ropewalk_reactor::Reactor;
use ropewalk_threadpool::{JobHandle, ThreadPool};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;

type Key = (String, AddressFamily);
pub(super) type UnderWay = RefCell<HashMap<Key, Weak<Question>>>;

/// What a thread does for a name.
pub(super) type Ask = Arc<dyn Fn(&str, AddressFamily) -> Found + Send + Sync>;
type Found = Result<Vec<SocketAddr>, ResolveErrorKind>;

/// One name that the system is asked for. It lives as long as somebody is to bring its answer.
pub(super) struct Question {
    key: Key,
    promises: Cell<Vec<Promise<Vec<SocketAddr>>>>,
    /// How many wait; those who gave up are among the promises still.
    wanted: Cell<usize>,
    job: Cell<Option<JobHandle>>,
    under_way: Rc<UnderWay>,
}

impl Question {
    pub(super) fn new(key: Key, under_way: Rc<UnderWay>) -> Rc<Self> {
        let question = Rc::new(Self {
            key,
            promises: Cell::default(),
            wanted: Cell::new(0),
            job: Cell::new(None),
            under_way,
        });
        let listed = Rc::downgrade(&question);
        question.under_way.borrow_mut().insert(question.key.clone(), listed);
        question
    }

    pub(super) fn join(self: &Rc<Self>) -> Deferred<Vec<SocketAddr>> {
        let weak = Rc::downgrade(self);
        let (promise, deferred) = Deferred::with_canceller(move || {
            if let Some(question) = weak.upgrade() {
                question.give_up();
            }
        });
        let mut promises = self.promises.take();
        promises.retain(|promise| !promise.is_cancelled());
        promises.push(promise);
        self.promises.set(promises);
        self.wanted.set(self.wanted.get() + 1);
        deferred
    }

    /// One of those who wait does so no more. With the last one, a name that is still queued is
    /// forgotten.
    fn give_up(&self) {
        self.wanted.set(self.wanted.get() - 1);
        if self.wanted.get() == 0 {
            if let Some(job) = self.job.take() {
                if job.cancel() {
                    self.unlist();
                } else {
                    self.job.set(Some(job));
                }
            }
        }
    }

    /// Has a thread ask the system.
    pub(super) fn put(self: &Rc<Self>, reactor: &Reactor, pool: &ThreadPool, ask: &Ask) {
        if self.wanted.get() == 0 {
            self.unlist();
            return;
        }
        let answer = reactor.share(Rc::clone(self));
        let ((name, family), ask) = (self.key.clone(), Arc::clone(ask));
        let submitted = pool.call_in_thread(move || {
            let result = ask(&name, family);
            // A reactor that has stopped has told those who waited.
            let _ = answer.call_from_thread(move |question, _| question.answered(&result));
        });
        match submitted {
            Ok(job) => self.job.set(Some(job)),
            Err(refused) => {
                self.answered(&Err(io::Error::other(refused.to_string()).into()));
            }
        }
    }

    fn answered(&self, result: &Found) {
        self.unlist();
        for promise in self.promises.take() {
            let result = result.clone();
            promise
                .settle(result.map_err(|kind| ResolveError::new(self.key.0.as_str(), kind).into()));
        }
    }

    /// Nobody can join this question any more.
    fn unlist(&self) {
        let mut under_way = self.under_way.borrow_mut();
        if under_way.get(&self.key).is_some_and(|weak| std::ptr::eq(weak.as_ptr(), self)) {
            under_way.remove(&self.key);
        }
    }
}
