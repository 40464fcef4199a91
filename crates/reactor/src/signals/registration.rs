//! Callbacks for signals.
//!
//! The handler itself does the least that is allowed there: it writes one byte into a socket pair.
//! The other end is a source of the reactor like any other. A handler is out of use as soon as its
//! registration or its reactor is dropped, whichever is first: so both of them can take it.

use super::process::{Handler, Name};
use crate::lending::WeakReactor;
use crate::panics;
use crate::reactor::Reactor;
use crate::source::{Interest, Registration};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;
use std::panic::Location;
use std::rc::Rc;

/// A callback that listens to a signal, and the right to end that.
///
/// Made by [`Reactor::on_signal`]. Dropping it ends the listening at once, at any time, also from
/// inside the callback; [`detach`](Self::detach) leaves it to the reactor.
///
/// # Threads
///
/// Reactor thread; it is neither `Send` nor `Sync`.
#[must_use = "dropping it ends the listening; `detach` leaves it to the reactor"]
pub struct SignalRegistration {
    signal: i32,
    reactor: WeakReactor,
    installed: Rc<Installed>,
    pipe: Registration<UnixStream>,
}

/// The handler, as long as both the registration and the reactor are there.
struct Installed(Cell<Option<Handler>>);

impl Installed {
    fn end(&self) {
        drop(self.0.take());
    }
}

/// Those that go with the reactor alone.
#[derive(Default)]
struct Detached(RefCell<Vec<SignalRegistration>>);

impl SignalRegistration {
    /// The number of the signal.
    #[must_use]
    pub fn signal(&self) -> i32 {
        self.signal
    }

    /// Listens until the reactor is dropped.
    pub fn detach(self) {
        let reactor = self.reactor.clone();
        reactor.with(|reactor| reactor.local::<Detached>().0.borrow_mut().push(self));
    }

    /// How many signals wait that nobody has heard; they are not heard any more.
    pub(super) fn missed(&self) -> usize {
        drained(self.pipe.source())
    }
}

impl Drop for SignalRegistration {
    fn drop(&mut self) {
        // Before the pipe closes: nobody writes into a pipe whose other end is gone.
        self.installed.end();
    }
}

impl fmt::Debug for SignalRegistration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignalRegistration").field("signal", &self.signal).finish_non_exhaustive()
    }
}

/// What the loop holds: it goes with the registration, or with the whole reactor.
struct Heard<F> {
    installed: Rc<Installed>,
    location: &'static Location<'static>,
    callback: F,
}

impl<F: FnMut(&Reactor, usize)> Heard<F> {
    fn hear(&mut self, reactor: &Reactor, pipe: &UnixStream) {
        let count = drained(pipe);
        if count > 0 {
            let Self { location, callback, .. } = self;
            reactor.contain("a signal's callback", location, || {
                reactor.timed("signal", location, || callback(reactor, count));
            });
        }
    }
}

impl<F> Drop for Heard<F> {
    fn drop(&mut self) {
        self.installed.end();
    }
}

/// Empties the pipe: how many signals were in it.
fn drained(mut pipe: &UnixStream) -> usize {
    let mut bytes = [0; 16];
    std::iter::from_fn(|| pipe.read(&mut bytes).ok().filter(|&count| count > 0)).sum()
}

/// Listens to `signal`. The callback is told how many have come; `beside` hears them too.
pub(super) fn listen(
    reactor: &Reactor,
    signal: i32,
    beside: Option<UnixStream>,
    location: &'static Location<'static>,
    callback: impl FnMut(&Reactor, usize) + 'static,
) -> io::Result<SignalRegistration> {
    let (sender, receiver) = UnixStream::pair()?;
    receiver.set_nonblocking(true)?;
    let handler = Handler::install(signal, std::iter::once(sender).chain(beside))?;
    let installed = Rc::new(Installed(Cell::new(Some(handler))));
    let mut heard = Heard { installed: Rc::clone(&installed), location, callback };
    let pipe =
        reactor.register_at(receiver, Interest::READABLE, location, move |reactor, pipe, _| {
            heard.hear(reactor, pipe);
        })?;
    Ok(SignalRegistration { signal, reactor: reactor.downgrade(), installed, pipe })
}

impl Reactor {
    /// Calls `callback` on the reactor thread when the process gets `signal`, a number such as
    /// [`signal::SIGHUP`](crate::signal::SIGHUP).
    ///
    /// Any number of callbacks, and of reactors, may listen to one signal: each hears it. It does
    /// not matter which thread the signal was sent to. A signal is not a message: several that come
    /// before the callback has run are one call of it. What comes while the reactor does not run is
    /// one call in its next run. A callback that panics stays registered and is called again.
    ///
    /// As long as anybody listens, the signal does not do what it does by default, such as ending
    /// the process; a handler that was there before is called first. One that was ignored is heard as
    /// well: SIGHUP under `nohup`, SIGINT in a background job of a shell script. When the last
    /// registration is dropped, or its reactor, the signal does again what it did before.
    ///
    /// # Threads
    ///
    /// Reactor thread, which need not be the main thread.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a number that is no signal, and for a
    /// signal that cannot be listened for: SIGKILL and SIGSTOP cannot be caught, and no program can
    /// go on after SIGSEGV, SIGILL and SIGFPE. Else what the operating system says when it has no
    /// descriptors left.
    ///
    /// # Notes
    ///
    /// What a signal did before is looked up when the process listens to it for the first time, on
    /// Linux; elsewhere it is taken to be the default action. A handler that is installed later,
    /// through signal-hook, beside those of a reactor, does not keep the default action from coming
    /// back with the last of those: let such code listen first.
    ///
    /// A registration does not survive a `fork`: the child shares the pipe that the reactor reads, so
    /// a signal sent to the child calls back in the parent. Fork first and make reactors after that,
    /// or call `exec` at once; [`Command`](std::process::Command) does, and is fine.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::{Reactor, signal::SIGHUP};
    ///
    /// let reactor = Reactor::new()?;
    /// let reload = reactor.on_signal(SIGHUP, |reactor| {
    ///     println!("reading the settings again");
    ///     reactor.stop();
    /// })?;
    /// reactor.call_soon(|_| signal_hook::low_level::raise(SIGHUP).unwrap());
    /// reactor.run().unwrap();
    /// drop(reload);
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn on_signal(
        &self,
        signal: i32,
        mut callback: impl FnMut(&Self) + 'static,
    ) -> io::Result<SignalRegistration> {
        let location = Location::caller();
        let registration =
            listen(self, signal, None, location, move |reactor, _| callback(reactor))?;
        // It listens whatever a subscriber makes of it.
        panics::tell(|| {
            tracing::debug!(signal = %Name(signal), %location, "listening to a signal");
        });
        Ok(registration)
    }
}
