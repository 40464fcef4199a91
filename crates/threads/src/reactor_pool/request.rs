//! How a pool that another thread has made comes to be tied on the reactor thread.

use super::{ReactorPool, stage::Stage, ties};
use ropewalk_reactor::{Reactor, ReactorHandle};
use std::sync::Arc;

/// On its way to the reactor thread, to have a loose pool tied there.
pub(super) struct TieRequest {
    pub(super) shared: Arc<ReactorPool>,
    pub(super) number: u64,
}

impl TieRequest {
    pub(super) fn send(self, handle: &ReactorHandle) {
        let (shared, number) = (Arc::clone(&self.shared), self.number);
        match handle.call_from_thread(move |reactor| self.grant(reactor)) {
            Ok(()) => shared.with(|state| state.ask(number)),
            Err(refused) => {
                // The run has ended since: what other threads have handed in already, runs.
                shared.close_loose(number);
                drop(refused);
            }
        }
    }

    fn grant(self, reactor: &Reactor) {
        self.shared.see_to(reactor, self.number);
    }

    fn leave_to_the_next_run(&self, reactor: &Reactor) -> bool {
        let is_own = Arc::ptr_eq(&self.shared, &reactor.handle().shared::<ReactorPool>());
        let lives = is_own && !reactor.is_dropped();
        if lives && self.shared.with(|state| state.tie(self.number)) {
            ties::tie(reactor);
        }
        lives
    }
}

impl Drop for TieRequest {
    /// If it was not granted: after a crash the pool is tied to the next run; but if the reactor was
    /// dropped, the pool is given up, and so are the jobs that wait in it.
    fn drop(&mut self) {
        let number = self.number;
        let is_loose = || self.shared.with(|state| state.is_loose(number));
        let tied = is_loose()
            && Reactor::with_current(|reactor| self.leave_to_the_next_run(reactor)) == Some(true);
        if tied {
            return;
        }
        let _before =
            self.shared.with(|state| state.is_loose(number).then(|| state.enter(Stage::Unmade)));
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::TieRequest;
    use crate::reactor_pool::{Found, ReactorPool, Tie};
    use ropewalk_reactor::Reactor;
    use ropewalk_testing::{DEADLINE, within};
    use ropewalk_threadpool::SubmitErrorKind;
    use std::sync::mpsc::channel;

    /// The pool as a foreign thread has made it, and the request that it has not sent yet.
    fn made(reactor: &Reactor) -> (Found, TieRequest) {
        let handle = reactor.handle();
        let shared = handle.shared::<ReactorPool>();
        let found = shared.get(&handle);
        let number = found.number;
        (found, TieRequest { shared, number })
    }

    /// A foreign thread makes the pool, and the run ends before it has asked to have it tied.
    #[test]
    fn i2_a_pool_that_the_end_of_a_run_leaves_loose_is_closed_by_who_made_it() {
        within(DEADLINE, || {
            let reactor = Reactor::new().unwrap();
            let (found, request) = made(&reactor);
            let other = request.shared.get(&reactor.handle()).pool;
            let (sender, receiver) = channel();
            other.call_in_thread(move || sender.send("ran").unwrap()).unwrap();
            reactor.stop();
            reactor.run().unwrap();
            request.send(&reactor.handle());
            assert_eq!(
                found.pool.call_in_thread(|| ()).unwrap_err().kind(),
                SubmitErrorKind::Stopped
            );
            assert_eq!(receiver.recv().unwrap(), "ran");
        });
    }

    /// As above, but the reactor runs again, and has tied the pool itself in the meantime.
    #[test]
    fn i2_a_late_request_leaves_a_pool_alone_that_is_tied() {
        within(DEADLINE, || {
            let reactor = Reactor::new().unwrap();
            let (_, request) = made(&reactor);
            let pool = ReactorPool::of(&reactor);
            request.send(&reactor.handle());
            let (sender, receiver) = channel();
            pool.call_in_thread(move || sender.send("ran").unwrap()).unwrap();
            reactor.stop();
            reactor.run().unwrap();
            assert_eq!(receiver.try_recv().unwrap(), "ran");
        });
    }

    /// A foreign thread makes the pool, and another one is faster to hand in a job, and to stop.
    #[test]
    fn i2_a_job_that_overtakes_who_made_the_pool_has_run_when_the_run_is_over() {
        within(DEADLINE, || {
            let reactor = Reactor::new().unwrap();
            let (handle, (_, request)) = (reactor.handle(), made(&reactor));
            let (sender, receiver) = channel();
            let job = move || sender.send("ran").unwrap();
            assert!(ReactorPool::submit(&handle, job).is_ok());
            assert_eq!(
                request.shared.get(&handle).tie,
                Tie::Asked,
                "one accepted request is enough"
            );
            reactor.stop();
            reactor.run().unwrap();
            assert_eq!(receiver.try_recv(), Ok("ran"));
            request.send(&handle);
        });
    }
}
