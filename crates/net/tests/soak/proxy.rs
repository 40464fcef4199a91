//! Somebody between the two ends, who does not know the code under test: a thread that moves bytes
//! from socket to socket, and does harm.

mod lane;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ropewalk_testing::soak::{Dice, lock};

use crate::plan::Plan;
use crate::record::Path;
use crate::world::narrow_port;
use wire::Wire;

/// It looks again after so long if there was nothing to move.
const NAP: Duration = Duration::from_micros(300);

/// What both threads know.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// No more harm.
    is_calm: AtomicBool,
    is_over: AtomicBool,
    /// Bytes, and everything else that was passed on.
    pub(crate) moved: AtomicU64,
    pub(crate) harms: AtomicU64,
}

impl Shared {
    pub(crate) fn is_calm(&self) -> bool {
        self.is_calm.load(Ordering::SeqCst)
    }
}

pub(crate) struct Proxy {
    shared: Arc<Shared>,
    wires: Sender<Wire>,
    harm: usize,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Proxy {
    pub(crate) fn start(plan: &Plan) -> io::Result<Self> {
        let (wires, incoming) = channel();
        let shared = Arc::<Shared>::default();
        let theirs = Arc::clone(&shared);
        let serve = move || serve(&theirs, &incoming);
        let thread = thread::Builder::new().name("soak-proxy".to_owned()).spawn(serve)?;
        Ok(Self { shared, wires, harm: plan.harm, thread: Mutex::new(Some(thread)) })
    }

    /// An address at which one connection to `target` is had, more or less.
    pub(crate) fn stand_before(
        &self,
        target: SocketAddr,
        path: &Path,
        dice: &mut Dice,
    ) -> io::Result<SocketAddr> {
        let listener = narrow_port()?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let wire = Wire::new(listener, target, path.clone(), self.harm, Dice::new(dice.number()));
        // It ends after us.
        let _ = self.wires.send(wire);
        Ok(address)
    }

    /// It does no more harm, or does so again.
    pub(crate) fn be_calm(&self, is_calm: bool) {
        self.shared.is_calm.store(is_calm, Ordering::SeqCst);
    }

    pub(crate) fn moved(&self) -> u64 {
        self.shared.moved.load(Ordering::SeqCst)
    }

    pub(crate) fn harms(&self) -> u64 {
        self.shared.harms.load(Ordering::SeqCst)
    }

    /// Closes everything.
    pub(crate) fn end(&self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        let thread = lock(&self.thread).take();
        // What it panics with is noticed by the rounds.
        let _ = thread.map(JoinHandle::join);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.end();
    }
}

fn serve(shared: &Shared, incoming: &Receiver<Wire>) {
    let mut wires = Vec::new();
    while !shared.is_over.load(Ordering::SeqCst) {
        wires.extend(incoming.try_iter());
        let before = shared.moved.load(Ordering::SeqCst);
        wires.retain_mut(|wire: &mut Wire| wire.serve(shared));
        if shared.moved.load(Ordering::SeqCst) == before {
            wires.extend(incoming.recv_timeout(NAP));
        }
    }
    // What was never taken over has a listener, too.
    wires.extend(incoming.try_iter());
}
