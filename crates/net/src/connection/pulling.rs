//! A connection from which tasks read, and to which they write, whenever they want to.
//!
//! There is no protocol to be told of bytes: they go from the carrier straight into the buffer of whoever
//! reads, and from that of whoever writes straight to the carrier. What is kept here is who waits, so
//! that the loop can wake them. All else, the end above all, is as with any other connection.
//!
//! Somebody who waits to write counts as one byte that is unsent: so a shutdown waits for him as it
//! waits for what a protocol has written.

use super::backed_up::{BackedUp, Then};
use super::hint::Hint;
use super::{Connection, State, Writing, is_transient};
use crate::carrier::Close;
use crate::parting::{drop_alone, wake_each};
use crate::{ConnectionLost, Protocol, Transport};
use std::cell::Cell;
use std::io::{self, IoSlice};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

pub(super) struct Pulling {
    /// Only the latest of each kind: a stream has one reader and one writer.
    reader: Cell<Option<Waker>>,
    writer: Cell<Option<Waker>>,
    reading: Cell<Hint>,
    writing: Cell<Hint>,
    backed_up: Cell<BackedUp>,
    /// Why nothing can be sent any more. What has come before may still be read.
    broken: Cell<Option<Arc<io::Error>>>,
}

impl Default for Pulling {
    fn default() -> Self {
        Self {
            reader: Cell::default(),
            writer: Cell::default(),
            reading: Cell::new(Hint::UNKNOWN),
            writing: Cell::new(Hint::UNKNOWN),
            backed_up: Cell::new(BackedUp::No),
            broken: Cell::default(),
        }
    }
}

impl Pulling {
    fn broken(&self) -> Option<ConnectionLost> {
        let error = self.broken.take();
        self.broken.set(error.clone());
        error.map(ConnectionLost::Lost)
    }

    /// What the loop is to tell: of something to read, and of room.
    pub(super) fn wanted(&self) -> (bool, bool) {
        let waits = self.backed_up.get().is_any();
        (self.reading.get().is_watched(), waits && self.writing.get().is_watched())
    }

    /// What those who wait to write count for, in bytes.
    pub(super) fn backlog(&self) -> usize {
        usize::from(self.backed_up.get().is_any())
    }

    /// Nobody waits to write.
    pub(super) fn forget_backlog(&self) {
        self.backed_up.set(BackedUp::No);
    }
}

/// The protocol of such a connection: what it is told it passes on to those who wait.
pub(crate) struct Pulled;

impl Protocol for Pulled {
    fn connection_made(&mut self, transport: &Transport) {
        let extra = transport.connection().extra();
        extra.pulling.get_or_init(Box::default);
    }

    fn handshake_completed(&mut self, transport: &Transport) {
        // What came with the end of the handshake is in the carrier, and no event will tell.
        transport.connection().wake_all();
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) {}

    fn write_done(&mut self, transport: &Transport) {
        transport.connection().wake_all();
    }

    fn connection_lost(&mut self, transport: &Transport, _: &ConnectionLost) {
        transport.connection().wake_all();
    }
}

impl Connection {
    pub(super) fn pulling(&self) -> Option<&Pulling> {
        self.extra.get().and_then(|extra| extra.pulling.get().map(|pulling| &**pulling))
    }

    /// The carrier can be read from, or written to.
    pub(super) fn tell_tasks(self: &Rc<Self>, pulling: &Pulling, readable: bool, writable: bool) {
        let is_opening = self.is_opening();
        if self.unsent() > 0 && writable || readable && is_opening {
            self.send();
            if self.is_dead() {
                return;
            }
        }
        // Both are said of a socket that is broken, whether or not somebody has asked.
        let tells_reader = readable && !is_opening;
        let tells_writer = writable && pulling.backed_up.get() == BackedUp::Waits;
        update(&pulling.writing, Hint::refill);
        let silence = tells_reader && update(&pulling.reading, Hint::tell);
        let silence = tells_writer && update(&pulling.writing, Hint::tell) || silence;
        if silence {
            self.watch();
        }
        if tells_reader {
            self.wake(&pulling.reader);
        }
        if tells_writer {
            self.wake_writer(pulling);
        }
    }

