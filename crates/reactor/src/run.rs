//! From the start to the stop: the life of one `run`.

use crate::clock;
use crate::core::Lifecycle;
use crate::error::RunError;
use crate::panics;
use crate::reactor::Reactor;
use crate::report::RunReport;
use crate::stopwatch::Kind;
use crate::triggers::{Phase, SystemEvent};
use std::time::Duration;

impl Reactor {
    /// Runs the loop on this thread until [`stop`](Self::stop).
    ///
    /// The order is: *before*, *during* and *after* triggers of the startup; turns; *before*
    /// triggers of the shutdown; more turns until each [`Hold`](crate::Hold) is dropped or the
    /// shutdown deadline passes; *during* and *after* triggers. Then no calls are accepted any
    /// more, those that were are run, and `run` returns, with what the crates above this one have to
    /// say of it. (After an error too: [`run_report`](Self::run_report).)
    ///
    /// A reactor can be run again. What was pending stays pending in between. Calls and jobs are
    /// refused in between, because nobody can know whether another run will come: who does know
    /// says so with [`accept_calls`](Self::accept_calls).
    ///
    /// # Threads
    ///
    /// Reactor thread, outside of callbacks.
    ///
    /// # Errors
    ///
    /// [`RunError`]: nested runs, an operating system that cannot wait, a shutdown that passed its
    /// deadline, a panic under [`PanicPolicy::Stop`](crate::PanicPolicy::Stop).
    ///
    /// Twisted: `run`.
    pub fn run(&self) -> Result<RunReport, RunError> {
        let entered = self.enter().ok_or(RunError::AlreadyRunning)?;
        let mut result = Ok(());
        if self.core.lifecycle.get() == Lifecycle::Idle {
            self.begin();
            result = self.start_up();
        }
        result = result.and_then(|()| self.run_to_the_end());
        self.end();
        if let Some((message, location)) = self.core.panic.take() {
            // It is why the run ended. What else went wrong on the way out is in the log.
            if let Err(error) = result {
                panics::tell(|| tracing::warn!(%error, "the shutdown after a panic failed, too"));
            }
            result = Err(RunError::Panicked { message, location });
        }
        panics::tell(|| tracing::debug!(stats = ?self.stats(), "reactor stopped"));
        drop(entered);
        result.map(|()| self.run_report())
    }

    /// Goes through the startup of [`run`](Self::run), and returns when the reactor is running; the
    /// turns are then made by hand.
    ///
    /// It is for a thread whose loop belongs to somebody else: that calls [`turn`](Self::turn) from
    /// now on, and in the end, after a [`stop`](Self::stop) (see [`stopping`](Self::stopping)), `run`,
    /// which goes on from here and so only shuts down. A reactor that is only turned, and was never
    /// started, runs no triggers and no jobs.
    ///
    /// # Threads
    ///
    /// Reactor thread, outside of callbacks.
    ///
    /// # Errors
    ///
    /// [`RunError::AlreadyRunning`] if the reactor runs, whoever turns it; [`RunError::Poll`] if the
    /// operating system cannot wait, as a [hold](crate::Hold) of the startup asks for.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::Reactor;
    /// use std::time::Duration;
    ///
    /// let reactor = Reactor::new()?;
    /// reactor.call_later(Duration::from_millis(1), |reactor| reactor.stop());
    /// reactor.start_running().unwrap();
    /// while !reactor.stopping() {
    ///     reactor.turn(None).unwrap(); // and whatever else this loop is for
    /// }
    /// reactor.run().unwrap();
    /// assert!(!reactor.running());
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// Twisted: `startRunning`.
    #[doc(alias = "startRunning")]
    pub fn start_running(&self) -> Result<(), RunError> {
        if self.core.lifecycle.get() != Lifecycle::Idle {
            return Err(RunError::AlreadyRunning);
        }
        let _entered = self.enter().ok_or(RunError::AlreadyRunning)?;
        self.begin();
        let started = self.start_up();
        if started.is_err() || self.core.dropped.get() {
            self.end();
            return started.and(Err(RunError::AlreadyRunning));
        }
        Ok(())
    }

    /// What the beginning of a run does before anybody hears of it.
    fn begin(&self) {
        self.core.crashed.set(false);
        self.clear_report();
        self.core.runs.set(self.core.runs.get().wrapping_add(1));
        if !self.core.shared.stop_requested() {
            // A panic in a turn by hand, after the last run, stopped nothing and is no news now.
            self.core.panic.take();
        }
        self.core.shared.open();
        self.release_all_shares();
        panics::tell(|| tracing::debug!("reactor started"));
    }

