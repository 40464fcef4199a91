//! What one end of a connection has said, heard and been told.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use ropewalk_net::{ConnectionLost, Transport};

use crate::pairs::Ends;
use crate::speech::{self, Speech};

/// Whether what goes this way may be lost: set by whoever loses something, before he does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Path {
    spoilt: Arc<AtomicBool>,
    /// Somebody stands between the two ends, and passes on one's end to the other in his own way.
    pub(crate) is_indirect: bool,
}

impl Path {
    pub(crate) fn spoil(&self) {
        self.spoilt.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_spoilt(&self) -> bool {
        self.spoilt.load(Ordering::SeqCst)
    }
}

/// What has been done to an end, so that its reason is no surprise.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) lose: Cell<bool>,
    pub(crate) abort: Cell<bool>,
    pub(crate) panic: Cell<bool>,
    pub(crate) max: Cell<bool>,
    pub(crate) cancel: Cell<bool>,
    /// The reactor was ending when it ended.
    pub(crate) reactor: Cell<bool>,
}

pub(crate) struct Record {
    pub(crate) number: u32,
    pub(crate) is_client: bool,
    pub(crate) port: usize,
    /// In which life it began.
    pub(crate) life: u64,
    pub(crate) speech: Speech,
    /// What the client knows of the way to the server.
    pub(crate) path: Path,
    pub(crate) done: Done,
    pub(crate) made: Cell<u32>,
    pub(crate) reason: RefCell<Option<ConnectionLost>>,
    /// Bytes, or messages.
    pub(crate) said: Cell<u64>,
    pub(crate) heard: Cell<u64>,
    /// Who has said what was heard.
    pub(crate) partner: Cell<Option<u32>>,
    pub(crate) ends: RefCell<Option<Ends>>,
    /// Who has the same addresses.
    pub(crate) mate: Cell<Option<u32>>,
    /// When it was told of its end.
    pub(crate) lost_at: Cell<Option<Instant>>,
    pub(crate) heard_end: Cell<bool>,
    pub(crate) write_done: Cell<bool>,
    pub(crate) transport: RefCell<Option<Transport>>,
    /// The bytes of a name that is not complete.
    name: Cell<u32>,
}

impl Record {
    pub(crate) fn new(
        (number, life): (u32, u64),
        is_client: bool,
        port: usize,
        speech: Speech,
        path: Path,
    ) -> Self {
        Self {
            number,
            is_client,
            port,
            life,
            speech,
            path,
            done: Done::default(),
            made: Cell::default(),
            reason: RefCell::default(),
            said: Cell::default(),
            heard: Cell::default(),
            partner: Cell::default(),
            ends: RefCell::default(),
            mate: Cell::default(),
            lost_at: Cell::default(),
            heard_end: Cell::default(),
            write_done: Cell::default(),
            transport: RefCell::default(),
            name: Cell::default(),
        }
    }

    /// The number of the other end, if it is known.
    pub(crate) fn other_end(&self) -> Option<u32> {
        self.partner.get().or(self.mate.get())
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.reason.borrow().is_some()
    }

    pub(crate) fn transport(&self) -> Option<Transport> {
        self.transport.borrow().clone()
    }

    /// Whether nobody has asked the connection to end, and nothing else has ended it.
    pub(crate) fn is_open(&self) -> bool {
        self.transport().is_some_and(|transport| transport.is_connected())
    }

    /// What is next to be said, of about `size` bytes; it is counted if the connection takes it.
    pub(crate) fn speak(&self, transport: &Transport, size: usize) -> Vec<u8> {
        let (words, now) = self.speech.next(self.number, self.said.get(), size);
        if transport.accepts_writes() {
            self.said.set(now);
        }
        words
    }

    /// Compares bytes that come with what is said by whoever says them.
    pub(crate) fn hear(&self, bytes: &[u8]) -> Result<(), String> {
        for &heard in bytes {
            let at = self.heard.get();
            self.heard.set(at + 1);
            if at < 4 {
                self.name.set(self.name.get() | u32::from(heard) << (8 * at));
                if at == 3 {
                    self.partner.set(Some(self.name.get()));
                }
            } else if speech::byte(self.name.get(), at) != heard {
                return Err(format!("the wrong byte {heard} at {at}"));
            }
        }
        Ok(())
    }

    pub(crate) fn hear_message(&self, message: &[u8]) -> Result<(), String> {
        let speaker = speech::speaker_of(message);
        let number = self.heard.get();
        self.heard.set(number + 1);
        if number == 0 {
            self.partner.set(speaker);
        }
        match self.partner.get() {
            Some(partner) if speech::message(partner, number) == message => Ok(()),
            _ => Err(format!("{:?} as number {number}", String::from_utf8_lossy(message))),
        }
    }

    pub(crate) fn story(&self) -> String {
        let Self { number, port, speech, done, said, heard, partner, heard_end, .. } = self;
        format!(
            "{} {number} of port {port} ({speech:?}) made {} reason {:?} said {} heard {} of {:?}, its \
             end {}, write done {} with {done:?} over {:?}, open {}",
            if self.is_client { "client" } else { "server" },
            self.made.get(),
            self.reason.borrow(),
            said.get(),
            heard.get(),
            (partner.get(), self.mate.get()),
            heard_end.get(),
            self.write_done.get(),
            self.path,
            self.is_open(),
        )
    }
}
