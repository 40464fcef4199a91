//! Standard output, which may block: a thread of its own writes it.
//!
//! Whoever reads the other end of the pipe may be slow, or gone. Neither may hold the reactor, the
//! console or the shutdown.

use std::io::Write as _;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

/// How long the end of the program waits for what is still to be written.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(crate) struct Output(Sender<Order>);

enum Order {
    Line(String),
    /// Everything before this is written when the sender is dropped.
    Tell(Sender<()>),
}

impl Output {
    pub(crate) fn start() -> std::io::Result<Self> {
        let (sender, orders) = channel();
        thread::Builder::new().name("output".to_owned()).spawn(move || {
            let mut stdout = std::io::stdout();
            for order in orders {
                match order {
                    // If nobody listens any more, there is nothing to be done about it.
                    Order::Line(line) => {
                        let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
                    }
                    Order::Tell(written) => drop(written),
                }
            }
        })?;
        Ok(Self(sender))
    }

    pub(crate) fn line(&self, text: impl Into<String>) {
        // The thread lives as long as this.
        let _ = self.0.send(Order::Line(text.into()));
    }

    /// Waits until everything is written, but not for ever.
    pub(crate) fn finish(self) {
        let (sender, written) = channel();
        let _ = self.0.send(Order::Tell(sender));
        let _ = written.recv_timeout(PATIENCE);
    }
}
