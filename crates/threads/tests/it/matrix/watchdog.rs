//! A thread that ends the process if a cell of the matrix hangs, and names it.

use crate::matrix::table::Cell;
use std::io::Write as _;
use std::process;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::Builder;
use std::time::Duration;

/// A thousand times what a cell takes.
const LIMIT: Duration = Duration::from_secs(2);

/// Dropping it ends the watch.
pub(crate) struct Watchdog(Sender<String>);

impl Watchdog {
    pub(crate) fn new() -> Self {
        let (sender, cells) = channel::<String>();
        let watch = move || {
            let mut cell = "the first cell".to_owned();
            loop {
                match cells.recv_timeout(LIMIT) {
                    Ok(next) => cell = next,
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => break,
                }
            }
            // Not `eprintln!`: the harness would capture it, and the process is about to end.
            let _ = writeln!(
                std::io::stderr(),
                "the shutdown matrix hangs for {LIMIT:?} in this cell: {cell}"
            );
            process::abort();
        };
        Builder::new().name("matrix-watchdog".to_owned()).spawn(watch).unwrap();
        Self(sender)
    }

    /// The cell before has ended, and this one begins.
    pub(crate) fn watch(&self, cell: &Cell) {
        self.0.send(cell.to_string()).unwrap();
    }
}