    /// Reads into `buffer`; `Ok(0)` is the end of what the peer sends.
    pub(crate) fn poll_read(
        self: &Rc<Self>,
        context: &Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let Some(pulling) = self.pulling() else { return self.ended() };
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        loop {
            if self.peer_is_done.get() {
                return Poll::Ready(Ok(0));
            }
            if !self.is_open() {
                return self.ended();
            }
            if self.is_opening() || !update(&pulling.reading, Hint::take) {
                break;
            }
            match self.read(buffer) {
                Ok(0) => match pulling.broken() {
                    // A reset is said once: whoever wrote has heard it, and this is not the end.
                    Some(reason) => self.end_later(reason),
                    None => self.peer_has_said_all(),
                },
                Ok(count) => {
                    if count < buffer.len() && !self.holds_back() {
                        update(&pulling.reading, Hint::used_up);
                    }
                    return Poll::Ready(Ok(count));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !self.has_opened() {
                        break;
                    }
                    self.opened();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.end_later(ConnectionLost::Lost(Arc::new(error))),
            }
        }
        keep(&pulling.reader, context);
        if update(&pulling.reading, Hint::wait) {
            self.watch();
        }
        self.read_later();
        Poll::Pending
    }

    /// Writes what there is room for.
    pub(crate) fn poll_write(
        self: &Rc<Self>,
        context: &Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Some(pulling) = self.pulling() else { return self.ended() };
        self.may_send(pulling)?;
        if slices.iter().all(|slice| slice.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        // What a protocol has left behind goes first.
        while self.outgoing.borrow().len() == 0 && update(&pulling.writing, Hint::take_anyway) {
            let before = self.buffered();
            let written = self.write_some(slices);
            let after = self.buffered();
            if after != before {
                self.carrier.backlog(before, after);
                self.watch();
            }
            match written {
                Ok(count) => {
                    if pulling.backed_up.get().is_any() {
                        self.carrier.backlog(after + count, after);
                        pulling.backed_up.set(BackedUp::Served);
                        self.schedule();
                    }
                    return Poll::Ready(Ok(count));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if is_transient(&error) => {}
                Err(error) => {
                    pulling.broken.set(Some(Arc::new(error)));
                    self.writing.set(Writing::Ended);
                    self.clear();
                    self.watch();
                    return self.may_send(pulling).map(|()| 0).into();
                }
            }
        }
        let before = self.buffered();
        if pulling.backed_up.replace(BackedUp::Waits) == BackedUp::No {
            self.carrier.backlog(before, before + 1);
        }
        keep(&pulling.writer, context);
        update(&pulling.writing, Hint::wait);
        self.watch();
        Poll::Pending
    }

    /// Waits until the carrier holds nothing any more.
    pub(crate) fn poll_flush(self: &Rc<Self>, context: &Context<'_>) -> Poll<io::Result<()>> {
        let Some(pulling) = self.pulling() else { return self.ended() };
        if let Some(reason) = pulling.broken() {
            return Poll::Ready(Err(reason.into()));
        }
        // The one who writes asks for this, and so does not wait to write, even if he did.
        if self.is_alive() {
            self.end_backlog(pulling);
        }
        match self.state.get() {
            State::Open | State::Closing if self.unsent() == 0 => Poll::Ready(Ok(())),
            State::Open | State::Closing => {
                keep(&pulling.writer, context);
                Poll::Pending
            }
            State::Ended | State::Dead if self.writing.get() == Writing::Ended => {
                Poll::Ready(Ok(()))
            }
            State::Ended | State::Dead => self.ended(),
        }
    }

    /// Says that nothing more comes, when all is sent.
    pub(crate) fn poll_close(self: &Rc<Self>, context: &Context<'_>) -> Poll<io::Result<()>> {
        let Some(pulling) = self.pulling() else { return self.ended() };
        if let Some(reason) = pulling.broken() {
            return Poll::Ready(Err(reason.into()));
        }
        if self.is_open() && self.writing.get() == Writing::Open {
            self.end_backlog(pulling);
            self.writing.set(Writing::Ending);
            self.wind_up();
        }
        match (self.state.get(), self.writing.get()) {
            (_, Writing::Ended) => Poll::Ready(Ok(())),
            (State::Open | State::Closing, _) => {
                keep(&pulling.writer, context);
                Poll::Pending
            }
            (State::Ended | State::Dead, _) => self.ended(),
        }
    }

    /// Nobody will read or write any more.
    pub(crate) fn let_go(self: &Rc<Self>) {
        let Some(pulling) = self.pulling() else { return };
        let waiting = [pulling.reader.take(), pulling.writer.take()];
        if self.is_alive() {
            self.end_backlog(pulling);
        }
        let said_goodbye = self.writing.get() != Writing::Open && pulling.broken().is_none();
        if self.is_open() && said_goodbye {
            self.lose();
        } else if self.is_open() {
            // In the middle of something. With TLS it does not look like a regular end, without the
            // goodbye; in plain it does, as when any socket is dropped.
            if let Err(panicked) = self.bury(ConnectionLost::Aborted, Some(Close::Now)) {
                self.report(&panicked);
            }
        }
        // A task that panics may be what drops the stream.
        for waker in waiting.into_iter().flatten() {
            drop_alone(waker, self.location);
        }
    }

    /// A turn has passed for who waits to write, or did.
    pub(super) fn settle_tasks(self: &Rc<Self>) {
        let Some(pulling) = self.pulling().filter(|_| self.is_alive()) else { return };
        match update(&pulling.backed_up, BackedUp::turn) {
            Then::Nothing => {}
            Then::End => self.end_backlog(pulling),
            Then::Look => self.schedule(),
        }
    }

    /// Wakes who waits to write, whether or not there is said to be room.
    pub(super) fn push_tasks(self: &Rc<Self>) {
        if let Some(pulling) = self.pulling() {
            self.wake_writer(pulling);
        }
    }

    /// Wakes who waits until everything is sent.
    pub(super) fn tell_tasks_of_room(self: &Rc<Self>) {
        if let Some(pulling) = self.pulling() {
            if self.unsent() == 0 && pulling.backed_up.get() != BackedUp::Waits {
                self.wake(&pulling.writer);
            }
        }
    }

    fn end_backlog(self: &Rc<Self>, pulling: &Pulling) {
        let before = self.buffered();
        pulling.forget_backlog();
        let after = self.buffered();
        if after < before {
            self.carrier.backlog(before, after);
            self.watch();
        }
    }

    fn peer_has_said_all(self: &Rc<Self>) {
        self.peer_is_done.set(true);
        self.watch();
        self.wind_up();
    }

    fn may_send(&self, pulling: &Pulling) -> io::Result<()> {
        if let Some(reason) = pulling.broken() {
            return Err(reason.into());
        }
        match (self.state.get(), self.writing.get()) {
            (State::Open, Writing::Open) => Ok(()),
            (_, Writing::Ending | Writing::Ended) => {
                Err(io::Error::new(io::ErrorKind::BrokenPipe, "this half of the stream is closed"))
            }
            _ => Err(self.why_it_ends().into()),
        }
    }

    fn ended<T>(&self) -> Poll<io::Result<T>> {
        Poll::Ready(Err(self.why_it_ends().into()))
    }

    /// Wakes all, whatever they wait for: it is the loop's, or its carrier's, that something is new.
    fn wake_all(self: &Rc<Self>) {
        let Some(pulling) = self.pulling() else { return };
        // After the end the carrier watches for itself.
        if update(&pulling.reading, Hint::tell) && self.is_alive() {
            self.watch();
        }
        let waiting = [pulling.reader.take(), pulling.writer.take()];
        self.contain(wake_each(waiting.into_iter().flatten(), self.location));
    }

    /// Wakes who waits to write, and sees to it later whether he has come.
    fn wake_writer(self: &Rc<Self>, pulling: &Pulling) {
        if update(&pulling.backed_up, BackedUp::wake) {
            self.schedule();
        }
        self.wake(&pulling.writer);
    }

    /// The waker belongs to somebody's executor.
    fn wake(self: &Rc<Self>, waiting: &Cell<Option<Waker>>) {
        self.contain(wake_each(waiting.take(), self.location));
    }
}

fn update<T: Copy, R>(cell: &Cell<T>, f: impl FnOnce(&mut T) -> R) -> R {
    let mut now = cell.get();
    let result = f(&mut now);
    cell.set(now);
    result
}

/// Keeps the waker, unless it is there already. What was there is dropped when it is gone from here.
fn keep(waiting: &Cell<Option<Waker>>, context: &Context<'_>) {
    let kept = waiting.take().filter(|waker| waker.will_wake(context.waker()));
    waiting.set(Some(kept.unwrap_or_else(|| context.waker().clone())));
}
