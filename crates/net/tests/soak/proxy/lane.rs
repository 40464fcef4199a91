//! One direction of a wire.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

/// How much of it is on the way at most.
const ROOM: usize = 64 * 1024;

#[derive(Debug, Default)]
pub(super) struct Lane {
    on_the_way: Vec<u8>,
    is_at_its_end: bool,
    is_shut: bool,
    pub(super) stalled: Option<Instant>,
    /// So many bytes go one by one.
    pub(super) crumbs: usize,
    /// What comes is thrown away, and the other side has been told that it is the end.
    pub(super) is_cut: bool,
}

impl Lane {
    pub(super) fn is_over(&self) -> bool {
        self.is_at_its_end && (self.is_shut || self.is_cut)
    }

    /// Moves a little; how much it was.
    pub(super) fn pump(
        &mut self,
        mut from: &TcpStream,
        mut to: &TcpStream,
        is_calm: bool,
    ) -> io::Result<u64> {
        if self.stalled.is_some_and(|until| !is_calm && Instant::now() < until) {
            return Ok(0);
        }
        self.stalled = None;
        let mut moved = 0;
        if !self.is_at_its_end && self.on_the_way.len() < ROOM {
            let mut piece = [0; ROOM / 4];
            match from.read(&mut piece) {
                Ok(0) => {
                    self.is_at_its_end = true;
                    moved += 1;
                }
                Ok(count) => {
                    moved += count as u64;
                    self.on_the_way.extend(&piece[..count]);
                }
                Err(error) if is_transient(&error) => {}
                Err(error) => return Err(error),
            }
        }
        if self.is_cut {
            self.on_the_way.clear();
        } else if !self.on_the_way.is_empty() {
            let most = if self.crumbs > 0 && !is_calm { 1 } else { self.on_the_way.len() };
            match to.write(&self.on_the_way[..most]) {
                Ok(count) => {
                    self.crumbs = self.crumbs.saturating_sub(count);
                    self.on_the_way.drain(..count);
                    moved += count as u64;
                }
                Err(error) if is_transient(&error) => {}
                Err(error) => return Err(error),
            }
        } else if self.is_at_its_end && !self.is_shut {
            to.shutdown(Shutdown::Write)?;
            self.is_shut = true;
            moved += 1;
        }
        Ok(moved)
    }
}

pub(super) fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
