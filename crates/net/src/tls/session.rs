//! One TLS session between a connection and its socket.
//!
//! rustls does the work, and never sees the socket for longer than one call: what it has to send is
//! offered at the end of each, what came is given to it from memory. Both of its buffers are bounded;
//! what a connection has to send beyond that waits in the connection.
//!
//! - What was written before the session began goes out first, as it is.
//! - A read in which the handshake ends says `WouldBlock`, once, so that the connection can tell its
//!   protocol before it gets anything that came encrypted.
//! - An error is kept: whoever reads or writes after it gets it again.

mod sending;

#[cfg(test)]
mod driven;

use super::TlsInfo;
use super::error::{TlsError, TlsErrorKind};
use super::rustls::{self, Connection as Rustls};
use crate::buffer::Outgoing;
use crate::filter::{Filter, Wire};
use std::any::Any;
use std::cell::OnceCell;
use std::io::{self, BufRead as _, IoSlice, Read as _, Write as _};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How much rustls keeps of what it has to send: in plain while the handshake lasts, encrypted later.
const BUFFER: usize = 64 * 1024;

/// How much is encrypted in one call, for a socket that takes whatever it is given.
const WRITE_LIMIT: usize = 4 * BUFFER;

/// How much is read from the socket at once where the caller has no room for more.
const SCRATCH: usize = 4 * 1024;

/// How often a handshake reads in one call.
const ROUNDS: usize = 4;

/// How often a read does, at most: enough for one record, however small the pieces.
const RECORD_ROUNDS: usize = 16 * 1024 / SCRATCH + 1;

/// See the module.
pub(crate) struct Session {
    tls: Rustls,
    stage: Stage,
    /// Written before, and not encrypted.
    plain: Outgoing,
    /// Came from the socket, and was not given to rustls yet.
    ahead: Vec<u8>,
    /// Plaintext that waits for the end of the handshake.
    early: usize,
    /// What the socket has not taken of what was encrypted.
    encrypted: usize,
    /// The socket has no more.
    at_end: bool,
    /// It has filled what it was given to fill, and may have more.
    has_more: bool,
    /// There is something to read, or to say to whoever reads, that no event will tell of.
    held: bool,
    /// Nothing more is sent, for this reason.
    muted: Option<io::ErrorKind>,
    failure: Option<TlsError>,
    has_said_goodbye: bool,
    server_name: Option<String>,
    /// What was agreed on, when somebody has asked for it.
    info: OnceCell<TlsInfo>,
}

/// A session that is to begin.
pub(crate) struct Handshake {
    pub(super) tls: Rustls,
    /// What has come already and belongs to it.
    pub(super) ahead: Vec<u8>,
    /// The name that a client asks for.
    pub(super) server_name: Option<String>,
}