    /// Accepts calls and jobs again after a run, and keeps them for the next one, as before the
    /// first.
    ///
    /// Call it only if there will be a next run: whoever waits for an answer waits for that. Inside
    /// of a run it does nothing.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::Reactor;
    ///
    /// let reactor = Reactor::new()?;
    /// let handle = reactor.handle();
    /// for round in 1..=2 {
    ///     reactor.accept_calls();
    ///     handle.call_from_thread(move |reactor| {
    ///         println!("round {round}");
    ///         reactor.stop();
    ///     }).unwrap();
    ///     reactor.run().unwrap();
    /// }
    /// assert!(!handle.accepts_calls());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn accept_calls(&self) {
        if !self.core.entered.get() && !self.core.dropped.get() {
            self.core.shared.open();
        }
    }

    /// Asks the reactor to stop: it finishes the turn and then goes through its shutdown.
    ///
    /// It may be called any number of times. Before the first run it makes that run end after its
    /// first turn; after a run it does nothing, and the next run goes on until it is called anew. Who
    /// wants it kept for that run calls [`accept_calls`](Self::accept_calls) before it.
    ///
    /// # Threads
    ///
    /// Reactor thread; others use [`ReactorHandle::stop`](crate::ReactorHandle::stop).
    ///
    /// Twisted: `stop`.
    pub fn stop(&self) {
        self.core.shared.stop(false);
    }

    /// As [`stop`](Self::stop), and whoever holds the shutdown is not waited for any more.
    pub fn stop_now(&self) {
        self.core.shared.stop(true);
    }

    /// What [`shutdown_deadline`](crate::Builder::shutdown_deadline) was set to.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    #[must_use]
    pub fn shutdown_deadline(&self) -> Duration {
        self.core.shutdown_deadline
    }

    /// Whether the run is to end, by a stop or a [`crash`](Self::crash) that was asked for, and has not
    /// ended.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    #[must_use]
    pub fn stopping(&self) -> bool {
        let crashing = self.core.crashed.get() && self.core.lifecycle.get() != Lifecycle::Idle;
        crashing || self.core.shared.stop_requested()
    }

    /// Whether the shutdown has come so far that [`SystemEvent::Drain`] was fired. For crates that
    /// extend the reactor.
    #[doc(hidden)]
    #[must_use]
    pub fn draining(&self) -> bool {
        self.core.draining.get()
    }

    /// Ends the loop after this turn, with no shutdown triggers. Calls that wait are dropped. Before
    /// a run it is forgotten, unlike a [`stop`](Self::stop) before the first.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// Twisted: `crash`.
    pub fn crash(&self) {
        self.core.crashed.set(true);
        self.core.shared.nudge();
    }

    fn start_up(&self) -> Result<(), RunError> {
        let core = &self.core;
        core.lifecycle.set(Lifecycle::Changing);
        self.fire(SystemEvent::Startup, Phase::Before);
        while core.shared.holds.any(&[SystemEvent::Startup]) && !self.ends() {
            self.pass(None).map_err(RunError::Poll)?;
        }
        if core.dropped.get() {
            // By a trigger. It never runs.
            return Ok(());
        }
        core.lifecycle.set(Lifecycle::Running);
        self.fire(SystemEvent::Startup, Phase::During);
        self.fire(SystemEvent::Startup, Phase::After);
        Ok(())
    }

    fn run_to_the_end(&self) -> Result<(), RunError> {
        let core = &self.core;
        loop {
            // What has ended the startup's waiting has used up its nudge: nothing would wake us.
            let wait = self.ends().then_some(Duration::ZERO);
            self.pass(wait).map_err(RunError::Poll)?;
            if core.crashed.get() {
                return Ok(());
            }
            if core.shared.stop_requested() {
                break;
            }
        }
        self.shut_down()
    }

    fn ends(&self) -> bool {
        self.core.crashed.get() || self.core.shared.stop_requested()
    }

    fn shut_down(&self) -> Result<(), RunError> {
        let core = &self.core;
        panics::tell(|| tracing::debug!("reactor stopping"));
        let deadline = clock::deadline(self.now(), core.shutdown_deadline);
        self.fire(SystemEvent::Shutdown, Phase::Before);
        self.wait_for_holds(&[SystemEvent::Shutdown], deadline)?;
        if core.crashed.get() {
            return Ok(());
        }
        // Whoever held it may have needed the threads, several times over. Now these come to an end.
        core.draining.set(true);
        self.fire(SystemEvent::Drain, Phase::Before);
        self.wait_for_holds(&[SystemEvent::Shutdown, SystemEvent::Drain], deadline)?;
        if core.crashed.get() {
            return Ok(());
        }
        let cut_short = core.shared.stop_now_requested();
        // What is still held is named before the *during* triggers take things down. This is the look
        // that counts: another thread may have let go after the last one.
        let stuck = core.stuck();
        self.fire(SystemEvent::Shutdown, Phase::During);
        core.lifecycle.set(Lifecycle::Changing);
        self.fire(SystemEvent::Shutdown, Phase::After);
        self.run_last_calls();
        if stuck.is_empty() {
            return Ok(());
        }
        let holds = stuck.len();
        panics::tell(|| {
            if cut_short {
                tracing::warn!(holds, "the shutdown was cut short: it waits no longer");
            } else {
                tracing::warn!(holds, "the shutdown deadline passed");
            }
        });
        Err(RunError::ShutdownTimedOut(stuck))
    }

    /// Closes the intake and runs what was let in: each call that was accepted has its outcome (I2).
    fn run_last_calls(&self) {
        let core = &self.core;
        core.shared.close();
        self.start_watch();
        while let Some(location) = core.inbox.next_of_all() {
            core.counters.call();
            self.run_callback(Kind::Call, location, || core.inbox.run_next(self));
        }
    }

    /// What every end of a run has in common, also that of a crash.
    fn end(&self) {
        let core = &self.core;
        core.lifecycle.set(Lifecycle::Changing);
        core.shared.close();
        core.shared.forget_stop();
        while let Some(location) = core.inbox.next_of_all() {
            panics::tell(|| {
                tracing::warn!(%location, "a call was dropped: the run ended without a shutdown");
            });
            self.contain("dropping a call", location, || core.inbox.drop_next());
        }
        for phase in [Phase::Before, Phase::During, Phase::After] {
            self.fire(SystemEvent::End, phase);
        }
        core.draining.set(false);
        core.lifecycle.set(Lifecycle::Idle);
    }
}