impl Handshake {
    /// `plain` is still to be sent, as it is.
    pub(crate) fn into_session(self, plain: Outgoing) -> Session {
        let Self { mut tls, ahead, server_name } = self;
        tls.set_buffer_limit(Some(BUFFER));
        Session {
            tls,
            stage: Stage::Opening,
            plain,
            held: !ahead.is_empty(),
            ahead,
            early: 0,
            encrypted: 0,
            at_end: false,
            has_more: false,
            muted: None,
            failure: None,
            has_said_goodbye: false,
            server_name,
            info: OnceCell::new(),
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Opening,
    /// The handshake has ended, and nobody has asked yet.
    Opened,
    Open,
}

impl Session {
    /// What the two sides have agreed on; nothing before the end of the handshake.
    pub(super) fn info(&self) -> Option<TlsInfo> {
        if self.tls.is_handshaking() {
            return None;
        }
        if let Some(info) = self.info.get() {
            return Some(info.clone());
        }
        let server_name = match &self.tls {
            Rustls::Client(_) => self.server_name.clone(),
            Rustls::Server(server) => server.server_name().map(str::to_owned),
        };
        let info = TlsInfo::new(&self.tls, server_name)?;
        Some(self.info.get_or_init(|| info).clone())
    }

    /// Reads from the socket, into `scratch`; the number of bytes, and 0 at its end.
    fn fetch(&mut self, wire: &mut dyn Wire, scratch: &mut [u8]) -> io::Result<usize> {
        self.has_more = false;
        let count = wire.read(scratch)?;
        self.has_more = count > 0 && count == scratch.len();
        if count == 0 && !scratch.is_empty() {
            self.at_end = true;
            // So rustls knows, too.
            self.tls.read_tls(&mut io::empty())?;
        }
        Ok(count)
    }

    /// Gives `came` to rustls, and what it makes of it to `out`; the number of bytes. What cannot be
    /// given yet is kept.
    fn decode(&mut self, mut came: &[u8], out: &mut [u8]) -> usize {
        let mut filled = 0;
        loop {
            if self.stage == Stage::Open {
                filled += self.tls.reader().read(&mut out[filled..]).unwrap_or(0);
            }
            let is_full = self.stage == Stage::Open && filled == out.len();
            let is_over = self.failure.is_some() || self.stage == Stage::Opened;
            if came.is_empty() || is_full || is_over {
                break;
            }
            match self.tls.read_tls(&mut came) {
                Ok(count) if count > 0 => self.process(),
                // Nothing is of interest behind the peer's close_notify. An error would be that of a
                // buffer of plaintext which is full; it was emptied just before.
                _ => came = &[],
            }
        }
        self.ahead = came.to_vec();
        filled
    }

    fn process(&mut self) {
        match self.understand() {
            Ok(_) if self.stage == Stage::Opening && !self.tls.is_handshaking() => {
                self.stage = Stage::Opened;
                // It is encrypted by now.
                self.early = 0;
            }
            Ok(state) if self.stage == Stage::Opening && state.peer_has_closed() => {
                self.failure = Some(TlsError::new(TlsErrorKind::Closed));
            }
            Ok(_) => {}
            Err(error) => {
                let begun = self.tls.protocol_version().is_some();
                let error = TlsError::from_rustls(error, begun);
                let is_late = self.stage == Stage::Open;
                self.failure = Some(if is_late { error.after_the_handshake() } else { error });
            }
        }
    }

    /// Has rustls read what came. Once this side has said goodbye, rustls asserts that it need not
    /// complain of anything any more, where assertions are compiled in. A peer can send what is to be
    /// complained of at any time, and its fault must not look like a bug of the protocol.
    fn understand(&mut self) -> Result<rustls::IoState, rustls::Error> {
        if !self.has_said_goodbye {
            return self.tls.process_new_packets();
        }
        let read = || self.tls.process_new_packets();
        catch_unwind(AssertUnwindSafe(read)).unwrap_or(Err(rustls::Error::DecryptError))
    }

    /// What a reader is told when there is nothing to read.
    fn verdict(&mut self) -> io::Result<usize> {
        if self.stage == Stage::Opening && self.at_end && self.failure.is_none() {
            self.failure = Some(TlsError::new(TlsErrorKind::Closed));
        }
        if let Some(error) = &self.failure {
            return Err(error.clone().into());
        }
        if self.stage != Stage::Open {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        match self.tls.reader().fill_buf() {
            Ok(_) => Ok(0),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the peer went away without a TLS goodbye: something may be missing",
            )),
            Err(error) => Err(error),
        }
    }

    /// Whether the next read has something to say without the socket.
    fn look_ahead(&mut self) {
        self.held = self.has_more
            || !self.ahead.is_empty()
            || self.failure.is_some()
            || match self.stage {
                Stage::Opening => self.at_end,
                Stage::Opened | Stage::Open => !matches!(
                    self.tls.reader().fill_buf(),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock
                ),
            };
    }
}

impl Filter for Session {
    fn read(&mut self, wire: &mut dyn Wire, buffer: &mut [u8]) -> io::Result<usize> {
        let mut small = [0; SCRATCH];
        // What comes from the socket and what becomes of it share the caller's buffer: there is never
        // more plaintext than there was ciphertext.
        let (out, scratch) = match buffer.len() / 2 {
            half if half >= SCRATCH => buffer.split_at_mut(half),
            _ => (buffer, small.as_mut_slice()),
        };
        let ahead = mem::take(&mut self.ahead);
        let mut filled = self.decode(&ahead, out);
        let mut moved = filled > 0;
        // A record may be longer than what is read at once, and says nothing before its end.
        for _ in 0..RECORD_ROUNDS {
            let may_fetch = self.stage != Stage::Opened && !self.at_end;
            if filled > 0 || !may_fetch || self.failure.is_some() {
                break;
            }
            match self.fetch(wire, scratch) {
                Ok(count) => {
                    filled = self.decode(&scratch[..count], out);
                    moved = true;
                    if !self.has_more {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        let flushed = self.flush_if_possible(wire);
        let result = if filled > 0 { Ok(filled) } else { self.verdict() };
        self.look_ahead();
        // A socket that takes nothing any more may still have the peer's last words, which say why.
        if !moved && self.failure.is_none() {
            flushed?;
        }
        result
    }

    fn unread(&mut self, received: &[u8]) {
        self.ahead.extend_from_slice(received);
        self.look_ahead();
    }

    fn write(&mut self, wire: &mut dyn Wire, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if let Some(error) = &self.failure {
            return Err(error.clone().into());
        }
        self.flush_if_possible(wire)?;
        let (mut one, mut many);
        let mut rest = match slices {
            [only] => {
                one = [*only];
                &mut one[..]
            }
            _ => {
                many = slices.to_vec();
                &mut many[..]
            }
        };
        let mut taken = 0;
        while taken < WRITE_LIMIT {
            // Small pieces share a record.
            let count = self.tls.writer().write_vectored(rest)?;
            taken += count;
            if self.tls.is_handshaking() {
                self.early += count;
            }
            IoSlice::advance_slices(&mut rest, count);
            self.flush_if_possible(wire)?;
            // On with it as long as the socket has room for all that is encrypted.
            if count == 0 || rest.is_empty() || self.tls.wants_write() {
                break;
            }
        }
        if taken == 0 && rest.iter().any(|slice| !slice.is_empty()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(taken)
    }

    fn advance(&mut self, wire: &mut dyn Wire) -> io::Result<()> {
        let mut scratch = [0; SCRATCH];
        for _ in 0..ROUNDS {
            if self.stage != Stage::Opening || self.failure.is_some() || self.at_end {
                break;
            }
            let ahead = mem::take(&mut self.ahead);
            if !ahead.is_empty() {
                self.decode(&ahead, &mut []);
                continue;
            }
            match self.fetch(wire, &mut scratch) {
                Ok(count) => self.decode(&scratch[..count], &mut []),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            };
        }
        let flushed = self.flush(wire);
        let verdict = match self.stage {
            Stage::Opening => self.verdict().map(|_| ()),
            Stage::Opened | Stage::Open => Ok(()),
        };
        self.look_ahead();
        match verdict {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            verdict => flushed.and(verdict),
        }
    }

    fn unsent(&self) -> usize {
        self.plain.len() + self.early + self.encrypted
    }

    fn forget_unsent(&mut self) {
        self.mute(io::ErrorKind::NotConnected);
    }

    fn wants_room(&self) -> bool {
        // What waits for the handshake is not helped by room.
        self.stage != Stage::Opening || self.tls.wants_write() || self.plain.len() > 0
    }

    fn is_opening(&self) -> bool {
        self.stage == Stage::Opening && self.failure.is_none()
    }

    fn has_opened(&mut self) -> bool {
        let has = self.stage == Stage::Opened;
        if has {
            self.stage = Stage::Open;
        }
        has
    }

    fn holds_back(&self) -> bool {
        self.held
    }

    fn say_goodbye(&mut self, wire: &mut dyn Wire) {
        self.tls.send_close_notify();
        self.has_said_goodbye = true;
        // What there is no room for now is unsent, and an error comes again.
        let _ = self.flush(wire);
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
